import Inference
import Ranking
import Reranking
import Synchronization
import TestSupport
import Testing

@Suite("A rerank can be watched and stopped")
struct ProgressTests {
    /// 60 documents of 300 tokens are at least four batches of 4,096.
    private func longList() -> [String] {
        var random = SeededGenerator(seed: 1)
        return (0..<60).map { _ in Models.text(300, &random) }
    }

    @Test("progress rises from batch to batch and ends at the total")
    func progress() async throws {
        let seen = Mutex<[RerankProgress]>([])
        let options = RerankOptions(progress: { step in seen.withLock { $0.append(step) } })
        _ = try await Models.plain().rerank("river", longList(), options: options)
        let steps = seen.withLock { $0 }
        #expect(steps.count >= 4)
        #expect(steps.allSatisfy { $0.totalPairs == 60 })
        #expect(steps.last?.scoredPairs == 60)
        #expect(zip(steps, steps.dropFirst()).allSatisfy { $0.scoredPairs < $1.scoredPairs })
    }

    @Test("progress counts passages where documents are split")
    func passages() async throws {
        let seen = Mutex<[RerankProgress]>([])
        let options = RerankOptions(
            longDocuments: .split(), maxTokens: 100, progress: { step in seen.withLock { $0.append(step) } })
        let ranking = try await Models.plain().rerank("river", Array(longList().prefix(3)), options: options)
        #expect(seen.withLock { $0.last?.totalPairs } == ranking.report.pairs)
        #expect(ranking.report.pairs > 3)
    }

    @Test("a task that is cancelled before it begins throws CancellationError")
    func cancelledBefore() async throws {
        let reranker = try Models.plain()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await reranker.rerank("river", ["water"])
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("a task that is cancelled after its first batch stops there")
    func cancelledInBetween() async throws {
        let reranker = try Models.plain()
        let documents = longList()
        let batches = Atomic<Int>(0)
        let options = RerankOptions(progress: { _ in
            batches.add(1, ordering: .relaxed)
            // Progress is reported from the task that ranks.
            withUnsafeCurrentTask { $0?.cancel() }
        })
        let task = Task { try await reranker.rerank("river", documents, options: options) }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(batches.load(ordering: .relaxed) == 1)
        // The pool is free for the next.
        #expect(try await reranker.scores("river", ["water"]).count == 1)
    }
}
