import Synchronization

/// What a download says while it runs.
public enum DownloadEvent: Sendable {
    /// Some ten times a second.
    case progress(Progress)
    /// Another process downloads this file; the call waits for it.
    case waiting(file: String)
    /// A request failed for a reason that may pass, and is made again after this time.
    case retrying(wait: Duration, reason: String)

    public struct Progress: Sendable {
        /// Bytes there are, of those that were missing at the start.
        public var bytes: Int64 = 0
        /// Nil where the hub does not say.
        public var total: Int64?
        /// Those of `bytes` that came just now, not in an earlier download that was broken off.
        public var transferred: Int64 = 0
    }
}

/// The sum over the files of one download.
final class DownloadProgress: Sendable {
    private struct State {
        var progress = DownloadEvent.Progress()
        var reported: ContinuousClock.Instant?
    }

    private let state: Mutex<State>
    private let onEvent: @Sendable (DownloadEvent) -> Void

    init(total: Int64?, onEvent: @escaping @Sendable (DownloadEvent) -> Void) {
        state = Mutex(State(progress: DownloadEvent.Progress(total: total)))
        self.onEvent = onEvent
    }

    /// - Parameter transferred: How many of them came over the network.
    func add(_ bytes: Int64, transferred: Int64 = 0) {
        let report: DownloadEvent.Progress? = state.withLock { state in
            state.progress.bytes += bytes
            state.progress.transferred += transferred
            let now = ContinuousClock().now
            if let last = state.reported, now - last < .milliseconds(100) { return nil }
            state.reported = now
            return state.progress
        }
        if let report { onEvent(.progress(report)) }
    }

    func waiting(for file: String) { onEvent(.waiting(file: file)) }
}
