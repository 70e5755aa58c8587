import Foundation
import Ranking
import TestSupport
import Testing

@testable import Reranking

@Suite("Scores are kept for the next time")
struct ScoreCacheTests {
    private let query = "the river bridge"
    private let documents = ["water under the bridge", "the council's budget", "", "a lighthouse"]

    @Test("the second answer comes from the cache and is the first, bit by bit")
    func hits() async throws {
        let plain = try Models.plain()
        let cache = MemoryScoreCache(maxBytes: 1 << 20)
        let reranker = try plain.caching(in: cache)
        for options in [
            RerankOptions(), RerankOptions(longDocuments: .split(overlapTokens: 2), maxTokens: 12),
            RerankOptions(maxDocumentTokens: 2), RerankOptions(activation: .sigmoid),
        ] {
            let expected = try await plain.rerank(query, documents, options: options)
            let first = try await reranker.rerank(query, documents, options: options)
            let second = try await reranker.rerank(query, documents, options: options)
            for ranking in [first, second] {
                #expect(ranking.candidates.map(\.index) == expected.candidates.map(\.index))
                #expect(ranking.candidates.map(\.score.bitPattern) == expected.candidates.map(\.score.bitPattern))
                #expect(ranking.candidates.map(\.passage) == expected.candidates.map(\.passage))
                #expect(ranking.report.tokens == expected.report.tokens)
                #expect(ranking.report.pairs == expected.report.pairs)
                #expect(ranking.report.truncatedDocuments == expected.report.truncatedDocuments)
            }
            #expect(second.report.cacheHits == 4)
        }
        // The activation is applied to what is kept: its calls were hits from the start.
        #expect(cache.statistics.misses == 12)
    }

    @Test("what a score depends on is in its key")
    func keys() async throws {
        let model = try Models.plain().model
        func key(
            _ query: String = "q", _ text: String = "t", revision: UInt8 = 1, maxTokens: Int = 512,
            _ options: RerankOptions = RerankOptions()
        ) -> ScoreKey {
            ScoreKeys(revision: [revision], model: model, query: query, maxTokens: maxTokens, options: options)
                .key(of: text)
        }
        let different = [
            key(), key("q2"), key("q", "t2"), key("qt", ""), key("", "qt"), key(revision: 2), key(maxTokens: 100),
            key("q", "t", RerankOptions(longDocuments: .split())),
            key("q", "t", RerankOptions(longDocuments: .split(overlapTokens: 1))),
            key("q", "t", RerankOptions(truncation: .onlySecond)), key("q", "t", RerankOptions(maxDocumentTokens: 3)),
            key("q", "t", RerankOptions(maxPassages: 3)),
        ]
        #expect(Set(different).count == different.count)
        #expect(key() == key("q", "t", RerankOptions(minScore: 1, activation: .sigmoid, client: "c")))
    }

    @Test("a text that is refused is refused, though it was scored when it was cut")
    func refusal() async throws {
        let reranker = try Models.plain().caching(in: MemoryScoreCache(maxBytes: 1 << 20))
        let long = String(repeating: "river ", count: 40)
        _ = try await reranker.rerank(query, [long], options: RerankOptions(maxTokens: 20))
        await #expect(throws: RankingError.self) {
            try await reranker.rerank(query, [long], options: RerankOptions(longDocuments: .refuse, maxTokens: 20))
        }
    }

    @Test("another copy of the model has the same keys; a changed one has others")
    func revision() throws {
        let folder = try TemporaryFolder()
        let copy = try folder.copy(ofModel: Repository.model("bert-cross-encoder"))
        let digest = try ModelRevision.digest(directory: Repository.model("bert-cross-encoder"))
        #expect(try ModelRevision.digest(directory: copy) == digest)
        try folder.editBytes(copy + "/model.safetensors") { $0[$0.count - 1] ^= 1 }
        #expect(try ModelRevision.digest(directory: copy) != digest)
    }

    @Test("the cache never holds more than its bytes, and what was used longest ago goes first")
    func leastRecentlyUsed() async throws {
        let model = try Models.plain().model
        let keys = ScoreKeys(revision: [], model: model, query: "q", maxTokens: 9, options: RerankOptions())
        let value = StoredScore(logits: [[1]], passages: [], tokens: 3, truncatedTokens: 0, truncatedQueryTokens: 0)
        let cache = MemoryScoreCache(maxBytes: 3 * MemoryScoreCache.bytes(of: value))
        func has(_ name: String) async -> Bool { await cache.values(for: [keys.key(of: name)]) != [nil] }
        for name in ["a", "b", "c"] { await cache.store([(keys.key(of: name), value)]) }
        #expect(await has("a"))
        await cache.store([(keys.key(of: "d"), value)])
        // b was used longest ago: a was asked for.
        #expect(await has("b") == false)
        for name in ["a", "c", "d"] { #expect(await has(name), "\(name)") }
        #expect(cache.statistics.entries == 3)
        #expect(cache.statistics.evictions == 1)
        #expect(cache.statistics.bytes <= cache.maxBytes)
        // A value that is larger than the cache is not kept, and nothing makes place for it.
        let large = StoredScore(
            logits: [[Float]](repeating: [1], count: 100), passages: [], tokens: 3, truncatedTokens: 0,
            truncatedQueryTokens: 0)
        await cache.store([(keys.key(of: "e"), large)])
        #expect(cache.statistics.entries == 3)
    }

    @Test("under any calls the cache's table and its order agree", arguments: 0..<20 as Range<UInt64>)
    func property(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let model = try Models.plain().model
        let keys = ScoreKeys(revision: [], model: model, query: "q", maxTokens: 9, options: RerankOptions())
        func value(_ passages: Int) -> StoredScore {
            StoredScore(
                logits: [[Float]](repeating: [Float(passages)], count: passages), passages: [], tokens: 1,
                truncatedTokens: 0, truncatedQueryTokens: 0)
        }
        let most = 2_000
        let cache = MemoryScoreCache(maxBytes: most)
        /// Oldest use first.
        var expected: [(name: Int, value: StoredScore)] = []
        for _ in 0..<300 {
            let name = random.int(in: 0...12)
            let place = expected.firstIndex { $0.name == name }
            if random.oneIn(2) {
                let found = await cache.values(for: [keys.key(of: "\(name)")])[0]
                #expect(found == place.map { expected[$0].value })
                if let place { expected.append(expected.remove(at: place)) }
            } else {
                let new = value(random.int(in: 1...6))
                await cache.store([(keys.key(of: "\(name)"), new)])
                if let place { expected.remove(at: place) }
                func bytes() -> Int { expected.reduce(0) { $0 + MemoryScoreCache.bytes(of: $1.value) } }
                while bytes() + MemoryScoreCache.bytes(of: new) > most { expected.removeFirst() }
                expected.append((name, new))
                #expect(cache.statistics.bytes == bytes())
            }
            #expect(cache.statistics.entries == expected.count)
        }
    }
}
