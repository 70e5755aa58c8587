import Inference
import Tokenizers

/// The pairs of one call on their way through the scheduler, and what has come back.
final class ScoringJob: QueuedWork, Sendable {
    let client: String
    let pairs: [EncodedPair]
    /// What a causal model has computed already of what all pairs begin with.
    let prefix: KeyValueCache?
    /// Tokens of each pair that are left to compute.
    let lengths: [Int]
    /// What other calls may ask for at the same time; nil where nobody is to share it.
    let shared: SharedPairs?
    let deadline: ContinuousClock.Instant?
    let maxWait: Duration?
    let submitted = ContinuousClock.now

    private let state = Monitor(State())
    private let ended = CancellationFlag()

    private struct State {
        /// Of the first pairs.
        var logits: [[Float]] = []
        var firstBatch: ContinuousClock.Instant?
        var lastBatch: ContinuousClock.Instant?
        var failure: (any Error)?
        var waiting: CheckedContinuation<Int, any Error>?
    }

    init(
        _ pairs: [EncodedPair], after prefix: KeyValueCache? = nil, client: String,
        shared: SharedPairs? = nil, deadline: ContinuousClock.Instant? = nil, maxWait: Duration? = nil
    ) {
        self.client = client
        self.pairs = pairs
        self.prefix = prefix
        self.shared = shared
        self.deadline = deadline
        self.maxWait = maxWait
        lengths = pairs.map { $0.tokenIDs.count - (prefix?.tokens ?? 0) }
    }

    /// False once it failed: nobody waits for the rest.
    var isWanted: Bool { !ended.isSet }

    // MARK: The caller's side

    /// Returns how many pairs are scored, once they are more than `seen`. Throws what the job failed by; cancelling the
    /// task fails it by CancellationError.
    func scoredPairs(beyond seen: Int) async throws -> Int {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready = state.withLock { state -> Result<Int, any Error>? in
                    if let failure = state.failure { return .failure(failure) }
                    if state.logits.count > seen { return .success(state.logits.count) }
                    state.waiting = continuation
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            fail(CancellationError())
        }
    }

    /// The logits of all pairs, and how the time since the submission was spent.
    var result: ScoredPairs {
        state.withLock { state in
            let first = state.firstBatch ?? submitted
            return ScoredPairs(
                logits: state.logits, queue: first - submitted, inference: (state.lastBatch ?? first) - first)
        }
    }

    // MARK: The scheduler's side

    func identity(of pair: Int) -> PairKey? { shared?.keys[pair] }

    func cost(of pair: Int) -> Int { knownLogits(of: pair) == nil ? lengths[pair] : 0 }

    /// What another call's batch made of the same pair.
    func knownLogits(of pair: Int) -> [Float]? { shared.flatMap { $0.calls.logits(of: $0.keys[pair]) } }

    func begin(at time: ContinuousClock.Instant) {
        state.withLock { state in
            if state.firstBatch == nil { state.firstBatch = time }
        }
    }

    /// Takes the logits of the next pairs.
    func deliver(_ logits: some Sequence<[Float]>, at time: ContinuousClock.Instant) {
        let (waiting, count) = state.withLock { state in
            state.logits += logits
            state.lastBatch = time
            defer { state.waiting = nil }
            return (state.waiting, state.logits.count)
        }
        waiting?.resume(returning: count)
    }

    /// The first failure counts; what was not scored yet will not be.
    func fail(_ error: any Error) {
        ended.set()
        let (waiting, failure) = state.withLock { state in
            if state.failure == nil { state.failure = error }
            defer { state.waiting = nil }
            return (state.waiting, state.failure ?? error)
        }
        waiting?.resume(throwing: failure)
    }
}

/// What became of a call's pairs.
struct ScoredPairs: Sendable {
    /// Of each pair: [pairs][labels].
    var logits: [[Float]]
    /// Until the first pair's batch began.
    var queue: Duration
    /// From there to the last pair's logits.
    var inference: Duration
}

/// A job's deadline came before its last pair's turn.
struct DeadlinePassed: Error {}
