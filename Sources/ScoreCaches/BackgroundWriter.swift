import Inference
import Reranking

/// Keeps entries in the background, in the order they came, so that no answer waits for a disk or a server.
///
/// Bounded: what comes faster than it can be kept is dropped, and counted by the caller.
final class BackgroundWriter: Sendable {
    typealias Entry = (key: ScoreKey, value: StoredScore)

    private struct State {
        var entries: [Entry] = []
        var isWriting = false
        var isClosed = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    static let mostWaiting = 65_536
    private static let batch = 256

    private let state = Monitor(State())
    private let write: @Sendable ([Entry]) async -> Void

    /// - Parameter write: Keeps up to 256 entries; called for one batch at a time.
    init(_ write: @escaping @Sendable ([Entry]) async -> Void) { self.write = write }

    /// Returns how many were dropped.
    func add(_ entries: [Entry]) -> Int {
        let (dropped, begins) = state.withLock { state -> (Int, Bool) in
            guard !state.isClosed else { return (entries.count, false) }
            let taken = entries.prefix(BackgroundWriter.mostWaiting - state.entries.count)
            state.entries += taken
            defer { state.isWriting = state.isWriting || !state.entries.isEmpty }
            return (entries.count - taken.count, !state.isWriting && !state.entries.isEmpty)
        }
        // `finish` awaits it; it ends when nothing is left to write.
        if begins { Task { await writeAll() } }
        return dropped
    }

    private func writeAll() async {
        while true {
            let (batch, waiting) = state.withLock { state -> ([Entry], [CheckedContinuation<Void, Never>]) in
                let batch = Array(state.entries.prefix(BackgroundWriter.batch))
                state.entries.removeFirst(batch.count)
                guard batch.isEmpty else { return (batch, []) }
                state.isWriting = false
                defer { state.waiting = [] }
                return ([], state.waiting)
            }
            guard !batch.isEmpty else {
                for continuation in waiting { continuation.resume() }
                return
            }
            await write(batch)
        }
    }

    /// Returns when everything that was added is written, or was refused.
    func flush() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                if state.isWriting { state.waiting.append(continuation) }
                return !state.isWriting
            }
            if isIdle { continuation.resume() }
        }
    }

    /// The same, and nothing is taken afterwards.
    func finish() async {
        state.withLock { $0.isClosed = true }
        await flush()
    }
}
