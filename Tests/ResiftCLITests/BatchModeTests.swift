import TestSupport
import Testing

@Suite("resift rerank --queries", .blocking)
struct BatchModeTests {
    private let folder: TemporaryFolder
    private let documents: String
    private let queries: String
    private let texts = ["water budget", "river temperature", "council election"]

    init() throws {
        folder = try TemporaryFolder()
        documents = try folder.write(
            "corpus.jsonl", texts.enumerated().map { "{\"_id\": \"d\($0)\", \"text\": \"\($1)\"}\n" }.joined())
        queries = try folder.write(
            "queries.jsonl", "{\"_id\": \"q1\", \"text\": \"river\"}\n{\"_id\": \"q2\", \"text\": \"election\"}\n")
    }

    private func run(_ options: [String]) throws -> Resift.Output {
        try Resift.run(["rerank", "--queries", queries, "--documents", documents, "--model", Resift.model] + options)
    }

    private func trec(_ query: String, _ id: String, _ pool: [Int]) async throws -> String {
        let scores = try await Resift.scores(query, texts)
        return pool.sorted { scores[$0] > scores[$1] }.enumerated()
            .map { "\(id) Q0 d\($1) \($0 + 1) \(scores[$1]) resift\n" }.joined()
    }

    @Test("without candidates every query ranks all documents")
    func allDocuments() async throws {
        let expected = try await trec("river", "q1", [0, 1, 2]) + trec("election", "q2", [0, 1, 2])
        #expect(try run(["--format", "trec"]) == .init(stdout: expected, stderr: "", status: 0))
    }

    @Test("with candidates each query ranks its own, and a note counts the queries that have none")
    func candidates() async throws {
        let run1 = try folder.write("run.trec", "q1 Q0 d0 1 9 bm25\nq1 Q0 d2 2 8 bm25\n")
        let output = try run(["--format", "trec", "--candidates", run1])
        #expect(
            output
                == .init(
                    stdout: try await trec("river", "q1", [0, 2]),
                    stderr: "note: 1 of 2 queries have no candidates and no ranking\n", status: 0))
    }

    @Test("JSON Lines and TSV begin with the query's id; --limit is for each query")
    func otherFormats() async throws {
        let best = try await [("q1", "river"), ("q2", "election")].asyncMap { id, query in
            let scores = try await Resift.scores(query, texts)
            let index = Resift.order(scores)[0]
            return (id, index, scores[index])
        }
        let lines = best.map { id, index, score in
            "{\"query_id\": \"\(id)\", \"rank\": 1, \"index\": \(index), \"id\": \"d\(index)\", \"score\": \(score), "
                + "\"score_kind\": \"logit\", \"text\": \"\(texts[index])\", \"_id\": \"d\(index)\"}\n"
        }
        #expect(try run(["--limit", "1"]) == .init(stdout: lines.joined(), stderr: "", status: 0))
        let tsv = best.map { "\($0)\t1\td\($1)\t\($2)\t\(texts[$1])\n" }.joined()
        #expect(try run(["--limit", "1", "--format", "tsv"]) == .init(stdout: tsv, stderr: "", status: 0))
    }

    @Test("a run that names an unknown document, and a broken query, end with status 65 before anything is ranked")
    func broken() throws {
        let wrong = try folder.write("run.trec", "q1 Q0 d9 1 9 bm25\n")
        let output = try run(["--candidates", wrong])
        #expect(output.status == 65 && output.stdout == "")
        #expect(
            output.stderr.hasPrefix(
                "error: \(wrong) names the document \"d9\", which is not among the documents.\n  why: "))
        try folder.write(
            "queries.jsonl", "{\"_id\": \"q1\", \"text\": \"river\"}\n{\"_id\": \"q2\", \"text\": \" \"}\n")
        let empty = try run([])
        #expect(empty.status == 65 && empty.stdout == "")
        #expect(empty.stderr.hasPrefix("error: \(queries), line 2: the line has an empty query (id \"q2\").\n"))
    }
}

extension Array {
    fileprivate func asyncMap<Result>(_ transform: (Element) async throws -> Result) async rethrows -> [Result] {
        var results: [Result] = []
        for element in self { results.append(try await transform(element)) }
        return results
    }
}
