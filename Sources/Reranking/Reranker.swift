public import Inference
public import Ranking
import Tokenizers

/// Puts the documents that answer a query on top.
///
/// ```swift
/// let reranker = try Reranker.default()
/// let ranking = try await reranker.rerank("how do I reset my password?", documents, limit: 5)
/// for candidate in ranking.candidates { print(candidate.score, candidate.index) }
/// ```
///
/// The score of a pair is bit-identical whatever else is in the call, in whatever order, on any number of threads.
public struct Reranker: Sendable {
    let crossEncoder: CrossEncoder
    /// What scoring costs here, for deadlines; nil measures it as it goes.
    public let costModel: CostModel?

    public var model: ModelDescription { crossEncoder.description }

    public init(_ encoder: CrossEncoder, costModel: CostModel? = nil) {
        crossEncoder = encoder
        self.costModel = costModel
    }

    /// Loads a cross-encoder in the Hugging Face layout, and this machine's profile of it where there is one. Never
    /// touches the network.
    public static func load(
        directory: String, pool: ComputePool = .shared, precision: Precision = .auto
    ) throws(RankingError) -> Reranker {
        let encoder = try CrossEncoder.load(directory: directory, pool: pool, precision: precision)
        let profile = try CostProfile.stored(encoder.description, threads: pool.threads)
        return Reranker(encoder, costModel: profile?.cost)
    }

    /// The `limit` best documents, best first (see `Candidate.precedes` for ties); nil returns all of them.
    ///
    /// An empty document is scored like any other. Throws RankingError: `invalidInput` for an empty query, no
    /// documents or an option outside its range, `nonFiniteScore` with the document's name where the model fails on
    /// it; and CancellationError where the task is cancelled, at the latest after one layer of one batch.
    public func rerank(
        _ query: String, _ documents: [Document], limit: Int? = 10, options: RerankOptions = RerankOptions()
    ) async throws -> DocumentRanking {
        if let limit, limit < 1 {
            throw RankingError(
                .invalidInput, what: "limit is \(limit).", why: "A ranking has at least one candidate.",
                fix: "Give a limit from 1, or none for all documents.")
        }
        var ranking = try await scored(query, documents, options: options)
        if let minScore = options.minScore {
            let count = ranking.candidates.count
            // What has no score may be above or below: it cannot be vouched for.
            ranking.candidates.removeAll { !$0.isScored || $0.score < minScore }
            ranking.report.belowMinScore = count - ranking.report.unscoredDocuments - ranking.candidates.count
        }
        ranking.candidates.sort(by: Candidate.precedes)
        if let limit { ranking.candidates = Array(ranking.candidates.prefix(limit)) }
        return ranking
    }

    public func rerank(
        _ query: String, _ documents: [String], limit: Int? = 10, options: RerankOptions = RerankOptions()
    ) async throws -> DocumentRanking {
        try await rerank(query, documents.map { Document($0) }, limit: limit, options: options)
    }

    /// The score of each document, in the order given. `minScore` does not apply, and a deadline is refused.
    public func scores(
        _ query: String, _ documents: [Document], options: RerankOptions = RerankOptions()
    ) async throws -> [Float] {
        guard options.deadline == nil else {
            throw RankingError(
                .invalidInput, what: "All scores are asked for, and a deadline.",
                why: "A deadline may leave documents without a score.",
                fix: "Leave the deadline out, or call rerank, which marks them.")
        }
        return try await scored(query, documents, options: options).candidates.map(\.score)
    }

    public func scores(
        _ query: String, _ documents: [String], options: RerankOptions = RerankOptions()
    ) async throws -> [Float] {
        try await scores(query, documents.map { Document($0) }, options: options)
    }

    /// All documents with their scores, in the order given.
    private func scored(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = clock.now
        try Reranker.check(query, documents, options)
        let head = try ScoreHead(model, options)
        let planner = try PairPlanner(
            query: query, tokenizer: crossEncoder.tokenizer, maxTokens: min(options.maxTokens ?? .max, model.maxTokens),
            options: options)
        let work: Work
        if let deadline = options.deadline {
            work = try await score(documents, planner, options, until: begin + deadline)
        } else {
            work = try await scoreAll(documents, planner, options)
        }

        let inferred = clock.now
        var candidates: [Candidate] = []
        candidates.reserveCapacity(documents.count)
        var next = 0
        for (index, plan) in work.plans.enumerated() {
            let own = next..<next + plan.pairs.count
            next = own.upperBound
            candidates.append(try head.candidate(documents[index], index: index, plan, Array(work.logits[own])))
        }
        for index in work.plans.count..<documents.count {
            candidates.append(Candidate(unscored: documents[index], index: index))
        }
        let report = RerankReport(
            documents: documents.count, belowMinScore: 0, unscoredDocuments: documents.count - work.plans.count,
            pairs: work.logits.count, tokens: candidates.reduce(0) { $0 + $1.tokens },
            truncatedDocuments: work.plans.count { $0.truncatedTokens > 0 },
            truncatedQueryTokens: work.plans.map(\.truncatedQueryTokens).max() ?? 0,
            cacheHits: 0, queueMilliseconds: 0, tokenizeMilliseconds: work.tokenize.milliseconds,
            inferenceMilliseconds: work.inference.milliseconds,
            rankMilliseconds: (clock.now - inferred).milliseconds, totalMilliseconds: (clock.now - begin).milliseconds,
            model: model.name, kernels: model.kernels,
            precision: model.precision, threads: crossEncoder.pool.threads)
        return DocumentRanking(candidates: candidates, report: report)
    }

    /// The first documents, all of them or those that there was time for.
    private struct Work {
        var plans: [PairPlanner.Plan] = []
        /// Of the plans' pairs, one after the other.
        var logits: [[Float]] = []
        var tokenize = Duration.zero
        var inference = Duration.zero
    }

    private var clock: ContinuousClock { ContinuousClock() }

    private func scoreAll(
        _ documents: [Document], _ planner: PairPlanner, _ options: RerankOptions
    ) async throws -> Work {
        var work = Work()
        let begin = clock.now
        work.plans = try await plan(documents[...], planner, options)
        let tokenized = clock.now
        let pairs = work.plans.flatMap(\.pairs)
        work.logits = try await crossEncoder.logits(of: pairs) { done in
            options.progress?(RerankProgress(scoredPairs: done, totalPairs: pairs.count))
        }
        work.tokenize = tokenized - begin
        work.inference = clock.now - tokenized
        return work
    }

    /// Documents are tokenized so many at a time under a deadline, that those behind it are not tokenized in vain.
    private static let plannedAtOnce = 32
    /// Milliseconds that are left for making the answer.
    private static let reserve = 0.5

    private func score(
        _ documents: [Document], _ planner: PairPlanner, _ options: RerankOptions,
        until deadline: ContinuousClock.Instant
    ) async throws -> Work {
        var work = Work()
        var schedule = DeadlineSchedule(cost: costModel)
        var planned: [PairPlanner.Plan] = []
        while work.plans.count < documents.count {
            let begin = clock.now
            if planned.isEmpty {
                let next = documents[work.plans.count...].prefix(Reranker.plannedAtOnce)
                guard let plans = try await plan(next, planner, options, until: deadline) else { break }
                planned = plans
            }
            let tokenized = clock.now
            work.tokenize += tokenized - begin
            let lengths = planned.lazy.map { plan in plan.pairs.map(\.tokenIDs.count) }
            let remaining = (deadline - tokenized).milliseconds - Reranker.reserve
            let block = planned.prefix(schedule.blockCount(lengths, remaining: remaining))
            guard !block.isEmpty,
                let logits = try await crossEncoder.logits(of: block.flatMap(\.pairs), until: deadline)
            else { break }
            let spent = clock.now - tokenized
            schedule.record(block.flatMap { $0.pairs.map(\.tokenIDs.count) }, milliseconds: spent.milliseconds)
            work.inference += spent
            work.logits += logits
            work.plans += block
            planned.removeFirst(block.count)
            options.progress?(RerankProgress(scoredPairs: work.plans.count, totalPairs: documents.count))
        }
        return work
    }

    /// The pairs of each document, planned on all threads; nil where the deadline came first.
    private func plan(
        _ documents: ArraySlice<Document>, _ planner: PairPlanner, _ options: RerankOptions,
        until deadline: ContinuousClock.Instant
    ) async throws -> [PairPlanner.Plan]? {
        do {
            return try await plan(documents, planner, options, until: Optional(deadline))
        } catch is CancellationError {
            try Task.checkCancellation()
            return nil
        }
    }

    private func plan(
        _ documents: ArraySlice<Document>, _ planner: PairPlanner, _ options: RerankOptions,
        until deadline: ContinuousClock.Instant? = nil
    ) async throws -> [PairPlanner.Plan] {
        try await crossEncoder.pool.run(until: deadline) { lane in
            var plans = [Result<PairPlanner.Plan, RankingError>?](repeating: nil, count: documents.count)
            plans.withUnsafeMutableBufferPointer { buffer in
                let slots = buffer
                lane.parallelFor(documents.count) { place, _ in
                    guard !lane.isCancelled else { return }
                    let index = documents.startIndex + place
                    slots[place] = Result { () throws(RankingError) in
                        try planner.plan(
                            documents[index].text(rankFields: options.rankFields),
                            name: ScoreHead.name(documents[index], index: index))
                    }
                }
            }
            return try plans.map { plan in
                guard let plan else { throw CancellationError() }
                return try plan.get()
            }
        }
    }

    private static func check(
        _ query: String, _ documents: [Document], _ options: RerankOptions
    ) throws(RankingError) {
        guard query.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw RankingError(
                .invalidInput, what: "The query is empty.", why: "A document can only be relevant to something.",
                fix: "Give a query with at least one character that is not white space.")
        }
        guard !documents.isEmpty else {
            throw RankingError(
                .invalidInput, what: "There are no documents.", why: "The list to rank is empty.",
                fix: "Give at least one document.")
        }
        if let minScore = options.minScore, minScore.isNaN {
            throw RankingError(
                .invalidInput, what: "The minimum score is not a number.", why: "No score can be compared with NaN.",
                fix: "Give a number, or no minimum.")
        }
        if let deadline = options.deadline, deadline <= .zero {
            throw RankingError(
                .invalidInput, what: "The deadline is \(deadline).", why: "Nothing can be scored in no time.",
                fix: "Give a positive duration, or none to score every document.")
        }
        if case .split(let overlap) = options.longDocuments, overlap < 0 {
            throw RankingError(
                .invalidInput, what: "Passages are to overlap by \(overlap) tokens.", why: "That would skip text.",
                fix: "Give an overlap from 0.")
        }
    }
}

extension Duration {
    package var milliseconds: Double { self / .milliseconds(1) }
}
