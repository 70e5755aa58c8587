import Inference

/// A passage of a document, as a model reads it: equal keys mean equal logits, bit by bit.
struct PairKey: Hashable, Sendable {
    var document: ScoreKey
    var passage: Int
}

/// The keys of a job's pairs, and the calls that may ask for the same ones.
struct SharedPairs: Sendable {
    let keys: [PairKey]
    let calls: CallsInProgress
}

/// What the calls in progress look for, and the logits that are known of it: a pair that several of them need is scored
/// once.
///
/// A call enters its keys before it looks into the cache, and leaves after it has stored what it computed. So whoever
/// finds a key neither in the cache nor here is the first to ask for it. Nobody waits for another call: each has its own
/// pairs in the queue, and the scheduler leaves out those whose logits have come meanwhile. A call that is cancelled, or
/// fails, takes nothing with it, and a small call never waits for a large one's turn.
final class CallsInProgress: Sendable {
    private struct Entry {
        var calls = 0
        /// By passage.
        var logits: [Int: [Float]] = [:]
    }

    private let entries = Monitor<[ScoreKey: Entry]>([:])

    /// A call's part in it, which ends with the value.
    final class Interest: Sendable {
        private let keys: [ScoreKey]
        private let calls: CallsInProgress

        fileprivate init(_ keys: [ScoreKey], _ calls: CallsInProgress) {
            self.keys = keys
            self.calls = calls
        }

        deinit { calls.leave(keys) }
    }

    func enter(_ keys: [ScoreKey]) -> Interest {
        entries.withLock { entries in
            for key in keys { entries[key, default: Entry()].calls += 1 }
        }
        return Interest(keys, self)
    }

    private func leave(_ keys: [ScoreKey]) {
        entries.withLock { entries in
            for key in keys {
                entries[key]?.calls -= 1
                if entries[key]?.calls == 0 { entries[key] = nil }
            }
        }
    }

    func logits(of key: PairKey) -> [Float]? { entries.withLock { $0[key.document]?.logits[key.passage] } }

    /// Kept as long as a call looks for them.
    func publish(_ logits: [Float], of key: PairKey) {
        entries.withLock { $0[key.document]?.logits[key.passage] = logits }
    }

    var isEmpty: Bool { entries.withLock { $0.isEmpty } }
}
