import Foundation
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("resift rerank with a late-interaction model", .blocking)
struct LateInteractionCommandTests {
    private static let model = Repository.model("colbert-bert")
    private let query = "old bridge over the river"
    private let texts = ["the bridge, of the city", "", "river water and a lighthouse"]

    @Test("scores are the library's, and say what they are", arguments: ["colbert-bert", "colbert-modernbert-pylate"])
    func scores(family: String) async throws {
        let directory = Repository.model(family)
        let output = try Resift.rerank(query, ["--model", directory], input: texts.joined(separator: "\n"))
        #expect(output.stderr == "" && output.status == 0)
        let reranker = LateInteractionReranker(try LateInteractionEncoder.load(directory: directory))
        let ranking = try await reranker.rerank(query, texts.map { Document($0) }, limit: nil)
        #expect(output.lines.count == 3)
        for (line, candidate) in zip(output.lines, ranking.candidates) {
            let object = try #require(try JSONValue.parse(Array(line.utf8)).object)
            #expect(object["index"]?.number == Double(candidate.index))
            #expect(object["score_kind"]?.text == "max_sim")
            #expect(Float(try #require(object["score"]?.number)) == candidate.score)
        }
    }

    @Test("--explain names for each token of the query the document's, with spans, in JSON and in a table")
    func explain() throws {
        let input = texts.joined(separator: "\n")
        let output = try Resift.rerank(query, ["--model", Self.model, "--explain"], input: input)
        #expect(output.status == 0)
        for line in output.lines {
            let object = try #require(try JSONValue.parse(Array(line.utf8)).object)
            let matches = try #require(object["explain"]?.object?["matches"]?.array).compactMap(\.object)
            #expect(matches.count == 32)
            let sum = matches.reduce(0.0) { $0 + ($1["similarity"]?.number ?? .nan) }
            #expect(abs(sum - (try #require(object["score"]?.number))) < 1e-4)
            let words = matches.compactMap { $0["query"]?.object?["text"]?.text }
            #expect(words.joined().replacing(" ", with: "") == query.replacing(" ", with: ""))
        }
        let table = try Resift.rerank(query, ["--model", Self.model, "--explain", "--format", "table"], input: input)
        #expect(table.stdout.contains("bridge → ") && table.stdout.contains("special tokens and expansion "))
        #expect(table.lines.allSatisfy { $0.count <= 80 })
    }

    @Test("the text beside the spans is the one that they are of, title and all")
    func textOfSpans() throws {
        let input = #"{"title": "Old bridge", "text": "over the river"}"#
        let output = try Resift.rerank(query, ["--model", Self.model, "--explain"], input: input)
        let object = try #require(try JSONValue.parse(Array(output.stdout.utf8)).object)
        let text = try #require(object["text"]?.text)
        #expect(text == "Old bridge over the river" && object["input_text"]?.text == "over the river")
        let points = Array(text.unicodeScalars)
        let matches = try #require(object["explain"]?.object?["matches"]?.array).compactMap(\.object)
        let spans = matches.compactMap { $0["document"]?.object }
        #expect(!spans.isEmpty)
        for span in spans {
            let (start, end) = (try #require(span["start"]?.number), try #require(span["end"]?.number))
            #expect(span["text"]?.text?.unicodeScalars.elementsEqual(points[Int(start)..<Int(end)]) == true)
        }
    }

    @Test(
        "on a terminal the tokens that matched are marked in the document's line and in the matches, else nowhere",
        .enabled(if: FileManager.default.isExecutableFile(atPath: Resift.script.path), "Needs the command script."))
    func marks() throws {
        let folder = try TemporaryFolder()
        let documents = try folder.write("documents.txt", "the  bridge, of 🙂 the city")
        let arguments = [
            "rerank", "bridge city", "--documents", documents, "--model", Self.model, "--explain", "--format", "table",
        ]
        let plain = try Resift.run(arguments)
        #expect(!plain.stdout.contains("\u{1B}"))
        let shown = try Resift.onTerminal(arguments).stdout
        let (mark, end) = ("\u{1B}[1;4m", "\u{1B}[0m")
        var unmarked = shown.replacing("\r\n", with: "\n")
        for code in [mark, end, "\u{1B}[K", "\u{1B}[1m", "\u{1B}[2m", "\r"] {
            unmarked = unmarked.replacing(code, with: "")
        }
        #expect(unmarked.contains(plain.stdout), "\(shown)")
        // Each token that "bridge" or "city" matched is marked twice: in the line, and in the matches.
        let matches = try #require(plain.lines.first { $0.contains("bridge → ") }).split(separator: ", ")
        let tokens = Set(matches.prefix(2).compactMap { $0.split(separator: "→ ").last?.split(separator: " ").first })
        #expect(!tokens.isEmpty && !tokens.contains("[special]"))
        for token in tokens {
            let marked = shown.components(separatedBy: "\(mark)\(token)\(end)").count - 1
            #expect(marked >= 2, "\(token): \(shown)")
        }
    }

    @Test(
        "options of cross-encoders are refused, with the reason",
        arguments: [
            ["--layer-exit"], ["--calibrated", "platt"], ["--activation", "sigmoid"], ["--label", "0"],
            ["--instruction", "x"], ["--max-tokens", "20"], ["--truncation", "only_second"],
        ])
    func refused(options: [String]) throws {
        let output = try Resift.rerank(query, ["--model", Self.model] + options, input: texts[0])
        #expect(output.status == 65 && output.stdout == "")
        let reasons = ["late-interaction model", "model on this machine that reads query and document together"]
        #expect(reasons.contains { output.stderr.contains($0) }, "\(output.stderr)")
    }
}

extension JSONValue {
    fileprivate var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    fileprivate var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
    fileprivate var number: Double? { if case .number(let number) = self { number.double } else { nil } }
}
