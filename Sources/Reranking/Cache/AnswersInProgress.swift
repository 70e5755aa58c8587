import Inference

/// The answers that a ranker elsewhere is being asked for: calls that need the same one wait for the first of them.
///
/// Other than for a local model (`CallsInProgress`) there is no queue to leave a pair out of: the first call's request is on
/// its way. If it fails or is cancelled, its answers are given up, and one of those who waited asks itself.
final class AnswersInProgress: Sendable {
    /// One answer on its way.
    final class Answer: Sendable {
        private struct State {
            /// Nil until it came or was given up.
            var outcome: StoredScore??
            var waiting: [Int: CheckedContinuation<StoredScore?, Never>] = [:]
            var nextWaiting = 0
        }

        private let state = Monitor(State())

        fileprivate init() {}

        /// The answer; nil where it was given up, or the task was cancelled.
        func value() async -> StoredScore? {
            let number = state.withLock { state in
                defer { state.nextWaiting += 1 }
                return state.nextWaiting
            }
            return await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let outcome = state.withLock { state -> StoredScore?? in
                        if let outcome = state.outcome { return .some(outcome) }
                        // A cancellation that came before is seen here, one that comes later below.
                        if Task.isCancelled { return .some(nil) }
                        state.waiting[number] = continuation
                        return nil
                    }
                    if let outcome { continuation.resume(returning: outcome) }
                }
            } onCancel: {
                let continuation = state.withLock { $0.waiting.removeValue(forKey: number) }
                continuation?.resume(returning: nil)
            }
        }

        /// The first outcome counts.
        fileprivate func end(_ outcome: StoredScore?) {
            let waiting = state.withLock { state in
                guard state.outcome == nil else { return [Int: CheckedContinuation<StoredScore?, Never>]() }
                state.outcome = .some(outcome)
                defer { state.waiting = [:] }
                return state.waiting
            }
            for continuation in waiting.values { continuation.resume(returning: outcome) }
        }
    }

    /// The part of a call's keys that it is the first to ask for, and the answers that others are asking for.
    final class Claim: Sendable {
        /// Positions in the call's keys.
        let own: [Int]
        let others: [(place: Int, answer: Answer)]
        private let answers: [ScoreKey: Answer]
        private let table: AnswersInProgress

        fileprivate init(
            own: [Int], others: [(place: Int, answer: Answer)], answers: [ScoreKey: Answer], table: AnswersInProgress
        ) {
            self.own = own
            self.others = others
            self.answers = answers
            self.table = table
        }

        func resolve(_ key: ScoreKey, _ value: StoredScore) { answers[key]?.end(value) }

        /// Gives up what was not resolved. To be called when everything that was is in the cache.
        func end() {
            table.state.withLock { state in
                // A key that was given up may be another call's by now.
                for (key, answer) in answers where state[key] === answer { state[key] = nil }
            }
            for answer in answers.values { answer.end(nil) }
        }
    }

    private let state = Monitor<[ScoreKey: Answer]>([:])

    func claim(_ keys: [ScoreKey]) -> Claim {
        state.withLock { state in
            var own: [Int] = []
            var others: [(place: Int, answer: Answer)] = []
            var answers: [ScoreKey: Answer] = [:]
            for (place, key) in keys.enumerated() {
                if let answer = state[key] {
                    others.append((place, answer))
                } else {
                    let answer = Answer()
                    state[key] = answer
                    answers[key] = answer
                    own.append(place)
                }
            }
            return Claim(own: own, others: others, answers: answers, table: self)
        }
    }
}
