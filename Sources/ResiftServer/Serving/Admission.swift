import Inference

/// Who is let in: how many requests, how many bytes of them, and whether any at all.
final class Admission: Sendable {
    private struct State {
        var requests = 0
        var bytes = 0
        var isReady = true
        var isOpen = true
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Monitor(State())
    private let limits: ServerLimits

    init(_ limits: ServerLimits) { self.limits = limits }

    /// False as soon as the server is to end, so that load balancers look elsewhere.
    var isReady: Bool { state.withLock { $0.isReady } }
    /// False while only what was accepted is answered.
    var isOpen: Bool { state.withLock { $0.isOpen } }
    var requests: Int { state.withLock { $0.requests } }

    /// Takes a place for a request; `leave` gives it back.
    func enter() throws(WireError) {
        let limit = limits.maxQueue
        let refusal = state.withLock { state -> WireError? in
            guard state.isOpen else { return .draining }
            guard state.requests < limit else {
                return .overloaded("\(limit) requests are waiting or running already.", retryAfterSeconds: 1)
            }
            state.requests += 1
            return nil
        }
        if let refusal { throw refusal }
    }

    func leave() {
        let isEmpty = state.withLock { state in
            state.requests -= 1
            return state.requests == 0
        }
        if isEmpty { stopWaiting() }
    }

    /// Ends `closeAndWait`.
    func stopWaiting() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Takes memory for a part of a body; `release` gives it back.
    func reserve(bytes: Int) throws(WireError) {
        let limit = limits.maxBufferedBytes
        let fits = state.withLock { state in
            guard state.bytes + bytes <= limit else { return false }
            state.bytes += bytes
            return true
        }
        guard fits else {
            throw .overloaded(
                "The bodies of all requests together would take more than \(limit) bytes.", retryAfterSeconds: 1)
        }
    }

    func release(bytes: Int) { state.withLock { $0.bytes -= bytes } }

    func announceEnd() { state.withLock { $0.isReady = false } }

    /// Lets nobody in any more, and returns once everybody has left.
    func closeAndWait() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                state.isReady = false
                state.isOpen = false
                if state.requests > 0 { state.waiting.append(continuation) }
                return state.requests == 0
            }
            if isEmpty { continuation.resume() }
        }
    }
}
