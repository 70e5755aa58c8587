import Synchronization

/// When a service that keeps failing is left alone.
public struct CircuitBreakerSettings: Sendable, Equatable {
    /// Attempts in a row that failed in passing before no more are made.
    public var failures = 5
    /// How long none is made then.
    public var pause: Duration = .seconds(30)

    public init(failures: Int = 5, pause: Duration = .seconds(30)) {
        self.failures = failures
        self.pause = pause
    }
}

/// Keeps callers from waiting for a service that does not answer, and the service from more requests than it bears.
///
/// Closed, it lets every attempt through. After so many failures in a row it opens: attempts are refused without one
/// being made. When the pause is over it is half open: one attempt, the probe, goes through, and closes it or opens it
/// for another pause.
///
/// A failure is one that may pass (no connection, no answer in time, 408, 429, 5xx). Any other answer shows a service
/// that works, an error about the request included. An attempt that its caller gave up says nothing.
public final class CircuitBreaker: Sendable {
    public enum State: Sendable, Equatable {
        /// With so many failures in a row so far.
        case closed(failures: Int)
        /// Until this much time has passed.
        case open(remaining: Duration)
        /// The next attempt is the probe, or it is under way.
        case halfOpen
    }

    enum Outcome {
        case success, failure
        /// The caller gave up.
        case unknown
    }

    /// An attempt that was let through; it has to be reported back once.
    struct Permit {
        fileprivate var isProbe: Bool
    }

    private enum Phase {
        case closed(failures: Int)
        case open(until: ContinuousClock.Instant)
        case probing
    }

    private let settings: CircuitBreakerSettings
    private let now: @Sendable () -> ContinuousClock.Instant
    private let phase = Mutex(Phase.closed(failures: 0))

    init(_ settings: CircuitBreakerSettings, now: @escaping @Sendable () -> ContinuousClock.Instant) {
        self.settings = settings
        self.now = now
    }

    public var state: State {
        let now = now()
        return phase.withLock { phase in
            switch phase {
            case .closed(let failures): .closed(failures: failures)
            case .open(let until) where until > now: .open(remaining: until - now)
            case .open, .probing: .halfOpen
            }
        }
    }

    /// Nil where the attempt must not be made.
    func admit() -> Permit? {
        let now = now()
        return phase.withLock { phase in
            switch phase {
            case .closed: return Permit(isProbe: false)
            case .open(let until) where until <= now:
                phase = .probing
                return Permit(isProbe: true)
            case .open, .probing: return nil
            }
        }
    }

    func report(_ outcome: Outcome, of permit: Permit) {
        let now = now()
        phase.withLock { phase in
            switch (phase, outcome) {
            case (.probing, .success) where permit.isProbe: phase = .closed(failures: 0)
            case (.probing, .failure) where permit.isProbe: phase = .open(until: now + settings.pause)
            // The next attempt is the probe in its place.
            case (.probing, .unknown) where permit.isProbe: phase = .open(until: now)
            case (.closed, .success): phase = .closed(failures: 0)
            case (.closed(let failures), .failure):
                phase =
                    failures + 1 >= settings.failures
                    ? .open(until: now + settings.pause) : .closed(failures: failures + 1)
            // Attempts from before it opened change nothing; the probe decides.
            default: break
            }
        }
    }
}
