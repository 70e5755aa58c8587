import Foundation
import Inference
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("resift rerank", .blocking)
struct RerankCommandTests {
    private let query = "river temperature"
    private let texts = ["water budget", "river temperature", "council election"]

    /// JSON Lines of documents without ids, best first.
    private func expected(_ scores: [Float], ids: [String]? = nil) -> String {
        Resift.order(scores).enumerated().map { place, index in
            "{\"rank\": \(place + 1), \"index\": \(index), \"id\": \(ids.map { "\"\($0[index])\"" } ?? "null"), "
                + "\"score\": \(scores[index]), \"score_kind\": \"logit\", \"text\": \"\(texts[index])\"}\n"
        }.joined()
    }

    @Test("every input format gives the same ranking, found out or named, from a file or standard input")
    func inputFormats() async throws {
        let scores = try await Resift.scores(query, texts)
        let folder = try TemporaryFolder()
        let inputs: [(DocumentKind, String)] = [
            (.init("jsonl"), texts.map { "\"\($0)\"\n" }.joined()),
            (.init("jsonl"), texts.map { "{\"text\": \"\($0)\"}\n" }.joined()),
            (.init("json"), "[" + texts.map { "\"\($0)\"" }.joined(separator: ",\n") + "]"),
            (.init("lines"), texts.joined(separator: "\n")),
            (.init("lines"), "\u{FEFF}" + texts.joined(separator: "\r\n") + "\r\n"),
            (.init("tsv", ids: ["a", "b", "c"]), zip(["a", "b", "c"], texts).map { "\($0)\t\($1)\n" }.joined()),
        ]
        for (kind, input) in inputs {
            let output = Resift.Output(stdout: expected(scores, ids: kind.ids), stderr: "", status: 0)
            #expect(try Resift.rerank(query, input: input) == output)
            #expect(try Resift.rerank(query, ["--input-format", kind.format], input: input) == output)
            let path = try folder.write("documents", input)
            #expect(try Resift.run(["rerank", query, "--documents", path, "--model", Resift.model]) == output)
        }
    }

    private struct DocumentKind {
        var format: String
        var ids: [String]?

        init(_ format: String, ids: [String]? = nil) {
            self.format = format
            self.ids = ids
        }
    }

    @Test("tsv prints rank, id or position, score and text; trec prints query, Q0, id, rank, score and tag")
    func tabularFormats() async throws {
        let scores = try await Resift.scores(query, texts)
        let order = Resift.order(scores)
        let input = "{\"id\": \"a\", \"text\": \"water budget\"}\n\"river\\ttemperature\"\n\"council election\"\n"
        let names = ["a", "1", "2"]
        let tsv = order.enumerated().map { "\($0 + 1)\t\(names[$1])\t\(scores[$1])\t\(texts[$1])\n" }.joined()
        #expect(
            try Resift.rerank(query, ["--format", "tsv"], input: input) == .init(stdout: tsv, stderr: "", status: 0))
        let trec = order.enumerated().map { "1 Q0 \(names[$1]) \($0 + 1) \(scores[$1]) resift\n" }.joined()
        #expect(
            try Resift.rerank(query, ["--format", "trec"], input: input) == .init(stdout: trec, stderr: "", status: 0))
    }

    @Test("a table has a line for each document with score, bar and text, cut to the width")
    func table() throws {
        let long = Array(repeating: "harbour", count: 20).joined(separator: " ")
        let input = "{\"id\": \"a\", \"text\": \"water\\nbudget\"}\n\"river temperature\"\n\"\"\n\"\(long)\"\n"
        let output = try Resift.rerank(query, ["--format", "table", "--precision", "fp32"], input: input)
        try Snapshot.expect(output.stdout, is: "table")
        #expect(output.stderr == "" && output.status == 0)
        #expect(output.lines.allSatisfy { $0.count <= 80 })
        let explained = try Resift.rerank(
            query,
            [
                "--format", "table", "--precision", "fp32", "--explain", "--long-documents", "split", "--max-tokens",
                "16",
            ],
            input: input)
        try Snapshot.expect(explained.stdout, is: "table-explain")
    }

    @Test("--limit prints the best; without it a note says that there is more, with it none does, and 0 prints all")
    func limit() async throws {
        let many = (0..<12).map { "harbour \(Array(repeating: "tree", count: $0).joined(separator: " "))" }
        let input = many.joined(separator: "\n")
        let all = try Resift.rerank(query, ["--limit", "0"], input: input)
        #expect(all.lines.count == 12 && all.stderr == "")
        let ten = try Resift.rerank(query, input: input)
        #expect(ten.lines == Array(all.lines.prefix(10)))
        #expect(ten.stderr == "note: the best 10 of 12 documents; --limit 0 prints all\n")
        let two = try Resift.rerank(query, ["--limit", "2"], input: input)
        #expect(two == .init(stdout: all.lines.prefix(2).map { $0 + "\n" }.joined(), stderr: "", status: 0))
    }

    @Test("--min-score leaves out what scores lower; if that is everything, nothing is printed and the status is 0")
    func minScore() async throws {
        let scores = try await Resift.scores(query, texts).sorted(by: >)
        let input = texts.joined(separator: "\n")
        let all = try Resift.rerank(query, input: input)
        let two = try Resift.rerank(query, ["--min-score", "\(scores[1])"], input: input)
        #expect(two.lines == Array(all.lines.prefix(2)) && two.stderr == "")
        let none = try Resift.rerank(query, ["--min-score", "1e30"], input: input)
        #expect(none == .init(stdout: "", stderr: "", status: 0))
    }

    @Test(
        "an object's other fields are kept in order; one of the command's own names becomes input_NAME; ids keep their kind"
    )
    func fields() async throws {
        let score = try await Resift.scores(query, ["Head water"])[0]
        func line(_ document: String) throws -> String { try Resift.rerank(query, input: document).stdout }
        let start = "{\"rank\": 1, \"index\": 0, \"id\": "
        let middle = ", \"score\": \(score), \"score_kind\": \"logit\", \"text\": \"water\", "
        #expect(
            try line(#"{"url": "u", "id": 7, "text": "water", "title": "Head", "tags": [1.0, null]}"#)
                == start + "7" + middle + #""url": "u", "title": "Head", "tags": [1.0, null]}"# + "\n")
        #expect(
            try line(
                #"{"title": "Head", "_id": "b", "text": "water", "score": 3, "rank": "x", "index": 1, "passage": {}}"#)
                == start + "\"b\"" + middle
                + #""title": "Head", "_id": "b", "input_score": 3, "input_rank": "x", "input_index": 1, "input_passage": {}}"#
                + "\n")
        #expect(
            try line(#"{"title": "Head", "text": "water"}"#) == start + "null" + middle + #""title": "Head"}"# + "\n")
    }

    @Test("--rank-fields chooses what is read; text is then what the model read, unless the object has a text")
    func rankFields() async throws {
        let texts = ["place: harbour\nname: river", "place: city"]
        let scores = try await Resift.scores(query, texts)
        let input = #"{"name": "river", "place": "harbour"}"# + "\n" + #"{"place": "city"}"#
        let output = try Resift.rerank(query, ["--rank-fields", "place,name"], input: input)
        let others = [#""name": "river", "place": "harbour""#, #""place": "city""#]
        let lines = Resift.order(scores).enumerated().map { place, index in
            "{\"rank\": \(place + 1), \"index\": \(index), \"id\": null, \"score\": \(scores[index]), \"score_kind\": \"logit\", "
                + "\"text\": \(JSONValue.string(texts[index]).compact), \(others[index])}"
        }
        #expect(output.lines == lines)
        #expect(output.stderr == "" && output.status == 0)
    }

    @Test("a split document has its passage's code points, and the text that they count")
    func split() async throws {
        let text = "🙂 e\u{301} water budget tree. 🙂 river harbour city council. village search memory"
        let options = RerankOptions(longDocuments: .split(overlapTokens: 0), maxTokens: 10)
        let candidate = try await Reranker.load(directory: Resift.model).rerank("river", [text], options: options)
            .candidates[0]
        let passage = try #require(candidate.passage)
        let output = try Resift.rerank(
            "river", ["--long-documents", "split", "--overlap", "0", "--max-tokens", "10"], input: "\"\(text)\"")
        #expect(
            output.stdout
                == "{\"rank\": 1, \"index\": 0, \"id\": null, \"score\": \(candidate.score), \"score_kind\": \"logit\", "
                + "\"text\": \"\(text)\", \"passage\": {\"start\": \(passage.start), \"end\": \(passage.end)}}\n")
        #expect(output.stderr == "" && output.status == 0)
    }

    @Test("a document that is cut says so in its line, and a note counts them; so does a query")
    func truncation() async throws {
        let long = Array(repeating: "water", count: 30).joined(separator: " ")
        let output = try Resift.rerank("river", ["--max-tokens", "24"], input: "\"\(long)\"\n\"tree\"\n")
        // 24 - 3 special - 1 of the query = 20 of 30.
        #expect(output.lines.count { $0.hasSuffix("\"truncated_tokens\": 10}") } == 1)
        #expect(output.lines.count == 2)
        #expect(
            output.stderr
                == "note: 1 of 2 documents were cut to the model's window; --long-documents split scores all of them\n")
        let query = try Resift.rerank(long, ["--max-tokens", "24"], input: "tree")
        #expect(query.stderr == "note: the query lost 10 tokens to the model's window\n")
        let refused = try Resift.rerank("river", ["--max-tokens", "24", "--long-documents", "refuse"], input: long)
        #expect(refused.status == 65 && refused.stdout == "")
        #expect(refused.stderr.hasPrefix("error: document 0 has 30 tokens and the query 1.\n  why: "))
    }

    @Test("--explain adds logit, tokens, passages and precision to each line, and a report on standard error")
    func explain() async throws {
        let score = try await Resift.scores(query, ["water"])[0]
        let output = try Resift.rerank(query, ["--explain", "--threads", "2"], input: "water")
        let precision = try Kernels.forThisMachine().resolve(.auto)
        // [CLS] river temperature [SEP] water [SEP].
        #expect(
            output.stdout.hasSuffix(
                "\"text\": \"water\", \"explain\": {\"logit\": \(score), \"tokens\": 6, \"passages\": 1, "
                    + "\"precision\": \"\(precision)\"}}\n"))
        #expect(output.stderr.contains(": 1 pairs, 6 tokens, "))
        #expect(output.stderr.contains("2 threads, "))
        #expect(output.stderr.hasSuffix(" kernels, \(precision)\n"))
    }

    @Test("--precision computes in it and says so, and a name that is none ends with status 64")
    func precision() async throws {
        for precision in [Precision.int8, .fp32] {
            let score = try await Reranker.load(directory: Resift.model, precision: precision).scores(query, ["water"])[
                0]
            let output = try Resift.rerank(query, ["--explain", "--precision", precision.rawValue], input: "water")
            #expect(output.stdout.contains("\"score\": \(score),"))
            #expect(output.stdout.contains("\"precision\": \"\(precision)\""))
        }
        #expect(try Resift.rerank(query, ["--precision", "fp8"], input: "water").status == 64)
    }

    @Test("bf16 on a CPU that does not multiply it ends with status 65 and says what there is")
    func unavailablePrecision() throws {
        guard let other = Kernels.available.first(where: { (try? Kernels.named($0).resolve(.bf16)) == nil }) else {
            return
        }
        let output = try Resift.rerank(
            query, ["--precision", "bf16"], input: "water", environment: ["RESIFT_KERNELS": other])
        #expect(output.status == 65 && output.stdout == "")
        #expect(output.stderr.contains("fix: Choose int8, fp32 or auto.\n"))
    }

    @Test("the output is the same byte for byte on 1, 2 and 5 threads")
    func threads() throws {
        var random = SeededGenerator(seed: 2)
        let words = ["river", "temperature", "water", "tree", "harbour", "🙂", "xq7"]
        let input = (0..<40).map { _ in
            (0..<random.int(in: 0...60)).map { _ in random.pick(words) }.joined(separator: " ")
        }
        .joined(separator: "\n")
        let outputs = try ["1", "2", "5"].map {
            try Resift.rerank(query, ["--threads", $0, "--limit", "0"], input: input)
        }
        #expect(outputs[0].lines.count == 40)
        #expect(outputs[0].status == 0)
        #expect(outputs[1] == outputs[0] && outputs[2] == outputs[0])
    }

    @Test("a model of several labels needs --label, which chooses one")
    func label() throws {
        let arguments = [
            "rerank", query, "--documents", "-", "--model", Repository.model("bert-cross-encoder-3-labels"),
        ]
        let missing = try Resift.run(arguments, input: "water")
        #expect(missing.status == 69)
        #expect(missing.stderr.hasSuffix("fix: Name the label by its number, 0 to 2.\n"))
        #expect(try Resift.run(arguments + ["--label", "3"], input: "water").status == 65)
        let scores = try (0..<3).map { try Resift.run(arguments + ["--label", "\($0)"], input: "water").stdout }
        #expect(Set(scores).count == 3)
    }

    @Test("a deadline that passed leaves the order as it was, without scores, and says so")
    func deadline() throws {
        let input = "one\ntwo\nthree\n"
        let output = try Resift.rerank("a question", ["--deadline", "0.00001ms"], input: input)
        #expect(output.status == 0)
        #expect(output.stderr.contains("note: the deadline left 3 of 3 documents without a score"))
        for (place, line) in output.lines.enumerated() {
            #expect(
                line.hasPrefix(
                    "{\"rank\": \(place + 1), \"index\": \(place), \"id\": null, \"score\": null, \"score_kind\": \"unscored\""
                ))
        }
        #expect(output.lines.count == 3)
        let run = try Resift.rerank("a question", ["--deadline", "0.00001ms", "--format", "trec"], input: input)
        #expect(run.stdout == "1 Q0 0 1 -1.0 resift\n1 Q0 1 2 -2.0 resift\n1 Q0 2 3 -3.0 resift\n")
        let long = try Resift.rerank("a question", ["--deadline", "60s"], input: input)
        #expect(long.stdout == (try Resift.rerank("a question", input: input).stdout))
        #expect(long.stderr == "")
        for bad in ["0ms", "-1s", "5", "25h", "nans", "1e99s"] {
            #expect(try Resift.rerank("q", ["--deadline", bad], input: input).status == 64, "\(bad)")
        }
    }

    @Test("a profile is stored in the cache, and a damaged one is named")
    func profile() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let environment = ["XDG_CACHE_HOME": folder.path]
        let output = try Resift.run(
            ["profile", "--model", Resift.model, "--threads", "1", "--format", "json"], environment: environment)
        #expect(output.status == 0, "\(output.stderr)")
        guard case .object(let report) = try JSONValue.parse(Array(output.stdout.utf8)),
            case .string(let file)? = report["file"]
        else {
            Issue.record("\(output.stdout)")
            return
        }
        #expect(file.hasPrefix(folder.path + "/resift/profiles/"))
        #expect(try CostProfile(path: file).threads == 1)
        try Data("{}".utf8).write(to: URL(fileURLWithPath: file))
        let damaged = try Resift.rerank("q", ["--threads", "1"], input: "a\n", environment: environment)
        #expect(damaged.status == 74)
        #expect(damaged.stderr.contains("or make it again with `resift profile`"))
    }
}
