import Foundation
import OrderedJSON
import Ranking
import Reranking
import ScriptedServer
import TestSupport
import Testing
import TextFiles

@testable import RemoteRerankers

/// NovelEval (Sun et al., EMNLP 2023): 21 questions, 20 judged passages each, from 0 to 2.
private struct NovelEval: Sendable {
    struct Query: Sendable {
        var text: String
        /// The judged passages, with passages of other questions behind them.
        var documents: [Document]
        /// By the text as a model reads it.
        var grades: [String: Int]
        var ids: [String: Int]

        /// The discounted cumulative gain of the first ten, by the ideal one.
        func nDCG(_ ids: [String?]) -> Double {
            func dcg(_ grades: [Int]) -> Double {
                grades.prefix(10).enumerated().reduce(0) { $0 + Double($1.element) / log2(Double($1.offset) + 2) }
            }
            let found = ids.map { $0.flatMap { self.ids[$0] } ?? 0 }
            return dcg(found) / dcg(self.ids.values.sorted(by: >))
        }
    }

    /// Nil where the collection is not there.
    static let folder: String? = {
        let shared = ProcessInfo.processInfo.environment["RESIFT_SHARED"] ?? Repository.directory + "/../shared"
        let folder = shared + "/datasets/noveleval"
        return FileManager.default.fileExists(atPath: folder + "/corpus.jsonl.gz") ? folder : nil
    }()

    let queries: [Query]

    init() throws {
        let folder = try #require(NovelEval.folder)
        func objects(_ file: String) throws -> [JSONObject] {
            try InputBytes.read(path: folder + "/" + file).textLines().filter { !$0.isEmpty }.map(
                JSONObject.init(parsing:))
        }
        var texts: [(id: String, text: String)] = []
        for object in try objects("corpus.jsonl.gz") {
            texts.append((try #require(object.string("_id")), try #require(object.string("text"))))
        }
        var grades: [String: [String: Int]] = [:]
        for line in try InputBytes.read(path: folder + "/qrels/test.tsv").textLines().dropFirst() {
            let fields = line.split(separator: "\t").map(String.init)
            if fields.count == 3, let grade = Int(fields[2]) { grades[fields[0], default: [:]][fields[1]] = grade }
        }
        queries = try objects("queries.jsonl").map { object in
            let judged = grades[try #require(object.string("_id"))] ?? [:]
            let pool = texts.filter { judged[$0.id] != nil } + texts.filter { judged[$0.id] == nil }.prefix(20)
            return Query(
                text: try #require(object.string("text")), documents: pool.map { Document($0.text, id: $0.id) },
                grades: Dictionary(
                    pool.map { (ForeignText.neutral($0.text), judged[$0.id] ?? 0) }, uniquingKeysWith: max),
                ids: judged)
        }
    }
}

@Suite(
    "Listwise reranking of NovelEval",
    .enabled(if: NovelEval.folder != nil, "needs RESIFT_SHARED with datasets/noveleval"))
struct NovelEvalTests {
    private let servers = ScriptedServers()
    private func ranker(
        _ server: ScriptedServer, window: SlidingWindow, unusable: UnusableAnswers = .fail
    ) throws -> ListwiseReranker {
        var settings = ListwiseReranker.Settings()
        settings.window = window
        settings.documentTokens = 10_000
        settings.unusableAnswers = unusable
        return try ListwiseReranker(ChatScript.openAI.model(server), settings: settings)
    }

    /// The order by grade, of equal ones as they stand.
    private static func order(_ asked: AskedPrompt, _ query: NovelEval.Query?) -> [Int] {
        let grades = asked.passages.map { query?.grades[$0] ?? -1 }
        return grades.indices.sorted { (-grades[$0], $0) < (-grades[$1], $1) }
    }

    @Test(
        "an oracle that knows the judgements makes nDCG@10 what the sliding window gives by hand, 1 with windows of 20")
    func perfect() async throws {
        let data = try NovelEval()
        #expect(data.queries.count == 21)
        for (size, step) in [(20, 10), (8, 4)] {
            for query in data.queries {
                let server = try servers.start { request, _ in
                    let asked = AskedPrompt(request)
                    return ChatScript.openAI.answer(asked.answer(NovelEvalTests.order(asked, query)))
                }
                let ranking = try await ranker(server, window: SlidingWindow(size: size, step: step)).rerank(
                    query.text, query.documents, limit: nil)
                // The published algorithm, written down once more.
                var byHand = query.documents.map { (id: $0.id, grade: $0.id.flatMap { query.ids[$0] } ?? 0) }
                var (start, end) = (byHand.count - size, byHand.count)
                while end > 0, start + step != 0 {
                    start = max(start, 0)
                    let sorted = byHand[start..<end].enumerated().sorted {
                        ($1.element.grade, $0.offset) < ($0.element.grade, $1.offset)
                    }
                    byHand.replaceSubrange(start..<end, with: sorted.map(\.element))
                    start -= step
                    end -= step
                }
                #expect(ranking.candidates.map(\.id) == byHand.map(\.id))
                let nDCG = query.nDCG(ranking.candidates.map(\.id))
                #expect(abs(nDCG - query.nDCG(byHand.map(\.id))) < 1e-12)
                if size == 20 { #expect(abs(nDCG - 1) < 1e-12) }
                #expect(nDCG >= query.nDCG(query.documents.map(\.id)) - 1e-12)
                #expect(ranking.report.usage?.malformedAnswers == 0)
            }
        }
    }

    @Test(
        "an oracle that errs and breaks the form now and then loses no document, and still helps",
        arguments: [1, 2] as [UInt64])
    func noisy(seed: UInt64) async throws {
        let data = try NovelEval()
        var (before, after) = (0.0, 0.0)
        for (number, query) in data.queries.enumerated() {
            let server = try servers.start { request, window in
                var random = SeededGenerator(seed: seed &* 1_000_003 &+ UInt64(number * 100 + window))
                let asked = AskedPrompt(request)
                var order = NovelEvalTests.order(asked, query)
                for _ in 0..<2 {
                    order.swapAt(random.int(in: 0...order.count - 1), random.int(in: 0...order.count - 1))
                }
                if random.oneIn(3) { order.removeLast(random.int(in: 1...3)) }
                if random.oneIn(3) { order.append(random.int(in: 0...40)) }
                let text = asked.answer(order)
                return ChatScript.openAI.answer(random.oneIn(3) ? "So:\n```json\n\(text)\n```" : text)
            }
            let ranking = try await ranker(server, window: SlidingWindow()).rerank(
                query.text, query.documents, limit: nil)
            #expect(ranking.candidates.map(\.index).sorted() == Array(query.documents.indices))
            before += query.nDCG(query.documents.map(\.id))
            after += query.nDCG(ranking.candidates.map(\.id))
        }
        #expect(after > before)
    }

    @Test("an oracle that answers anything loses no document and counts what it did", arguments: [1, 2, 3] as [UInt64])
    func hostile(seed: UInt64) async throws {
        let data = try NovelEval()
        for (number, query) in data.queries.enumerated() {
            let server = try servers.start { request, window in
                var random = SeededGenerator(seed: seed &* 1_000_003 &+ UInt64(number * 100 + window))
                // One answer of each call is a usable one.
                if window == 1 { return ChatScript.openAI.answer("[2] > [1]") }
                return NovelEvalTests.anything(&random)
            }
            let ranker = try ranker(server, window: SlidingWindow(size: 10, step: 5), unusable: .keepOrder)
            let ranking = try await ranker.rerank(query.text, query.documents, limit: nil)
            #expect(ranking.candidates.map(\.index).sorted() == Array(query.documents.indices))
            #expect(ranking.candidates.map(\.score) == query.documents.indices.reversed().map { Float($0 + 1) })
            let usage = try #require(ranking.report.usage)
            #expect(usage.malformedAnswers == server.requests.count)
            #expect(usage.answerFaults.values.reduce(0, +) >= usage.malformedAnswers)
        }
    }

    private static func anything(_ random: inout SeededGenerator) -> ScriptedServer.Answer {
        let texts = [
            "", "[1]", "[1] > [1] > [1]", "[0] > [11] > [99999999999999999999]", #"{"ranking": []}"#,
            #"{"ranking": "1"}"#,
            #"{"ranking": [1, 1, "2", null, -3, 1e9]}"#, "{\"ranking\": [1, 2", "I refuse.", "<think>[1] > [2]",
            "[3] >",
            String(repeating: "[7] > ", count: 10_000), "\u{0}", "🙂", "IGNORE ALL [1] [2] [3]", "-1 > -2", "٣ > ٢",
        ]
        return ChatScript.openAI.answer(random.pick(texts), end: random.pick([.complete, .complete, .cut, .refused]))
    }
}
