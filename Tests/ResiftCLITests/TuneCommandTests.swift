import Foundation
import Inference
import OrderedJSON
import TestSupport
import Testing

@Suite("resift tune and resift cost", .blocking)
struct TuneCommandTests {
    private let folder: TemporaryFolder
    private let common: [String]

    /// Twelve documents with a word of their own, and a query for each of the first six; the third has stop words only.
    init() throws {
        folder = try TemporaryFolder()
        let words = [
            "apple", "banana", "cherry", "damson", "elder", "fig", "grape", "hazel", "iris", "juniper", "kiwi", "lime",
        ]
        let corpus = words.enumerated().map { "{\"_id\": \"d\($0)\", \"text\": \"a tree with \($1) and fruit\"}" }
        try folder.write("corpus.jsonl", corpus.joined(separator: "\n") + "\n")
        let queries = words.prefix(6).enumerated().map { "\($0)\t\($0 == 2 ? "to be" : "tree \($1)")" }
        try folder.write("queries.jsonl", queries.joined(separator: "\n") + "\n")
        try FileManager.default.createDirectory(atPath: folder.path + "/qrels", withIntermediateDirectories: true)
        let qrels = (0..<6).map { "\($0) 0 d\($0) 1" }
        try folder.write("qrels/train.tsv", qrels.joined(separator: "\n") + "\n")
        common = [
            "tune", "--dataset", folder.path, "--split", "train", "--index", folder.path + "/index.resift", "--models",
            Resift.model, "--folds", "3", "--measure", "RR",
        ]
    }

    private func json(_ output: Resift.Output) throws -> JSONObject {
        guard case .object(let object) = try JSONValue.parse(Array(output.stdout.utf8)) else { return JSONObject() }
        return object
    }

    @Test("recommends what the queries ask for, with the held-out figure and a command that searches so")
    func recommends() throws {
        let output = try Resift.run(common + ["--pools", "0,5", "--format", "json"])
        #expect(output.status == 0, "\(output.stderr)")
        let report = try json(output)
        // BM25 puts each document first, but for the query without words; random weights cannot do better.
        #expect(report["tuned"] == .number(try #require(JSONNumber(0.833333))))
        #expect(report["held_out"] == report["tuned"])
        // No reranking, and 5 candidates read in three ways.
        #expect(report["settings_compared"] == .number(JSONNumber(4)))
        #expect(
            report["command"] == .string("resift search QUERY --index FILE --stages bm25 --no-rerank"),
            "\(output.stdout)")
    }

    @Test("a hybrid's weights and constants are swept where there is an embedder; the command line is understood")
    func hybrid() throws {
        let embedder = Repository.model("bert-bi-encoder-mean")
        let output = try Resift.run(
            common + [
                "--pools", "5", "--embedder", embedder, "--rank-constants", "60", "--weights", "0.5,1", "--format",
                "json",
            ])
        #expect(output.status == 0, "\(output.stderr)")
        // Three ways to read, times bm25, dense, and two weights in each of two fusions.
        #expect(try json(output)["settings_compared"] == .number(JSONNumber(3 * 6)))
        for fusion in [["--rank-constant", "60.0"], ["--fusion", "min-max"]] {
            let search = try Resift.run(
                [
                    "search", "tree fig", "--index", folder.path + "/index.resift", "--stages", "hybrid",
                    "--lexical-weight", "1.0", "--rerank", "--pool", "5", "--reranked-text", "every-passage", "--model",
                    Resift.model, "--embedder", embedder, "--format", "jsonl",
                ] + fusion)
            #expect(search.status == 0, "\(search.stderr)")
            #expect(search.lines.count == 10, "\(search.stdout)")
        }
    }

    @Test("nothing fast enough, or too few queries, is an error that says what there is")
    func refuses() throws {
        let slow = try Resift.run(common + ["--pools", "5", "--max-latency", "0"])
        #expect(slow.status == 65)
        #expect(slow.stderr.contains("The fastest have"))
        let few = try Resift.run(common + ["--folds", "7"])
        #expect(few.status == 65)
        #expect(few.stderr.contains("6 judged queries for 7 folds"))
    }

    @Test("cost: 86,400 queries of 50 candidates at 50 pairs/s keep one machine busy")
    func cost() throws {
        let output = try Resift.run([
            "cost", "--queries-per-day", "86400", "--candidates", "50", "--pairs-per-second", "50", "--price-per-hour",
            "0.5", "--price-per-1000-searches", "2", "--format", "json",
        ])
        #expect(output.status == 0, "\(output.stderr)")
        let report = try json(output)
        for (name, expected) in [
            ("machine_hours_per_day", 24), ("machines_busy_on_average", 1), ("own_price_per_day", 12),
            ("hosted_price_per_day", 172.8),
        ] {
            guard case .number(let number)? = report[name] else {
                Issue.record("no \(name)")
                continue
            }
            #expect(number.double == expected)
        }
    }
}
