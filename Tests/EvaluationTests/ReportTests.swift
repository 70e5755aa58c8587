import Evaluation
import Ranking
import Testing
import TextFiles

@Suite("Reports")
struct ReportTests {
    private func run(_ text: String) throws -> Run {
        try RunReader().run(in: InputBytes(name: "run", bytes: Array(text.utf8)))
    }

    @Test("JSON Lines and TREC runs read alike")
    func jsonLines() throws {
        let text = """
            {"query_id": "1", "rank": 1, "id": "a", "score": 2.5, "text": "x"}

            {"query_id": 2, "document_id": 7, "score": -1e-3}
            """
        #expect(try run(text) == ["1": ["a": 2.5], "2": ["7": -0.001]])
    }

    @Test("a run written as JSON Lines reads back")
    func jsonLinesRoundTrip() throws {
        let run: Run = ["2": ["a": 1, "b": 1.5], "1": ["c \"quoted\"": -0.25]]
        #expect(try self.run(run.jsonLines()) == run)
    }

    @Test(
        "a broken line of a JSON Lines run is refused with its number",
        arguments: [
            ("{\"query_id\": \"1\", \"id\": \"a\", \"score\": 1}\n{\"query_id\"", "line 2"),
            ("{\"id\": \"a\", \"score\": 1}", "\"query_id\""), ("{\"query_id\": \"1\", \"score\": 1}", "\"id\""),
            ("{\"query_id\": \"1\", \"id\": \"a\", \"score\": \"1\"}", "\"score\""),
            ("{\"query_id\": \"1\", \"id\": \"a\", \"score\": 1e999}", "finite"),
            (
                "{\"query_id\": \"1\", \"id\": \"a\", \"score\": 1}\n{\"query_id\": \"1\", \"id\": \"a\", \"score\": 2}",
                "line 2: the line repeats document \"a\""
            ), ("{}\n1 Q0 a 1 1 x", "line 1"),
        ])
    func brokenJSONLines(text: String, part: String) {
        let error = #expect(throws: RankingError.self) { try run(text) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what.contains(part) == true, "\(error?.what ?? "")")
    }

    @Test("recall of the pool counts each relevant document once: in it, just outside, deeper, or not there")
    func poolRecall() {
        // Ranking: d1 ... d6. Relevant: d1 (in a pool of 2), d3 and d4 (just outside: ranks 3 and 4), d6 (deeper), gone.
        let scores: [String: Double] = ["d1": 6, "d2": 5, "d3": 4, "d4": 3, "d5": 2, "d6": 1]
        let qrels: Qrels = ["q": ["d1": 1, "d2": 0, "d3": 2, "d4": 1, "d6": 1, "gone": 1], "none": ["d1": 0]]
        let recall = PoolRecall(["q": scores], qrels, poolSize: 2, cutoffs: [1, 4, 10])
        #expect(recall.relevant == 5)
        #expect(recall.inPool == 1)
        #expect(recall.justOutside == 2)
        #expect(recall.deeper == 1)
        #expect(recall.notRetrieved == 1)
        // The query without relevant documents does not count.
        let expected: [Int: Double] = [1: 1 / 5.0, 4: 3 / 5.0, 10: 4 / 5.0]
        #expect(recall.recall == expected)
    }

    @Test("a query that the first stage failed on has found nothing")
    func missingQuery() {
        let recall = PoolRecall([:], ["q": ["a": 1]], poolSize: 5)
        #expect(recall.notRetrieved == 1)
        #expect(recall.recall[5] == 0)
    }

    @Test("percentiles are by nearest rank")
    func latency() {
        let summary = LatencySummary(milliseconds: Array(stride(from: 20.0, through: 1, by: -1)))
        #expect(summary.p50 == 10)
        #expect(summary.p95 == 19)
        #expect(summary.mean == 10.5)
        #expect(LatencySummary(milliseconds: []) == LatencySummary(milliseconds: [0]))
    }

    @Test("costs: 100,000 queries of 36 ms are one hour; 2 per 1,000 searches make 200")
    func cost() {
        let cost = ServingCost(pricePerHour: 0.2, pricePer1000Searches: 2)
        #expect(abs(cost.machineHours(queries: 100_000, millisecondsPerQuery: 36) - 1) < 1e-12)
        #expect(abs(cost.own(queries: 100_000, millisecondsPerQuery: 36) - 0.2) < 1e-12)
        #expect(cost.hosted(queries: 100_000) == 200)
    }

    /// Two rows over 3 queries; the second is worse for each by the same amount.
    private var report: DatasetReport {
        let measure = Measure(.reciprocalRank)
        let qrels: Qrels = ["1": ["a": 1], "2": ["a": 1], "3": ["a": 1]]
        let good: Run = ["1": ["a": 2, "b": 1], "2": ["a": 2, "b": 1], "3": ["a": 2, "b": 1]]
        let bad: Run = ["1": ["a": 1, "b": 2], "2": ["a": 1, "b": 2], "3": ["a": 1, "b": 2]]
        let evaluator = Evaluator([measure])
        let rows = [("bm25", good), ("bm25+rerank", bad)].map { name, run in
            DatasetReport.Row(
                name: name, reranks: name != "bm25", result: evaluator.evaluate(run, qrels),
                latency: LatencySummary(milliseconds: [1, 2, 3]), pairs: 6, failures: [:],
                top: ["1": [("<a>", 1), ("b", nil)]], movements: [(1, 2), (3, 1)])
        }
        return DatasetReport(
            dataset: "set", split: "test", measures: [measure], rows: rows,
            recall: [("bm25", PoolRecall(good, qrels, poolSize: 50))], cost: ServingCost(),
            queryTexts: ["1": "is a < b & c?", "2": "two", "3": "three"])
    }

    @Test("where reranking hurts, the table says so")
    func worse() throws {
        let table = report.table()
        let verdict = try #require(table[0].firstIndex(of: "verdict"))
        #expect(table[1][verdict] == "")
        #expect(table[2][verdict] == "worse")
        #expect(table[2][table[0].firstIndex(of: "change in RR") ?? 0] == "-0.5000")
        #expect(table[2][table[0].firstIndex(of: "win/tie/loss") ?? 0] == "0/0/3")
    }

    @Test("the page holds its plots, escapes what it shows, and loads nothing")
    func html() {
        let page = HTMLReport(report).text
        for id in ["plot-recall", "plot-quality", "plot-gains", "plot-movements"] {
            #expect(page.contains("<svg id=\"\(id)\""))
        }
        #expect(page.contains("is a &lt; b &amp; c?"))
        #expect(page.contains("&lt;a&gt; <b>relevant (1)</b>"))
        #expect(page.contains("<td class=\"worse\">worse</td>"))
        for word in ["<script", "src=", "href=", "url(", "@import"] { #expect(!page.contains(word)) }
    }

    @Test("cross-validation reports what the choice is worth on queries it was not made by")
    func crossValidation() throws {
        // Two folds of queries {0, 2} and {1, 3}. The first setting is good on 0 and 2, the second on 1 and 3: each fold
        // chooses what fails on the other.
        let values: [[Double]] = [[1, 0, 1, 0], [0, 0.9, 0, 0.9]]
        let outcome = try #require(CrossValidation(folds: 2).choose(values))
        #expect(outcome.best == 0)
        #expect(outcome.tuned == 0.5)
        #expect(outcome.heldOut == 0)
        #expect(outcome.chosen == [1, 0])
        #expect(CrossValidation(folds: 5).choose(values) == nil)
        #expect(CrossValidation(folds: 2).choose([]) == nil)
    }

    @Test("the front has what nothing beats in quality and latency; the first of equals")
    func paretoFront() {
        let points: [(quality: Double, milliseconds: Double)] = [(0.5, 10), (0.4, 20), (0.7, 30), (0.7, 30), (0.3, 5)]
        #expect(ParetoFront.of(points) == [4, 0, 2])
    }
}
