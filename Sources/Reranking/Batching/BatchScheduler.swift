import Inference
import Ranking
import Tokenizers

/// Scores the pairs of all calls that a model is asked at a time, in batches that they share.
///
/// Batches are filled up to a token budget in the order of `FairQueue`, one is scored at a time, on all threads. A lone
/// call gets the batches of `BatchPlan`. How pairs share batches never changes a score. A pair that several calls ask for
/// is scored for the one whose turn comes first; the others take its logits when their turns come.
///
/// A call that is cancelled, or late, leaves before the next batch; a batch that nobody waits for any more is given up
/// between two layers.
package actor BatchScheduler {
    /// The logits of sequences, which go on from a prefix where there is one.
    typealias Model = @Sendable (TokenBatch, _ prefix: KeyValueCache?, Lane) throws -> [[Float]]

    nonisolated let callsInProgress = CallsInProgress()
    private let pool: ComputePool
    private let tokenBudget: Int
    private let model: Model
    private var queue = FairQueue<ScoringJob>()
    private var isRunning = false
    private var observer: (@Sendable (BatchRecord) -> Void)?

    init(pool: ComputePool, tokenBudget: Int, model: @escaping Model) {
        self.pool = pool
        self.tokenBudget = tokenBudget
        self.model = model
    }

    /// Calls `observer` after every batch.
    package func observe(_ observer: @escaping @Sendable (BatchRecord) -> Void) { self.observer = observer }

    /// Queues a job; its caller waits on the job itself.
    func submit(_ job: ScoringJob) {
        queue.append(job)
        guard !isRunning else { return }
        isRunning = true
        // Nobody awaits it: it ends when the queue is empty, and each job tells its caller of its own end.
        Task { await scoreQueue() }
    }

    private func scoreQueue() async {
        while true {
            // Other jobs came and went while the last batch was scored: the queue decides anew.
            let now = ContinuousClock.now
            let batch = queue.nextBatch(tokenBudget: tokenBudget) { job, hasBegun in
                BatchScheduler.isWanted(job, hasBegun: hasBegun, now: now)
            }
            guard !batch.isEmpty else { break }
            await score(batch)
        }
        isRunning = false
    }

    private static func isWanted(_ job: ScoringJob, hasBegun: Bool, now: ContinuousClock.Instant) -> Bool {
        if let deadline = job.deadline, deadline <= now {
            job.fail(DeadlinePassed())
        } else if !hasBegun, let maxWait = job.maxWait, now - job.submitted > maxWait {
            job.fail(
                RankingError(
                    .overloaded, what: "The call waited \(maxWait) for its turn.",
                    why: "The model is asked for more than it can score.",
                    fix: "Try again later, ask for less, or run more servers."))
        }
        return job.isWanted
    }

    private func score(_ batch: [FairQueue<ScoringJob>.Share]) async {
        let begin = ContinuousClock.now
        let plan = SharedBatch(batch)
        for share in batch { share.work.begin(at: begin) }
        let jobs = batch.map(\.work)
        let deadlines = jobs.compactMap(\.deadline)
        // Late for all of them is late for the batch.
        let deadline = deadlines.count == jobs.count ? deadlines.max() : nil
        let model = model
        let isWanted: @Sendable () -> Bool = { jobs.contains { $0.isWanted } }
        do {
            let parts = plan.parts
            let logits =
                parts.isEmpty
                ? []
                : try await pool.run(until: deadline, while: isWanted) { lane in
                    try parts.flatMap { try model($0.tokens, $0.prefix, lane) }
                }
            let end = ContinuousClock.now
            plan.publish(logits)
            for (share, own) in zip(batch, plan.deliveries(of: logits)) { share.work.deliver(own, at: end) }
            observer?(
                BatchRecord(
                    calls: batch.count, pairs: parts.reduce(0) { $0 + $1.tokens.sequences },
                    tokens: parts.reduce(0) { $0 + $1.tokens.tokens },
                    sharedPairs: batch.reduce(0) { $0 + $1.pairs.count } - logits.count,
                    milliseconds: (end - begin).milliseconds))
        } catch is CancellationError {
            for job in jobs { job.fail(job.deadline == nil ? CancellationError() : DeadlinePassed()) }
        } catch {
            guard batch.count > 1 else { return jobs[0].fail(error) }
            // Which call the model failed at is not known: the others must not fail with it.
            for share in batch { await score([share]) }
        }
    }
}

/// A batch whose pairs are each scored once, whoever asks for them.
private struct SharedBatch {
    /// What goes through the model together: the pairs of any calls, or those of one that go on from its prefix.
    struct Part {
        let prefix: KeyValueCache?
        private(set) var tokens = TokenBatch()

        mutating func append(_ pair: EncodedPair) {
            let known = prefix?.tokens ?? 0
            tokens.append(tokenIDs: pair.tokenIDs.dropFirst(known), typeIDs: pair.typeIDs.dropFirst(known))
        }
    }

    /// Where a pair's logits come from.
    private enum Source {
        case known([Float])
        /// A position among the sequences of all parts.
        case computed(Int)
    }

    private(set) var parts: [Part] = []
    private var sources: [[Source]] = []
    /// Whose logits other calls can have, and where they will be.
    private var shared: [(key: PairKey, calls: CallsInProgress, place: Int)] = []

    init(_ batch: [FairQueue<ScoringJob>.Share]) {
        var places: [PairKey: Int] = [:]
        var sequences = 0
        for share in batch {
            let job = share.work
            var own: [Source] = []
            var isNewPart = parts.last?.prefix != nil || job.prefix != nil
            for pair in share.pairs {
                if let known = job.knownLogits(of: pair) {
                    own.append(.known(known))
                    continue
                }
                if let key = job.identity(of: pair), let place = places[key] {
                    own.append(.computed(place))
                    continue
                }
                if isNewPart || parts.isEmpty { parts.append(Part(prefix: job.prefix)) }
                isNewPart = false
                parts[parts.count - 1].append(job.pairs[pair])
                own.append(.computed(sequences))
                if let key = job.identity(of: pair), let calls = job.shared?.calls {
                    places[key] = sequences
                    shared.append((key, calls, sequences))
                }
                sequences += 1
            }
            sources.append(own)
        }
    }

    func publish(_ logits: [[Float]]) {
        for (key, calls, place) in shared where logits.indices.contains(place) {
            calls.publish(logits[place], of: key)
        }
    }

    /// Of each share of the batch, in order.
    func deliveries(of logits: [[Float]]) -> [[[Float]]] {
        sources.map { own in
            own.map { source in
                switch source {
                case .known(let logits): logits
                case .computed(let place): logits[place]
                }
            }
        }
    }
}

/// A batch that was scored.
package struct BatchRecord: Sendable, Equatable {
    /// Calls whose pairs it held.
    package var calls: Int
    /// Pairs that were scored.
    package var pairs: Int
    package var tokens: Int
    /// Pairs that needed no scoring, because another call had asked for them too.
    package var sharedPairs = 0
    package var milliseconds: Double
}
