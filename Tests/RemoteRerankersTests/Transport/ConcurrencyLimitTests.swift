import Testing

@testable import RemoteRerankers

@Suite("Limit of requests at once")
struct ConcurrencyLimitTests {
    private let limit = ConcurrencyLimit(1)

    /// Waits until so many are in the line.
    private func line(_ count: Int) async throws {
        while limit.waiting != count { try await Task.sleep(for: .milliseconds(1)) }
    }

    /// Has the only turn until the task is cancelled.
    private func holder() async throws -> Task<Void, any Error> {
        let (begun, begin) = AsyncStream<Void>.makeStream()
        let task = Task { [limit] in
            try await limit.withTurn("holder", latest: nil) {
                begin.finish()
                try await Task.sleep(for: .seconds(3_600))
            }
        }
        for await _ in begun {}
        return task
    }

    @Test("clients take turns however much one asks for, and each is served in the order it came")
    func turns() async throws {
        let holder = try await holder()
        let (stream, served) = AsyncStream<String>.makeStream()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (place, name) in ["a1", "a2", "a3", "b1", "b2", "c1"].enumerated() {
                group.addTask { [limit] in
                    try await limit.withTurn(String(name.prefix(1)), latest: nil) {
                        _ = served.yield(name)
                    }
                }
                try await line(place + 1)
            }
            holder.cancel()
            try await group.waitForAll()
        }
        served.finish()
        let order = await stream.reduce(into: [String]()) { $0.append($1) }
        #expect(order == ["a1", "b1", "c1", "a2", "b2", "a3"])
    }

    @Test("who waits too long, or is cancelled, leaves the line and takes no turn with them")
    func leaving() async throws {
        let holder = try await holder()
        await #expect(throws: ConcurrencyLimit.TooLate.self) {
            try await limit.withTurn("late", latest: .now + .milliseconds(5)) {}
        }
        await #expect(throws: ConcurrencyLimit.TooLate.self) { try await limit.withTurn("late", latest: .now) {} }
        let cancelled = Task { [limit] in try await limit.withTurn("cancelled", latest: nil) {} }
        try await line(1)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        #expect(limit.waiting == 0)
        holder.cancel()
        _ = try? await holder.value
        try await limit.withTurn("next", latest: .now) {}
    }
}
