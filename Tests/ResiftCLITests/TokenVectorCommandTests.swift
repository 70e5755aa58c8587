import Foundation
import OrderedJSON
import Ranking
import Resift
import TestSupport
import Testing

@Suite("Token vectors in an index, from the command line", .blocking)
struct TokenVectorCommandTests {
    private static let model = Repository.model("colbert-bert")
    private static let texts = [
        "old bridge over the river", "river water and a lighthouse", "the council met in the city",
        "a lighthouse by the sea", "snow fell on the old city", "bridges and roads of the north",
        "the river carries boats to the sea", "a map of the old roads", "music in the city hall",
        "the boats of the north", "green water under the bridge", "a road over the hills",
    ]
    private static let lines = texts.enumerated().map { #"{"_id": "d\#($0)", "text": "\#($1)"}"# }
    private let query = "old bridge over the river"

    private func index(_ form: String) throws -> TestIndex {
        try TestIndex(Self.lines, ["--late-interaction", Self.model, "--token-vectors", form])
    }

    private func results(_ index: TestIndex, _ options: [String]) throws -> [Summary] {
        try expectSuccess(index.search(query, options + ["--format", "jsonl"])).lines.map(Summary.init)
    }

    @Test("stored float32 vectors give the scores of a rerank that encodes the documents, bit for bit")
    func exact() async throws {
        let index = try index("float32")
        let reranker = LateInteractionReranker(try LateInteractionEncoder.load(directory: Self.model))
        let ranking = try await reranker.rerank(
            query, Self.texts.enumerated().map { Document($1, id: "d\($0)") }, limit: nil)
        let expected = ranking.candidates.map { $0.id ?? "" }
        let found = try results(index, ["--stages", "colbert", "--no-rerank", "--limit", "12"])
        #expect(found.map { $0["id"] } == expected)
        #expect(found.allSatisfy { $0["score_kind"] == "max_sim" && $0["reranked"] == "false" })
        let scores = found.compactMap { $0["score"].flatMap { Float($0) } }
        #expect(scores == ranking.candidates.map { $0.score })
        let reranked = try results(index, ["--stages", "bm25", "--rerank", "--reranker", "colbert"])
        #expect(reranked.allSatisfy { $0["score_kind"] == "max_sim" && $0["reranked"] == "true" })
        let words = Set(reranked.compactMap { $0["id"] })
        #expect(reranked.compactMap { $0["id"] } == expected.filter(words.contains))
    }

    @Test("index info says what is stored, verify checks it, compact stores it in fewer bytes")
    func maintenance() throws {
        let index = try index("float16")
        var info = try Summary(try expectSuccess(index.look("info")))
        #expect(info["late_interaction"] == Self.model)
        #expect(info["token_vector_form"] == "float16")
        let vectors = try #require(info["token_vectors"].flatMap { Int($0) })
        #expect(info["token_vector_bytes"] == "\(vectors * 256)")
        #expect(try Summary(try expectSuccess(index.look("verify")))["token_vectors"] == "\(vectors)")
        try expectSuccess(index.run("compact", [index.path, "--token-vectors", "2bit"]))
        info = try Summary(try expectSuccess(index.look("info")))
        #expect(info["token_vector_bytes"] == "\(vectors * 34)" && info["token_vector_form"] == "2bit")
        expectError(
            try index.run("compact", [index.path, "--token-vectors", "int8"]), status: 65, "int8 has more bytes")
        try index.expectWhole(documents: 12)
        let pooled = try TestIndex(Self.lines, ["--late-interaction", Self.model, "--token-pooling", "2"])
        let fewer = try Summary(try expectSuccess(pooled.look("info")))["token_vectors"].flatMap { Int($0) }
        #expect(try #require(fewer) < vectors * 2 / 3)
    }

    @Test("documents that are added and deleted later come and go, encoded by the index's own model")
    func additions() throws {
        let index = try index("4bit")
        try expectSuccess(index.add([#"{"_id": "new", "text": "snow on the hills of the north"}"#]))
        let found = try expectSuccess(
            index.search("snow on the hills of the north", ["--stages", "colbert", "--no-rerank", "--format", "trec"]))
        #expect(found.lines.first?.hasPrefix("1 Q0 new 1 ") == true)
        try expectSuccess(index.delete(["new"]))
        #expect(try !results(index, ["--stages", "colbert", "--no-rerank"]).contains { $0["id"] == "new" })
        let other = Repository.model("colbert-modernbert-pylate")
        expectError(
            try index.add([#"{"_id": "x", "text": "y"}"#], ["--late-interaction", other]), status: 65,
            "makes vectors of 64 dimensions; the index has 128")
        try index.expectWhole(documents: 12)
    }

    @Test("BM25, then stored token vectors, then a cross-encoder, in a cascade under one deadline")
    func cascade() throws {
        let index = try index("4bit")
        let cascade = try index.folder.write(
            "cascade.yaml", "cascade:\n  - {reranker: colbert, keep: 3}\n  - reranker: default\n")
        let found = try results(
            index, ["--stages", "bm25", "--rerank", "--reranker", cascade, "--deadline", "100s"])
        #expect(found.count > 3)
        #expect(found.prefix(3).allSatisfy { $0["score_kind"] == "logit" })
        #expect(found.dropFirst(3).allSatisfy { $0["score_kind"] == "max_sim" })
        let fused = try results(index, ["--stages", "bm25-colbert", "--no-rerank"])
        #expect(fused.allSatisfy { $0["score_kind"] == "rrf" })
    }

    @Test("what an index does not have, and a ranker without an index, are errors that say what to do")
    func missing() throws {
        let plain = try TestIndex(Self.lines)
        expectError(
            try plain.search(query, ["--stages", "colbert"]), status: 65, "has no token vectors to search")
        expectError(
            try plain.search(query, ["--rerank", "--reranker", "colbert"]), status: 65, "there are none")
        expectError(
            try plain.search(query, ["--late-interaction", Self.model]), status: 65, "The index has no token vectors")
        expectError(
            try Resift.run(["rerank", query, "--reranker", "colbert", "--documents", "-"], input: "text"), status: 65,
            "there are none")
        expectError(
            try plain.run("compact", [plain.path, "--token-vectors", "2bit"]), status: 65, "has no token vectors")
    }

    @Test("evaluate has rows for the stages, and for reranking by stored vectors")
    func evaluate() throws {
        let folder = try TemporaryFolder()
        _ = try folder.write("corpus.jsonl", Self.lines.joined(separator: "\n"))
        _ = try folder.write("queries.jsonl", #"{"_id": "q", "text": "\#(query)"}"#)
        try FileManager.default.createDirectory(atPath: folder.path + "/qrels", withIntermediateDirectories: true)
        _ = try folder.write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\td0\t1\n")
        let output = try Resift.run([
            "evaluate", "--dataset", folder.path, "--index", folder.path + "/i.resift", "--late-interaction",
            Self.model,
            "--stages", "bm25,colbert,bm25-colbert,bm25+rerank", "--rerankers", "colbert", "--measure", "nDCG@10",
        ])
        let text = try expectSuccess(output).stdout
        for row in ["bm25 ", "colbert", "bm25-colbert", "bm25+rerank"] { #expect(text.contains(row)) }
        let without = try Resift.run([
            "evaluate", "--dataset", folder.path, "--index", folder.path + "/j.resift", "--stages", "colbert",
        ])
        expectError(without, status: 65, "needs a late-interaction model")
    }
}
