import Inference
import Ranking
import Tokenizers

/// Scores the pairs of all calls that a model is asked at a time, in batches that they share.
///
/// Batches are filled up to a token budget in the order of `FairQueue`, one is scored at a time, on all threads. A lone
/// call gets the batches of `BatchPlan`. How pairs share batches never changes a score.
///
/// A call that is cancelled, or late, leaves before the next batch; a batch that nobody waits for any more is given up
/// between two layers.
package actor BatchScheduler {
    /// The logits of sequences, which go on from a prefix where there is one.
    typealias Model = @Sendable (TokenBatch, _ prefix: KeyValueCache?, Lane) throws -> [[Float]]

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
        var parts: [Part] = []
        for share in batch {
            share.work.begin(at: begin)
            let pairs = share.work.pairs[share.pairs]
            if share.work.prefix == nil, let last = parts.indices.last, parts[last].prefix == nil {
                parts[last].append(pairs)
            } else {
                parts.append(Part(pairs, after: share.work.prefix))
            }
        }
        let jobs = batch.map(\.work)
        let deadlines = jobs.compactMap(\.deadline)
        // Late for all of them is late for the batch.
        let deadline = deadlines.count == jobs.count ? deadlines.max() : nil
        let sealed = parts
        let model = model
        let isWanted: @Sendable () -> Bool = { jobs.contains { $0.isWanted } }
        do {
            let logits = try await pool.run(until: deadline, while: isWanted) { lane in
                try sealed.flatMap { try model($0.tokens, $0.prefix, lane) }
            }
            let end = ContinuousClock.now
            var rest = logits[...]
            for share in batch {
                share.work.deliver(rest.prefix(share.pairs.count), at: end)
                rest = rest.dropFirst(share.pairs.count)
            }
            observer?(
                BatchRecord(
                    calls: batch.count, pairs: sealed.reduce(0) { $0 + $1.tokens.sequences },
                    tokens: sealed.reduce(0) { $0 + $1.tokens.tokens },
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

/// What goes through the model together: the pairs of any calls, or those of one that go on from its prefix.
private struct Part {
    let prefix: KeyValueCache?
    private(set) var tokens = TokenBatch()

    init(_ pairs: ArraySlice<EncodedPair>, after prefix: KeyValueCache?) {
        self.prefix = prefix
        append(pairs)
    }

    mutating func append(_ pairs: ArraySlice<EncodedPair>) {
        let known = prefix?.tokens ?? 0
        for pair in pairs {
            tokens.append(tokenIDs: pair.tokenIDs.dropFirst(known), typeIDs: pair.typeIDs.dropFirst(known))
        }
    }
}

/// A batch that was scored.
package struct BatchRecord: Sendable, Equatable {
    /// Calls whose pairs it held.
    package var calls: Int
    package var pairs: Int
    package var tokens: Int
    package var milliseconds: Double
}
