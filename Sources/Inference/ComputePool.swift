// The only creator of threads. `@unchecked Sendable`: all mutable state is behind `monitor` or atomic.

import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The threads that inference runs on.
///
/// A job (one forward pass) runs on one thread of the pool and may call `Lane.parallelFor`, which shares its
/// iterations with the threads that have no job of their own. Which thread runs an iteration never changes a result:
/// each writes its own rows. So a score does not depend on the number of threads.
///
/// Async callers only suspend: nothing here blocks a thread of the Swift concurrency runtime.
public final class ComputePool: @unchecked Sendable {
    public let threads: Int
    private let monitor = Monitor(Queue())
    /// Threads that the system let us create; with none, jobs run on the caller's thread.
    private var started: Int
    /// Jobs that are running. While there are any, idle threads poll before they sleep: the next parallel region is
    /// microseconds away, and a futex wake-up costs tens of them.
    private let running = Atomic<Int>(0)
    /// Counts what was published; a poller compares it instead of taking the lock.
    private let published = Atomic<Int>(0)

    /// The largest block of the last job's activations, kept for the next one: the pages of a new block cost
    /// milliseconds, and a heap for each thread would keep one for each.
    private let spareBuffer = Monitor<FloatBuffer?>(nil)

    private struct Queue {
        var jobs: [@Sendable () -> Void] = []
        var regions: [Region] = []
        var stopped = false
    }

    private enum Work {
        case job(@Sendable () -> Void)
        case region(Region)
        case stop
        case none
    }

    /// A pool of the given number of threads, at least one.
    public init(threads: Int) {
        self.threads = max(1, threads)
        started = 0
        started = (0..<self.threads).count(where: { _ in startThread() })
    }

    /// The pool that everything uses unless told otherwise: one thread for each CPU this process may run on.
    public static let shared = ComputePool(threads: availableCPUs())

    /// Lets the threads end once the queue is empty; later jobs run on their caller's thread. A pool that is dropped
    /// without this keeps its threads.
    public func shutDown() { publish { $0.stopped = true } }

    /// Runs `body` on a thread of the pool. Throws CancellationError where the task was cancelled, or the deadline had
    /// passed, or nobody wanted it any more, before it began; `body` looks at `lane.isCancelled` to stop earlier.
    package func run<Result: Sendable>(
        until deadline: ContinuousClock.Instant? = nil, while isWanted: (@Sendable () -> Bool)? = nil,
        _ body: @escaping @Sendable (Lane) throws -> Result
    ) async throws -> Result {
        let cancelled = CancellationFlag()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                enqueue {
                    let lane = Lane(pool: self, cancelled: cancelled, deadline: deadline, isWanted: isWanted)
                    if lane.isCancelled {
                        continuation.resume(throwing: CancellationError())
                    } else {
                        continuation.resume(with: Swift.Result { try body(lane) })
                    }
                }
            }
        } onCancel: {
            cancelled.set()
        }
    }

    /// Runs `body` on the calling thread, which shares its iterations with the pool's free threads. For callers that
    /// have a thread of their own already; never from async code, which must not block.
    package func withLane<Result>(_ body: (Lane) throws -> Result) rethrows -> Result {
        try body(Lane(pool: self, cancelled: CancellationFlag(), deadline: nil, isWanted: nil))
    }

    /// The CPUs that this process may run on.
    public static func availableCPUs() -> Int {
        ProcessInfo.processInfo.activeProcessorCount
    }

    private func enqueue(_ job: @escaping @Sendable () -> Void) {
        guard started > 0 else { return job() }
        let isQueued = publish { queue in
            if !queue.stopped { queue.jobs.append(job) }
            return !queue.stopped
        }
        if !isQueued { job() }
    }

    /// Changes the queue and wakes the threads that wait for news.
    private func publish<Result>(_ change: (inout Queue) -> Result) -> Result {
        let result = monitor.withLock { queue in
            published.add(1, ordering: .releasing)
            return change(&queue)
        }
        monitor.broadcast()
        return result
    }

    /// False where the system refuses another thread.
    private func startThread() -> Bool {
        let context = Unmanaged.passRetained(self)
        #if canImport(Darwin)
            var thread: pthread_t?
        #else
            var thread = pthread_t()
        #endif
        let status = pthread_create(
            &thread, nil,
            { argument in
                #if canImport(Darwin)
                    let pool = Unmanaged<ComputePool>.fromOpaque(argument).takeRetainedValue()
                    pool.serve()
                #else
                    if let argument { Unmanaged<ComputePool>.fromOpaque(argument).takeRetainedValue().serve() }
                #endif
                return nil
            }, context.toOpaque())
        guard status == 0 else {
            context.release()
            return false
        }
        #if canImport(Darwin)
            if let thread { pthread_detach(thread) }
        #else
            pthread_detach(thread)
        #endif
        return true
    }

    private func serve() {
        while true {
            let seen = published.load(ordering: .acquiring)
            switch takeWork() {
            case .job(let job):
                running.add(1, ordering: .relaxed)
                job()
                running.subtract(1, ordering: .relaxed)
            case .region(let region):
                region.work()
            case .stop:
                return
            case .none:
                waitForNews(since: seen)
            }
        }
    }

    private func takeWork() -> Work {
        monitor.withLock { queue in
            // Regions first: they finish a job that has begun.
            queue.regions.removeAll { $0.isExhausted }
            if let region = queue.regions.first { return .region(region) }
            if !queue.jobs.isEmpty { return .job(queue.jobs.removeFirst()) }
            return queue.stopped ? .stop : .none
        }
    }

    private func waitForNews(since seen: Int) {
        var polls = 0
        while running.load(ordering: .relaxed) > 0, polls < 20_000 {
            if published.load(ordering: .acquiring) != seen { return }
            polls += 1
        }
        monitor.wait { published.load(ordering: .acquiring) != seen }
    }

    fileprivate func takeBuffer(count: Int) -> FloatBuffer {
        let spare = spareBuffer.withLock { buffer in
            defer { buffer = nil }
            return buffer
        }
        if let spare, spare.count >= count { return spare }
        return FloatBuffer(count: count)
    }

    fileprivate func giveBack(_ buffer: FloatBuffer) {
        spareBuffer.withLock { spare in
            if spare.map({ $0.count < buffer.count }) ?? true { spare = buffer }
        }
    }

    fileprivate func share(_ region: Region) {
        publish { $0.regions.append(region) }
        region.work()
        region.waitUntilDone()
    }
}

/// What a job sees of the pool it runs on.
package struct Lane: Sendable {
    fileprivate let pool: ComputePool
    fileprivate let cancelled: CancellationFlag
    fileprivate let deadline: ContinuousClock.Instant?
    fileprivate let isWanted: (@Sendable () -> Bool)?

    package var threads: Int { pool.threads }
    /// True where the work is not wanted any more, or would come too late.
    package var isCancelled: Bool {
        cancelled.isSet || deadline.map { $0 <= .now } ?? false || isWanted.map { !$0() } ?? false
    }

    /// A block of at least `count` floats of any value, for `giveBack` when nobody uses it any more.
    package func takeBuffer(count: Int) -> FloatBuffer { pool.takeBuffer(count: count) }
    package func giveBack(_ buffer: FloatBuffer) { pool.giveBack(buffer) }

    /// Calls `body(iteration, slot)` for every iteration in `0..<count`, on all threads that are free. Two calls that
    /// run at the same time have different slots in `0..<threads`, for scratch memory.
    ///
    /// All iterations are over when this returns. (`body` is marked escaping because a thread may let go of it a moment
    /// later.)
    package func parallelFor(_ count: Int, _ body: @escaping (_ iteration: Int, _ slot: Int) -> Void) {
        guard count > 1, threads > 1 else {
            for iteration in 0..<count { body(iteration, 0) }
            return
        }
        pool.share(Region(count: count, slots: threads, body: body))
    }
}

/// The iterations of one `parallelFor`, claimed one at a time by the threads that take part.
private final class Region: @unchecked Sendable {
    private let count: Int
    private let slots: Int
    private let body: (Int, Int) -> Void
    private let claimed = Atomic<Int>(0)
    private let finished = Atomic<Int>(0)
    private let participants = Atomic<Int>(0)

    init(count: Int, slots: Int, body: @escaping (Int, Int) -> Void) {
        self.count = count
        self.slots = slots
        self.body = body
    }

    var isExhausted: Bool { claimed.load(ordering: .relaxed) >= count }

    func work() {
        guard !isExhausted else { return }
        let slot = participants.add(1, ordering: .relaxed).oldValue
        guard slot < slots else { return }
        while true {
            let iteration = claimed.add(1, ordering: .relaxed).oldValue
            guard iteration < count else { return }
            body(iteration, slot)
            finished.add(1, ordering: .releasing)
        }
    }

    /// The others hold at most one iteration each, so this is short.
    func waitUntilDone() {
        var polls = 0
        while finished.load(ordering: .acquiring) < count {
            polls += 1
            if polls > 10_000 { sched_yield() }
        }
    }
}

/// Set once, from any thread.
package final class CancellationFlag: Sendable {
    private let value = Atomic<Bool>(false)
    package init() {}
    package var isSet: Bool { value.load(ordering: .relaxed) }
    package func set() { value.store(true, ordering: .relaxed) }
}

/// A value behind a POSIX mutex, with a condition variable. (The thread sanitizer sees into these, and not into the
/// standard library's Mutex.)
package final class Monitor<Value>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var value: Value

    package init(_ value: Value) {
        self.value = value
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(condition, nil)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    package func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }

    /// Returns once `isTrue` is; whoever makes it true, under the lock, calls `broadcast` afterwards.
    func wait(until isTrue: () -> Bool) {
        pthread_mutex_lock(mutex)
        while !isTrue() { pthread_cond_wait(condition, mutex) }
        pthread_mutex_unlock(mutex)
    }

    func broadcast() { pthread_cond_broadcast(condition) }
}
