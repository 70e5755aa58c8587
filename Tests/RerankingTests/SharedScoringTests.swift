import Inference
import Ranking
import Synchronization
import TestSupport
import Testing
import Tokenizers

@testable import Reranking

@Suite("What several calls ask for at the same time is computed once")
struct SharedScoringTests {
    private static let query = "the river bridge"
    private static let documents = (0..<30).map { "\(Models.words[$0 % Models.words.count]) \($0)" }

    /// A cache that holds every lookup back until so many calls have looked: all of them miss.
    private final class Gate: ScoreCache {
        private let inner = MemoryScoreCache(maxBytes: 1 << 24)
        private let arrived = Mutex(0)
        private let expected: Int

        init(_ expected: Int) { self.expected = expected }

        func values(for keys: [ScoreKey]) async -> [StoredScore?] {
            let values = await inner.values(for: keys)
            arrived.withLock { $0 += 1 }
            while arrived.withLock({ $0 }) < expected, !Task.isCancelled { await Task.yield() }
            return values
        }

        func store(_ entries: [(key: ScoreKey, value: StoredScore)]) async { await inner.store(entries) }
    }

    /// Pairs that the model scored, and those that it did not need to.
    private final class Batches: Sendable {
        let pairs = Mutex((scored: 0, shared: 0))

        init(_ reranker: Reranker) async {
            await reranker.observeBatches { [self] batch in
                pairs.withLock { $0 = ($0.scored + batch.pairs, $0.shared + batch.sharedPairs) }
            }
        }

        var scored: Int { pairs.withLock { $0.scored } }
        var shared: Int { pairs.withLock { $0.shared } }
    }

    @Test("64 equal calls at once score each document once, and all get the scores of a call alone")
    func equalCalls() async throws {
        let plain = try Models.plain()
        let expected = try await plain.scores(Self.query, Self.documents).map(\.bitPattern)
        let reranker = try plain.caching(in: Gate(64))
        let batches = await Batches(reranker)
        try await withThrowingTaskGroup(of: [UInt32].self) { group in
            for call in 0..<64 {
                group.addTask {
                    let options = RerankOptions(client: "\(call % 5)")
                    return try await reranker.scores(Self.query, Self.documents, options: options).map(\.bitPattern)
                }
            }
            for try await scores in group { #expect(scores == expected) }
        }
        #expect(batches.scored == Self.documents.count)
        #expect(batches.shared == 63 * Self.documents.count)
        #expect(plain.crossEncoder.scheduler.callsInProgress.isEmpty)
    }

    @Test(
        "calls that overlap score the union, split documents and repeated ones too", arguments: 0..<5 as Range<UInt64>)
    func overlapping(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let plain = try Models.plain()
        let options = RerankOptions(longDocuments: .split(overlapTokens: 2), maxTokens: 24)
        let pool = (0..<20).map { _ in Models.wildText(random.int(in: 1...60), &random) }
        let calls = (0..<12).map { _ in (0..<random.int(in: 1...15)).map { _ in random.pick(pool) } }
        var expected: [[UInt32]] = []
        for call in calls {
            expected.append(try await plain.scores(Self.query, call, options: options).map(\.bitPattern))
        }
        let distinct = Array(Set(calls.joined()))
        let pairs = try await plain.rerank(Self.query, distinct, limit: nil, options: options).report.pairs
        let reranker = try plain.caching(in: Gate(calls.count))
        let batches = await Batches(reranker)
        let found = try await withThrowingTaskGroup(of: (Int, [UInt32]).self) { group in
            for (place, call) in calls.enumerated() {
                group.addTask {
                    (place, try await reranker.scores(Self.query, call, options: options).map(\.bitPattern))
                }
            }
            return try await group.reduce(into: [Int: [UInt32]]()) { $0[$1.0] = $1.1 }
        }
        for place in calls.indices { #expect(found[place] == expected[place]) }
        #expect(batches.scored == pairs)
        #expect(plain.crossEncoder.scheduler.callsInProgress.isEmpty)
    }

    @Test("a causal model's calls share too, whatever prefix each of them computed")
    func causal() async throws {
        let plain = try Models.load("qwen3-reranker")
        let documents = Array(Self.documents.prefix(6))
        let expected = try await plain.scores(Self.query, documents).map(\.bitPattern)
        let reranker = try plain.caching(in: Gate(6))
        let batches = await Batches(reranker)
        try await withThrowingTaskGroup(of: ([UInt32], Int).self) { group in
            for call in 0..<6 {
                group.addTask {
                    // One document alone has no prefix to share.
                    let count = call % 2 == 0 ? 6 : 1
                    return (
                        try await reranker.scores(Self.query, Array(documents.prefix(count))).map(\.bitPattern), count
                    )
                }
            }
            for try await (scores, count) in group { #expect(scores == Array(expected.prefix(count))) }
        }
        #expect(batches.scored == 6)
    }

    @Test("a call that is cancelled takes nobody with it")
    func cancellation() async throws {
        let plain = try Models.plain()
        let expected = try await plain.scores(Self.query, Self.documents).map(\.bitPattern)
        for round in 0..<10 {
            // One may be cancelled before it looks.
            let reranker = try plain.caching(in: Gate(2))
            let calls = (0..<3).map { _ in
                Task { try await reranker.scores(Self.query, Self.documents).map(\.bitPattern) }
            }
            // Whichever of them computes, at some time between its lookup and its answer.
            try await Task.sleep(for: .microseconds(200 * round))
            calls[round % 3].cancel()
            for (place, call) in calls.enumerated() {
                do {
                    let scores = try await call.value
                    #expect(scores == expected)
                } catch {
                    #expect(error is CancellationError && place == round % 3)
                }
            }
            #expect(plain.crossEncoder.scheduler.callsInProgress.isEmpty)
        }
    }

    @Test("a call with a deadline does not wait for a cache that hangs")
    func hangingCache() async throws {
        struct Hanging: ScoreCache {
            func values(for keys: [ScoreKey]) async -> [StoredScore?] {
                try? await Task.sleep(for: .seconds(3_600))
                return keys.map { _ in nil }
            }
            func store(_ entries: [(key: ScoreKey, value: StoredScore)]) async {}
        }
        let reranker = try Models.plain().caching(in: Hanging())
        let ranking = try await reranker.rerank(
            Self.query, Self.documents, options: RerankOptions(deadline: .milliseconds(50)))
        #expect(ranking.report.unscoredDocuments == Self.documents.count)
        let call = Task { try await reranker.scores(Self.query, Self.documents) }
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
    }

    // MARK: In the scheduler

    private func job(_ ids: [Int32], client: String, _ calls: CallsInProgress, keys: ScoreKeys) -> ScoringJob {
        let pairs = ids.map { id in
            EncodedPair(tokenIDs: [Int32](repeating: id, count: 10), typeIDs: [Int32](repeating: 0, count: 10))
        }
        let shared = SharedPairs(
            keys: ids.map { PairKey(document: keys.key(of: "\($0)"), passage: 0) }, calls: calls)
        return ScoringJob(pairs, client: client, shared: shared)
    }

    private func finish(_ job: ScoringJob) async throws -> [Float] {
        var seen = 0
        while seen < job.pairs.count { seen = try await job.scoredPairs(beyond: seen) }
        return job.result.logits.map { $0[0] }
    }

    @Test("a small call that shares a document with a large one does not wait for the large one's turn")
    func fairness() async throws {
        let isOpen = Atomic<Bool>(false)
        let batches = Mutex<[[Int32]]>([])
        let scheduler = BatchScheduler(pool: ComputePool(threads: 1), tokenBudget: 40) { batch, _, lane in
            let ids = (0..<batch.sequences).map { batch.tokenIDs[batch.starts[$0]] }
            batches.withLock { $0.append(ids) }
            while !isOpen.load(ordering: .relaxed), !lane.isCancelled {}
            return ids.map { [Float($0)] }
        }
        let calls = scheduler.callsInProgress
        let keys = ScoreKeys(
            revision: [], model: try Models.plain().model, query: "q", maxTokens: 9, options: RerankOptions())
        let interest = calls.enter((0..<300).map { keys.key(of: "\($0)") })
        let large = job(Array(0..<300), client: "a", calls, keys: keys)
        await scheduler.submit(large)
        while batches.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
        // Its document is the last of the large call's.
        let small = job([299], client: "b", calls, keys: keys)
        await scheduler.submit(small)
        isOpen.store(true, ordering: .relaxed)
        #expect(try await finish(small) == [299])
        #expect(try await finish(large) == (0..<300).map { Float($0) })
        let found = batches.withLock { $0 }
        // Every document once, and the small call's long before the large one's end.
        #expect(found.joined().sorted() == Array(0..<300))
        #expect((found.firstIndex { $0.contains(299) } ?? .max) < found.count / 2)
        _ = interest
    }
}
