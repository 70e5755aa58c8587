/// The time that the caller allowed is over.
package struct DeadlinePassed: Error {}

/// What the body returns, unless the time comes first: then it is cancelled, and awaited.
///
/// Throws what the body throws, `error` where the time came first, CancellationError where the task was cancelled.
func withTimeLimit<Result: Sendable>(
    _ end: ContinuousClock.Instant?, _ error: any Error, _ body: @escaping @Sendable () async throws -> Result
) async throws -> Result {
    guard let end else { return try await body() }
    return try await withThrowingTaskGroup(of: Result.self) { group in
        group.addTask {
            try await ContinuousClock().sleep(until: end)
            throw error
        }
        group.addTask(operation: body)
        defer { group.cancelAll() }
        guard let result = try await group.next() else { throw CancellationError() }
        return result
    }
}
