import Inference
import Ranking
import Tokenizers

/// The documents of one call on their way to raw scores: looked up, tokenized, scored.
struct RerankRun {
    /// What the model reads of each document.
    let texts: [String]
    /// Of each document; nil for what the deadline or a layer exit left out.
    private(set) var scores: [StoredScore?]
    private(set) var cacheHits = 0
    /// Pairs that ended at a layer exit.
    private(set) var prunedPairs = 0
    private(set) var tokenize = Duration.zero
    private(set) var queue = Duration.zero
    private(set) var inference = Duration.zero

    private let reranker: Reranker
    private let documents: [Document]
    private let options: RerankOptions
    private let planner: PairPlanner
    private let deadline: ContinuousClock.Instant?
    private let keys: ScoreKeys?
    private var keyOfDocument: [ScoreKey] = []
    /// From the lookup until what was computed is stored: so that nobody can miss both the cache and this call.
    private var interest: CallsInProgress.Interest?
    /// Documents whose score was computed.
    private var computed: [Int] = []
    private var plannedTokens = 0

    private typealias Planned = (index: Int, plan: PairPlanner.Plan)

    /// Documents that are tokenized at a time, so that no call keeps the others from the threads for long.
    private static let plannedAtOnce = 128
    private static let plannedBytesAtOnce = 128 << 10
    /// Fewer under a deadline, so that those behind it are not tokenized in vain.
    private static let plannedAtOnceInTime = 32
    /// Milliseconds that are left for making the answer.
    private static let reserve = 0.5

    private var encoder: CrossEncoder { reranker.crossEncoder }

    init(
        _ reranker: Reranker, _ query: String, _ documents: [Document], _ options: RerankOptions,
        deadline: ContinuousClock.Instant?
    ) throws(RankingError) {
        self.reranker = reranker
        self.documents = documents
        self.options = options
        self.deadline = deadline
        let maxTokens = min(options.maxTokens ?? .max, reranker.model.maxTokens)
        planner = try PairPlanner(query: query, model: reranker.crossEncoder, options: options)
        keys =
            reranker.cache == nil
            ? nil
            : ScoreKeys(
                revision: reranker.revision, model: reranker.model, query: query, maxTokens: maxTokens,
                options: options)
        scores = [StoredScore?](repeating: nil, count: documents.count)
        texts = try options.texts(of: documents)
    }

    /// Scores what there is time for.
    ///
    /// - Parameter label: Whose logits a layer exit compares.
    mutating func score(label: Int) async throws {
        // An idle model is no reason to score for nobody.
        try Task.checkCancellation()
        guard try await inTime({ run in try await run.lookUp() }) != nil else { return }
        let missing = scores.indices.filter { scores[$0] == nil }
        guard !missing.isEmpty else { return }
        if let deadline {
            try await score(missing, until: deadline)
        } else if let exit = options.layerExit {
            try await score(missing, leavingAt: exit, label: label)
        } else {
            try await scoreAll(missing)
        }
    }

    // MARK: The cache

    private mutating func lookUp() async throws {
        guard let cache = reranker.cache, let keys else { return }
        let texts = texts
        for chunk in chunks(Array(texts.indices), documents: RerankRun.plannedAtOnce) {
            keyOfDocument += try await onAllThreads(chunk) { index in keys.key(of: texts[index]) }
        }
        interest = encoder.scheduler.callsInProgress.enter(keyOfDocument)
        scores = try await values(of: keyOfDocument, in: cache)
        cacheHits = scores.count { $0 != nil }
    }

    /// Throws DeadlinePassed where the deadline came first, and CancellationError.
    private func values(of keys: [ScoreKey], in cache: any ScoreCache) async throws -> [StoredScore?] {
        guard let deadline else { return await cache.values(for: keys) }
        return try await withThrowingTaskGroup(of: [StoredScore?].self) { group in
            group.addTask { await cache.values(for: keys) }
            group.addTask {
                try await Task.sleep(until: deadline, clock: .continuous)
                throw DeadlinePassed()
            }
            defer { group.cancelAll() }
            return try await group.next() ?? []
        }
    }

    /// Keeps what was computed.
    mutating func store() async {
        if let cache = reranker.cache, !computed.isEmpty {
            await cache.store(
                computed.compactMap { index in scores[index].map { (key: keyOfDocument[index], value: $0) } })
        }
        interest = nil
    }

    /// What other calls may be asking for as well.
    private func shared(_ planned: some Sequence<Planned>) -> SharedPairs? {
        guard interest != nil else { return nil }
        return SharedPairs(
            keys: planned.flatMap { index, plan in
                plan.pairs.indices.map { PairKey(document: keyOfDocument[index], passage: $0) }
            }, calls: encoder.scheduler.callsInProgress)
    }

    // MARK: All documents

    private mutating func planAll(_ missing: [Int]) async throws -> [Planned] {
        let begin = ContinuousClock.now
        var planned: [Planned] = []
        for chunk in chunks(missing, documents: RerankRun.plannedAtOnce) { planned += try await plan(chunk) }
        tokenize = ContinuousClock.now - begin
        return planned
    }

    private mutating func scoreAll(_ missing: [Int]) async throws {
        let planned = try await planAll(missing)
        let pairs = planned.flatMap(\.plan.pairs)
        let known = scores.reduce(0) { $0 + ($1?.logits.count ?? 0) }
        let prefix = try await SharedPrefix().cache(for: pairs, encoder)
        let job = ScoringJob(
            pairs, after: prefix, client: options.client ?? "", shared: shared(planned), maxWait: options.maxWait)
        let progress = options.progress
        let scored = try await encoder.score(job) { done in
            progress?(RerankProgress(scoredPairs: known + done, totalPairs: known + pairs.count))
        }
        take(scored, of: planned[...])
    }

    private mutating func take(_ scored: ScoredPairs, of planned: ArraySlice<Planned>) {
        queue += scored.queue
        inference += scored.inference
        var rest = scored.logits[...]
        for (index, plan) in planned {
            scores[index] = StoredScore(
                logits: Array(rest.prefix(plan.pairs.count)), passages: plan.passages, tokens: plan.tokens,
                truncatedTokens: plan.truncatedTokens, truncatedQueryTokens: plan.truncatedQueryTokens)
            rest = rest.dropFirst(plan.pairs.count)
            computed.append(index)
        }
    }

    // MARK: With a layer exit

    /// Batch after batch, each of which may raise what the next ones have to reach. Its batches are its own: their size
    /// decides what is pruned, so that it must depend neither on the number of threads nor on other calls.
    private mutating func score(
        _ missing: [Int], leavingAt exit: LayerExitPruning, label: Int
    ) async throws {
        try reranker.check(exit.head)
        var best = BestDocuments(exit.top)
        for (index, stored) in scores.enumerated() {
            for logits in stored?.logits ?? [] { best.add(logits[label], of: index) }
        }
        let planned = try await planAll(missing)
        let pairs = planned.flatMap(\.plan.pairs)
        let owners = planned.flatMap { index, plan in plan.pairs.map { _ in index } }
        let begin = ContinuousClock.now
        var logits: [[Float]?] = []
        for range in BatchPlan(lengths: pairs.map(\.tokenIDs.count)).batches {
            let floor = best.floor - Float(exit.margin * exit.head.error)
            if floor > -.infinity {
                logits += try await encoder.logits(of: pairs[range], leavingAt: exit.head, below: floor)
            } else {
                logits += try await encoder.logits(of: Array(pairs[range]))
            }
            for pair in range {
                if let logits = logits[pair] { best.add(logits[label], of: owners[pair]) }
            }
            options.progress?(RerankProgress(scoredPairs: range.upperBound, totalPairs: pairs.count))
        }
        inference = ContinuousClock.now - begin
        prunedPairs = logits.count { $0 == nil }
        var rest = logits[...]
        for (index, plan) in planned {
            let own = Array(rest.prefix(plan.pairs.count))
            rest = rest.dropFirst(plan.pairs.count)
            let scored = own.indices.filter { own[$0] != nil }
            guard !scored.isEmpty else { continue }
            scores[index] = StoredScore(
                logits: own.compactMap(\.self), passages: plan.passages.isEmpty ? [] : scored.map { plan.passages[$0] },
                tokens: scored.reduce(0) { $0 + plan.pairs[$1].tokenIDs.count },
                truncatedTokens: plan.truncatedTokens, truncatedQueryTokens: plan.truncatedQueryTokens)
            // A score that some passages had no part in is none to keep.
            if scored.count == own.count { computed.append(index) }
        }
    }

    // MARK: Until a deadline

    private mutating func score(_ missing: [Int], until deadline: ContinuousClock.Instant) async throws {
        var schedule = DeadlineSchedule(cost: reranker.costModel)
        let prefix = SharedPrefix()
        var waiting = missing[...]
        var planned: ArraySlice<Planned> = []
        while !waiting.isEmpty || !planned.isEmpty {
            let begin = ContinuousClock.now
            if planned.isEmpty {
                let next = Array(waiting.prefix(RerankRun.plannedAtOnceInTime))
                guard let plans = try await inTime({ run in try await run.plan(next) }) else { break }
                planned = plans[...]
                waiting = waiting.dropFirst(next.count)
            }
            let tokenized = ContinuousClock.now
            tokenize += tokenized - begin
            let lengths = planned.lazy.map { planned in planned.plan.pairs.map(\.tokenIDs.count) }
            let remaining = (deadline - tokenized).milliseconds - RerankRun.reserve
            let block = planned.prefix(schedule.blockCount(lengths, remaining: remaining))
            guard !block.isEmpty else { break }
            let pairs = block.flatMap(\.plan.pairs)
            guard
                let scored = try await inTime({ run in
                    let known = try await prefix.cache(for: pairs, run.encoder, until: deadline)
                    let job = ScoringJob(
                        pairs, after: known, client: run.options.client ?? "", shared: run.shared(block),
                        deadline: deadline, maxWait: run.options.maxWait)
                    return try await run.encoder.score(job)
                })
            else { break }
            schedule.record(pairs.map(\.tokenIDs.count), milliseconds: (ContinuousClock.now - tokenized).milliseconds)
            take(scored, of: block)
            planned = planned.dropFirst(block.count)
            options.progress?(RerankProgress(scoredPairs: cacheHits + computed.count, totalPairs: documents.count))
        }
    }

    /// Nil where the deadline came first.
    private mutating func inTime<Result>(
        _ body: (inout RerankRun) async throws -> Result
    ) async throws -> Result? {
        do {
            return try await body(&self)
        } catch is DeadlinePassed {
            return nil
        } catch is CancellationError {
            try Task.checkCancellation()
            return nil
        }
    }

    // MARK: Tokenization

    private mutating func plan(_ chunk: [Int]) async throws -> [Planned] {
        let (planner, texts, documents) = (planner, texts, documents)
        let plans = try await onAllThreads(chunk) { index in
            Result { () throws(RankingError) in
                try planner.plan(texts[index], name: ScoreHead.name(documents[index], index: index))
            }
        }
        let planned = try zip(chunk, plans).map { (index: $0, plan: try $1.get()) }
        plannedTokens += planned.reduce(0) { $0 + $1.plan.tokens }
        if let most = options.maxTotalTokens, plannedTokens > most {
            throw RankingError(
                .invalidInput, what: "The documents make pairs of more than \(most) tokens.",
                why: "That is the limit of one call.", fix: "Rank fewer or shorter documents at a time.")
        }
        return planned
    }

    /// Cuts a list of documents where so many, or so much text, are together.
    private func chunks(_ indices: [Int], documents most: Int) -> [[Int]] {
        var chunks: [[Int]] = []
        var bytes = 0
        for index in indices {
            let size = texts[index].utf8.count
            if let last = chunks.last, last.count < most, bytes + size <= RerankRun.plannedBytesAtOnce {
                chunks[chunks.count - 1].append(index)
                bytes += size
            } else {
                chunks.append([index])
                bytes = size
            }
        }
        return chunks
    }

    /// What `body` makes of each document, in the order given; throws CancellationError where the task is cancelled or
    /// the deadline has passed.
    private func onAllThreads<Value: Sendable>(
        _ indices: [Int], _ body: @escaping @Sendable (Int) -> Value
    ) async throws -> [Value] {
        try await encoder.pool.run(until: deadline) { lane in
            var values = [Value?](repeating: nil, count: indices.count)
            values.withUnsafeMutableBufferPointer { buffer in
                let slots = buffer
                lane.parallelFor(indices.count) { place, _ in
                    if !lane.isCancelled { slots[place] = body(indices[place]) }
                }
            }
            return try values.map { value in
                guard let value else { throw CancellationError() }
                return value
            }
        }
    }
}
