import Inference
import Ranking
import Reranking
import ScoreCaches
import TestSupport
import Testing

@Suite("Tiers: the fastest is asked first, and learns from the slower ones")
struct TieredScoreCacheTests {
    @Test("a key is looked for until it is found, and is in the faster tiers afterwards")
    func filling() async {
        let tiers = (0..<3).map { _ in MemoryScoreCache(maxBytes: 1 << 20) }
        let cache = TieredScoreCache(tiers)
        await tiers[1].store(TestScores.entries(1..<2))
        await tiers[2].store(TestScores.entries(2..<3))
        let keys = (0..<3).map(TestScores.key)
        let expected = [nil, TestScores.score(1), TestScores.score(2)]
        #expect(await cache.values(for: keys) == expected)
        #expect(tiers.map(\.statistics.entries) == [2, 2, 1])
        #expect(await cache.values(for: keys) == expected)
        // The second time the first tier knows both; only the unknown key goes on.
        #expect(cache.tiers.map(\.hits) == [2, 1, 1])
        #expect(cache.tiers.map(\.misses) == [4, 3, 2])
        await cache.store(TestScores.entries(7..<8))
        #expect(tiers.map(\.statistics.entries) == [3, 3, 2])
    }

    @Test("rerankers share a file: the second process computes nothing, and scores are the same, bit by bit")
    func rerankers() async throws {
        let folder = try TemporaryFolder()
        let address = try ScoreCacheAddress(parsing: "memory:1MB,sqlite:\(folder.path)/scores.db")
        let plain = try Reranker.load(directory: Repository.model("bert-cross-encoder"), precision: .fp32)
        let documents = ["water under the bridge", "the council's budget", "", "a lighthouse"]
        let expected = try await plain.rerank("the river bridge", documents)
        for round in 0..<2 {
            let cache = try #require(try address.open())
            let reranker = try plain.caching(in: cache)
            for repeated in 0..<2 {
                let ranking = try await reranker.rerank("the river bridge", documents)
                #expect(ranking.candidates.map(\.score.bitPattern) == expected.candidates.map(\.score.bitPattern))
                #expect(ranking.report.cacheHits == (round + repeated == 0 ? 0 : 4))
            }
            await cache.close()
        }
    }
}
