import Foundation
import Testing

/// Runs the tests of a suite on threads of their own.
///
/// Tests share as many threads as there are CPUs. One that waits for a process blocks one of them for seconds, and the
/// requests of other tests run into their time limits meanwhile.
struct BlockingTests: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withTaskExecutorPreference(BlockingThreads.shared) { try await function() }
    }
}

extension Trait where Self == BlockingTests {
    /// For tests that wait for processes.
    static var blocking: BlockingTests { BlockingTests() }
}

/// As many threads as tests have anyway: each process takes all CPUs. Jobs wait in a queue, not on threads of their own, of
/// which there would be hundreds.
private final class BlockingThreads: TaskExecutor {
    static let shared = BlockingThreads(threads: 2)

    private let queue = OperationQueue()

    init(threads: Int) { queue.maxConcurrentOperationCount = threads }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.addOperation { [self] in job.runSynchronously(on: asUnownedTaskExecutor()) }
    }
}
