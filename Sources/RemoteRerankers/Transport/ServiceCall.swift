package import Reranking
import Synchronization

/// What one call of a reranker sends: for whom, until when, and how much it was.
package final class ServiceCall: Sendable {
    /// When the caller's time is over; nil for never.
    package let deadline: ContinuousClock.Instant?
    /// Whose call it is: clients take turns.
    let client: String
    private let latestBegin: ContinuousClock.Instant?
    private let state = Mutex((usage: ServiceUsage(), hasBegun: false))

    /// - Parameter maxWait: The longest that the first request may wait for its turn.
    package init(deadline: ContinuousClock.Instant? = nil, client: String? = nil, maxWait: Duration? = nil) {
        self.deadline = deadline
        self.client = client ?? ""
        latestBegin = maxWait.map { .now + $0 }
    }

    /// Requests and retries so far, and what was added.
    package var usage: ServiceUsage { state.withLock { $0.usage } }

    /// Adds what an answer says was used.
    package func add(_ usage: ServiceUsage) { state.withLock { $0.usage = $0.usage + usage } }

    /// How long the next request may wait for its turn; once one had its turn, for ever.
    var latestTurn: ContinuousClock.Instant? { state.withLock { $0.hasBegun } ? nil : latestBegin }

    func begin() { state.withLock { $0.hasBegun = true } }
}
