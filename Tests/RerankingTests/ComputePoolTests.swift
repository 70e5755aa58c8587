import Inference
import Synchronization
import TestSupport
import Testing

@Suite("Threads are shared out by one pool")
struct ComputePoolTests {
    private final class Counter: Sendable {
        let value = Atomic<Int>(0)
        func add(_ count: Int) -> Int { value.add(count, ordering: .sequentiallyConsistent).newValue }
        var now: Int { value.load(ordering: .sequentiallyConsistent) }
    }

    @Test("many jobs at once all end, each with its own result", arguments: [1, 2, 3, 8])
    func manyJobs(threads: Int) async throws {
        let pool = ComputePool(threads: threads)
        defer { pool.shutDown() }
        let results = try await withThrowingTaskGroup(of: (Int, Int).self) { group in
            for job in 0..<300 {
                group.addTask {
                    let sum = try await pool.run { lane in
                        let total = Counter()
                        lane.parallelFor(job % 40) { iteration, _ in _ = total.add(iteration * job) }
                        return total.now
                    }
                    return (job, sum)
                }
            }
            return try await group.reduce(into: [Int: Int]()) { $0[$1.0] = $1.1 }
        }
        #expect(results.count == 300)
        // 0 + 1 + ... + (n - 1) = n(n - 1) / 2, times the job's number.
        for job in 0..<300 { #expect(results[job] == job * (job % 40) * (job % 40 - 1) / 2) }
    }

    @Test(
        "parallelFor calls each iteration once, with a slot that nobody else holds at that time",
        arguments: [1, 2, 3, 5],
        [0, 1, 2, 7, 1_000])
    func parallelFor(threads: Int, count: Int) async throws {
        let pool = ComputePool(threads: threads)
        defer { pool.shutDown() }
        let calls = (0..<count).map { _ in Counter() }
        let holders = (0..<threads).map { _ in Counter() }
        let wrong = Counter()
        try await pool.run { lane in
            lane.parallelFor(count) { iteration, slot in
                guard holders.indices.contains(slot) else {
                    _ = wrong.add(1)
                    return
                }
                if holders[slot].add(1) != 1 { _ = wrong.add(1) }
                _ = calls[iteration].add(1)
                _ = holders[slot].add(-1)
            }
        }
        #expect(calls.allSatisfy { $0.now == 1 })
        #expect(wrong.now == 0)
    }

    @Test("a job's error reaches its caller, and the pool goes on")
    func errors() async throws {
        struct Failure: Error {}
        let pool = ComputePool(threads: 2)
        defer { pool.shutDown() }
        await #expect(throws: Failure.self) { try await pool.run { _ in throw Failure() } }
        #expect(try await pool.run { $0.threads } == 2)
    }

    @Test("a pool has at least one thread", arguments: [-1, 0, 1])
    func atLeastOne(threads: Int) async throws {
        let pool = ComputePool(threads: threads)
        defer { pool.shutDown() }
        #expect(pool.threads == 1)
        #expect(try await pool.run { _ in 7 } == 7)
    }

    @Test("a job of a cancelled task never runs")
    func cancelled() async {
        let pool = ComputePool(threads: 1)
        defer { pool.shutDown() }
        let runs = Counter()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await pool.run { _ in runs.add(1) }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(runs.now == 0)
    }

    @Test("a running job can see that its task was cancelled")
    func cancelledWhileRunning() async {
        let pool = ComputePool(threads: 1)
        defer { pool.shutDown() }
        let started = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await pool.run { lane in
                started.continuation.yield()
                while !lane.isCancelled {}
                throw CancellationError()
            }
        }
        for await _ in started.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test("jobs that were queued before shutDown are done, and later ones too, on their caller's thread")
    func shutDown() async throws {
        let pool = ComputePool(threads: 2)
        let before = try await withThrowingTaskGroup(of: Int.self) { group in
            for job in 0..<50 { group.addTask { try await pool.run { _ in job } } }
            pool.shutDown()
            return try await group.reduce(0, +)
        }
        // 0 + 1 + ... + 49.
        #expect(before == 1_225)
        let after = Counter()
        try await pool.run { lane in lane.parallelFor(10) { _, _ in _ = after.add(1) } }
        #expect(after.now == 10)
        pool.shutDown()
    }
}
