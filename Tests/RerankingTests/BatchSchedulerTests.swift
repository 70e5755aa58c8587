import Inference
import Ranking
import Synchronization
import TestSupport
import Testing
import Tokenizers

@testable import Reranking

@Suite("Calls that come together share batches")
struct BatchSchedulerTests {
    private func pair(_ id: Int32, tokens: Int = 10) -> EncodedPair {
        EncodedPair(
            tokenIDs: [Int32](repeating: id, count: tokens), typeIDs: [Int32](repeating: 0, count: tokens))
    }

    /// Answers each sequence with its first token's id, and holds back its first batch until it is told.
    private final class Gate: Sendable {
        let isOpen = Atomic<Bool>(false)
        let batches = Mutex<[[Int32]]>([])

        func model(_ batch: TokenBatch, _ lane: Lane) throws -> [[Float]] {
            let ids = (0..<batch.sequences).map { batch.tokenIDs[batch.starts[$0]] }
            batches.withLock { $0.append(ids) }
            while !isOpen.load(ordering: .relaxed) {
                if lane.isCancelled { throw CancellationError() }
            }
            if ids.contains(13) { throw RankingError(.invalidInput, what: "13", why: "", fix: "") }
            return ids.map { [Float($0)] }
        }

        func scheduler() -> BatchScheduler {
            BatchScheduler(pool: ComputePool(threads: 1), tokenBudget: 100) { [self] tokens, _, lane in
                try model(tokens, lane)
            }
        }

        func waitForBatch() async throws {
            while batches.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    private func finish(_ job: ScoringJob) async throws -> [Float] {
        var seen = 0
        while seen < job.pairs.count { seen = try await job.scoredPairs(beyond: seen) }
        return job.result.logits.map { $0[0] }
    }

    @Test("what waits while a batch runs makes one batch, and everybody gets their own logits")
    func shared() async throws {
        let gate = Gate()
        let scheduler = gate.scheduler()
        let first = ScoringJob([pair(1)], client: "a")
        await scheduler.submit(first)
        try await gate.waitForBatch()
        let others = [ScoringJob([pair(2), pair(3)], client: "b"), ScoringJob([pair(4)], client: "c")]
        for job in others { await scheduler.submit(job) }
        gate.isOpen.store(true, ordering: .relaxed)
        #expect(try await finish(first) == [1])
        #expect(try await finish(others[0]) == [2, 3])
        #expect(try await finish(others[1]) == [4])
        #expect(gate.batches.withLock { $0 } == [[1], [2, 3, 4]])
    }

    @Test("a call that is cancelled while it waits is not scored, and its caller knows at once")
    func cancelledInQueue() async throws {
        let gate = Gate()
        let scheduler = gate.scheduler()
        let first = ScoringJob([pair(1)], client: "a")
        await scheduler.submit(first)
        try await gate.waitForBatch()
        let second = ScoringJob([pair(2)], client: "b")
        await scheduler.submit(second)
        let task = Task { try await finish(second) }
        task.cancel()
        // The first batch is still held back.
        await #expect(throws: CancellationError.self) { try await task.value }
        gate.isOpen.store(true, ordering: .relaxed)
        #expect(try await finish(first) == [1])
        let third = ScoringJob([pair(3)], client: "b")
        await scheduler.submit(third)
        #expect(try await finish(third) == [3])
        #expect(gate.batches.withLock { $0 } == [[1], [3]])
    }

    @Test("a batch that nobody waits for any more is given up")
    func abandoned() async throws {
        let gate = Gate()
        let scheduler = gate.scheduler()
        let first = ScoringJob([pair(1)], client: "a")
        await scheduler.submit(first)
        try await gate.waitForBatch()
        first.fail(CancellationError())
        // Without opening the gate: the model saw that its lane was cancelled.
        let second = ScoringJob([pair(2)], client: "b")
        await scheduler.submit(second)
        while gate.batches.withLock({ $0.count }) < 2 { try await Task.sleep(for: .milliseconds(1)) }
        gate.isOpen.store(true, ordering: .relaxed)
        #expect(try await finish(second) == [2])
    }

    @Test("a call that the model fails at does not take the others of its batch with it")
    func failureOfOne() async throws {
        let gate = Gate()
        let scheduler = gate.scheduler()
        let first = ScoringJob([pair(1)], client: "a")
        await scheduler.submit(first)
        try await gate.waitForBatch()
        let bad = ScoringJob([pair(13)], client: "b")
        let good = ScoringJob([pair(2)], client: "c")
        for job in [bad, good] { await scheduler.submit(job) }
        gate.isOpen.store(true, ordering: .relaxed)
        await #expect(throws: RankingError.self) { try await finish(bad) }
        #expect(try await finish(good) == [2])
    }

    @Test("a call whose turn does not come in the time that it may wait is told that the model is overloaded")
    func maxWait() async throws {
        let gate = Gate()
        let scheduler = gate.scheduler()
        let first = ScoringJob([pair(1)], client: "a")
        await scheduler.submit(first)
        try await gate.waitForBatch()
        let second = ScoringJob([pair(2)], client: "b", maxWait: .zero)
        await scheduler.submit(second)
        gate.isOpen.store(true, ordering: .relaxed)
        let error = await #expect(throws: RankingError.self) { try await finish(second) }
        #expect(error?.code == .overloaded)
        #expect(try await finish(first) == [1])
    }

    @Test("scores of calls that run together are those of calls that run alone, bit by bit")
    func sameScores() async throws {
        let reranker = try Models.plain()
        var random = SeededGenerator(seed: 7)
        let calls = (0..<12).map { number in
            (
                query: Models.text(3, &random),
                documents: (0..<(number % 3 == 0 ? 40 : 3)).map { _ in Models.wildText(random.int(in: 1...80), &random)
                }
            )
        }
        var alone: [[UInt32]] = []
        for call in calls { alone.append(try await reranker.scores(call.query, call.documents).map(\.bitPattern)) }
        let together = try await withThrowingTaskGroup(of: (Int, [UInt32]).self) { group in
            for (place, call) in calls.enumerated() {
                group.addTask {
                    let options = RerankOptions(client: "\(place % 4)")
                    return (
                        place, try await reranker.scores(call.query, call.documents, options: options).map(\.bitPattern)
                    )
                }
            }
            var found = [[UInt32]](repeating: [], count: calls.count)
            for try await (place, scores) in group { found[place] = scores }
            return found
        }
        #expect(together == alone)
    }
}
