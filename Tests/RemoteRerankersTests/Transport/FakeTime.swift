import Synchronization

@testable import RemoteRerankers

/// A clock that only moves when it is slept by, and dice without chance.
final class FakeTime: Sendable {
    private let state = Mutex<(now: ContinuousClock.Instant, slept: [Duration])>((.now, []))

    /// The waits so far.
    var slept: [Duration] { state.withLock { $0.slept } }
    var now: ContinuousClock.Instant { state.withLock { $0.now } }

    func pass(_ duration: Duration) { state.withLock { $0.now += duration } }

    /// - Parameter date: Seconds since 1970.
    func serviceTime(date: Double = 0) -> ServiceTime {
        ServiceTime(
            now: { self.now },
            sleep: { duration in
                try Task.checkCancellation()
                self.state.withLock { state in
                    state.now += duration
                    state.slept.append(duration)
                }
            }, date: { date }, chance: { 0 })
    }
}
