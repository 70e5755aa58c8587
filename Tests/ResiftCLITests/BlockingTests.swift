import Dispatch
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

/// As many threads as tests have anyway: each process takes all CPUs.
private final class BlockingThreads: TaskExecutor {
    static let shared = BlockingThreads(threads: 2)

    private let queue = DispatchQueue(label: "blocking tests", attributes: .concurrent)
    private let places: DispatchSemaphore

    init(threads: Int) { places = DispatchSemaphore(value: threads) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { [self] in
            places.wait()
            job.runSynchronously(on: asUnownedTaskExecutor())
            places.signal()
        }
    }
}
