import Synchronization

/// Lets so many bodies run at the same time; the others wait.
///
/// Callers take turns, so that one that asks for much does not keep the others waiting for all of it; what one caller
/// asks for is done in the order it came.
final class ConcurrencyLimit: Sendable {
    private enum Answer {
        case turn, cancelled, tooLate
    }

    private struct Waiter {
        let id: Int
        let continuation: CheckedContinuation<Answer, Never>
    }

    private struct State {
        var free: Int
        var nextID = 0
        /// Whose turn it is comes first; nobody in it waits for nothing.
        var clients: [(name: String, waiters: [Waiter])] = []

        mutating func append(_ waiter: Waiter, of name: String) {
            if let place = clients.firstIndex(where: { $0.name == name }) {
                clients[place].waiters.append(waiter)
            } else {
                clients.append((name, [waiter]))
            }
        }

        mutating func remove(_ id: Int) -> Waiter? {
            for place in clients.indices {
                guard let position = clients[place].waiters.firstIndex(where: { $0.id == id }) else { continue }
                let waiter = clients[place].waiters.remove(at: position)
                if clients[place].waiters.isEmpty { clients.remove(at: place) }
                return waiter
            }
            return nil
        }

        mutating func next() -> Waiter? {
            guard !clients.isEmpty else { return nil }
            var client = clients.removeFirst()
            let waiter = client.waiters.removeFirst()
            if !client.waiters.isEmpty { clients.append(client) }
            return waiter
        }
    }

    /// The turn did not come in time.
    struct TooLate: Error {}

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: max(1, count))) }

    /// How many wait.
    var waiting: Int { state.withLock { $0.clients.reduce(0) { $0 + $1.waiters.count } } }

    /// - Parameters:
    ///   - client: Whose turn it is.
    ///   - latest: When waiting ends with `TooLate`.
    ///
    /// Throws what the body throws, and CancellationError where the task is cancelled before its turn.
    func withTurn<Result>(
        _ client: String, latest: ContinuousClock.Instant?, _ body: () async throws -> Result
    ) async throws -> Result {
        switch await wait(client, latest) {
        case .turn: break
        case .cancelled: throw CancellationError()
        case .tooLate: throw TooLate()
        }
        defer { pass() }
        return try await body()
    }

    private func wait(_ client: String, _ latest: ContinuousClock.Instant?) async -> Answer {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        // Ends with the wait, below.
        let timer = latest.map { latest in
            Task {
                try await ContinuousClock().sleep(until: latest)
                leave(id, .tooLate)
            }
        }
        defer { timer?.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Answer? = state.withLock { state in
                    // The handler below may have run before there was anything for it to find.
                    if Task.isCancelled { return .cancelled }
                    guard state.free == 0 else {
                        state.free -= 1
                        return .turn
                    }
                    if let latest, latest <= .now { return .tooLate }
                    state.append(Waiter(id: id, continuation: continuation), of: client)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            leave(id, .cancelled)
        }
    }

    private func leave(_ id: Int, _ answer: Answer) {
        state.withLock { $0.remove(id) }?.continuation.resume(returning: answer)
    }

    private func pass() {
        let next = state.withLock { state in
            let next = state.next()
            if next == nil { state.free += 1 }
            return next
        }
        next?.continuation.resume(returning: .turn)
    }
}
