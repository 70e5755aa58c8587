import Foundation
import Inference
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("Scores of late interaction in a cache")
struct LateInteractionCacheTests {
    private let documents = ["the bridge, of the city", "", "river water and a lighthouse"].map { Document($0) }
    private let query = "old bridge over the river"

    private func ranker(
        _ directory: String, _ cache: any ScoreCache, precision: Precision = .fp32
    ) throws -> CachedRanker {
        try LateInteractionReranker(LateInteractionEncoder.load(directory: directory, precision: precision)).caching(
            in: cache)
    }

    @Test(
        "kept scores are the same bits, and so is what the report says of them",
        arguments: LateInteractionRerankerTests.families)
    func hits(family: String) async throws {
        let cached = try ranker(Repository.model(family), MemoryScoreCache(maxBytes: 1 << 20))
        let plain = try await cached.ranker.rerank(query, documents, limit: nil)
        let first = try await cached.rerank(query, documents, limit: nil)
        let second = try await cached.rerank(query, documents, limit: nil)
        #expect(first.report.cacheHits == 0 && second.report.cacheHits == 3)
        for ranking in [first, second] {
            #expect(ranking.candidates.map(\.index) == plain.candidates.map(\.index))
            #expect(ranking.candidates.map(\.score.bitPattern) == plain.candidates.map(\.score.bitPattern))
            #expect(ranking.candidates.allSatisfy { $0.scoreKind == .maxSim })
            #expect(ranking.report.model == plain.report.model)
        }
        // What is read of a document is in the key.
        let cut = RerankOptions(maxDocumentTokens: 5)
        #expect(try await cached.rerank(query, documents, limit: nil, options: cut).report.cacheHits == 0)
        #expect(try await cached.rerank("another", documents, limit: nil).report.cacheHits == 0)
    }

    @Test("a query that was cut is said to be so from the cache too")
    func cutQuery() async throws {
        let cached = try ranker(Repository.model("colbert-bert"), MemoryScoreCache(maxBytes: 1 << 20))
        let long = String(repeating: "old bridge ", count: 60)
        let first = try await cached.rerank(long, documents, limit: nil)
        let second = try await cached.rerank(long, documents, limit: nil)
        #expect(first.report.truncatedQueryTokens > 0 && second.report.cacheHits == 3)
        #expect(second.report.truncatedQueryTokens == first.report.truncatedQueryTokens)
    }

    @Test("other settings, weights or precision have other keys", arguments: ["colbert-bert", "colbert-bert-pylate"])
    func revisions(family: String) async throws {
        let cache = MemoryScoreCache(maxBytes: 1 << 20)
        let original = Repository.model(family)
        func hits(_ directory: String, precision: Precision = .fp32) async throws -> Int {
            try await ranker(directory, cache, precision: precision).rerank(query, documents, limit: nil).report
                .cacheHits
        }
        #expect(try await hits(original) == 0)
        #expect(try await hits(original) == 3)
        #expect(try await hits(original, precision: .bf16) == 0)
        let folder = try TemporaryFolder()
        // The folder's name is the model's.
        let copy = folder.path + "/model"
        try FileManager.default.copyItem(atPath: original, toPath: copy)
        #expect(try await hits(copy) == 3, "the same files elsewhere")
        let settings = copy + (family == "colbert-bert" ? "/artifact.metadata" : "/config_sentence_transformers.json")
        let text = try String(contentsOfFile: settings, encoding: .utf8)
        try (text + "\n").write(toFile: settings, atomically: true, encoding: .utf8)
        #expect(try await hits(copy) == 0)
        if family == "colbert-bert-pylate" {
            // The projection is in a folder of its own.
            let dense = copy + "/1_Dense/config.json"
            let before = try await hits(copy)
            #expect(before == 3)
            try (String(contentsOfFile: dense, encoding: .utf8) + "\n").write(
                toFile: dense, atomically: true, encoding: .utf8)
            #expect(try await hits(copy) == 0)
        }
    }
}
