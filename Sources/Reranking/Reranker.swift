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
    /// Nil where every score is computed.
    public private(set) var cache: (any ScoreCache)?
    /// The digest of the model's files, where there is a cache.
    private(set) var revision: [UInt8] = []

    public var model: ModelDescription { crossEncoder.description }

    public init(_ encoder: CrossEncoder, costModel: CostModel? = nil) {
        crossEncoder = encoder
        self.costModel = costModel
    }

    /// The same reranker with a cache, which others can share: keys hold a digest of the model's files. Reads these once,
    /// at about the speed of SHA-256.
    public func caching(in cache: any ScoreCache) throws(RankingError) -> Reranker {
        var copy = self
        copy.cache = cache
        copy.revision = try ModelRevision.digest(directory: model.directory)
        return copy
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
        try Reranker.check(limit: limit)
        if let exit = options.layerExit, let limit, limit > exit.top {
            throw RankingError(
                .invalidInput, what: "limit is \(limit), and the layer exit looks for the \(exit.top) best.",
                why: "Documents behind these may have no score.",
                fix: "Let it look for as many as the limit, or ask for fewer.")
        }
        var ranking = try await scored(query, documents, options: options)
        ranking.select(minScore: options.minScore, limit: limit)
        return ranking
    }

    public func rerank(
        _ query: String, _ documents: [String], limit: Int? = 10, options: RerankOptions = RerankOptions()
    ) async throws -> DocumentRanking {
        try await rerank(query, documents.map { Document($0) }, limit: limit, options: options)
    }

    /// The score of each document, in the order given. `minScore` does not apply; a deadline or a layer exit is refused.
    public func scores(
        _ query: String, _ documents: [Document], options: RerankOptions = RerankOptions()
    ) async throws -> [Float] {
        guard options.deadline == nil, options.layerExit == nil else {
            throw RankingError(
                .invalidInput, what: "All scores are asked for, and a deadline or a layer exit.",
                why: "Both may leave documents without a score.",
                fix: "Leave them out, or call rerank, which marks such documents.")
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
        let begin = ContinuousClock.now
        try Reranker.check(query, documents, options)
        let head = try ScoreHead(model, options)
        var run = try RerankRun(self, query, documents, options, deadline: options.deadline.map { begin + $0 })
        try await run.score(label: head.label)
        let inferred = ContinuousClock.now
        var candidates: [Candidate] = []
        candidates.reserveCapacity(documents.count)
        for (index, stored) in run.scores.enumerated() {
            guard let stored else {
                candidates.append(Candidate(unscored: documents[index], index: index))
                continue
            }
            candidates.append(try head.candidate(documents[index], index: index, stored, text: run.texts[index]))
        }
        await run.store()
        let end = ContinuousClock.now
        let scores = run.scores.compactMap(\.self)
        let report = RerankReport(
            model: model.name, documents: documents.count, unscoredDocuments: documents.count - scores.count,
            prunedPairs: run.prunedPairs, pairs: scores.reduce(0) { $0 + $1.logits.count },
            tokens: scores.reduce(0) { $0 + $1.tokens },
            truncatedDocuments: scores.count { $0.truncatedTokens > 0 },
            truncatedQueryTokens: scores.map(\.truncatedQueryTokens).max() ?? 0, cacheHits: run.cacheHits,
            queueMilliseconds: run.queue.milliseconds, tokenizeMilliseconds: run.tokenize.milliseconds,
            inferenceMilliseconds: run.inference.milliseconds, rankMilliseconds: (end - inferred).milliseconds,
            totalMilliseconds: (end - begin).milliseconds,
            compute: LocalCompute(
                kernels: model.kernels, precision: model.precision, threads: crossEncoder.pool.threads))
        return DocumentRanking(candidates: candidates, report: report)
    }

    static func check(limit: Int?) throws(RankingError) {
        guard let limit, limit < 1 else { return }
        throw RankingError(
            .invalidInput, what: "limit is \(limit).", why: "A ranking has at least one candidate.",
            fix: "Give a limit from 1, or none for all documents.")
    }

    static func check(
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
        if let exit = options.layerExit {
            guard exit.top >= 1, exit.margin >= 0, exit.margin.isFinite else {
                throw RankingError(
                    .invalidInput,
                    what: "A layer exit looks for \(exit.top) documents with a margin of \(exit.margin).",
                    why: "There is a best one at least, and a negative margin would drop what is predicted to win.",
                    fix: "Give top from 1 and a margin from 0.")
            }
            guard options.deadline == nil else {
                throw RankingError(
                    .invalidInput, what: "A layer exit and a deadline are both asked for.",
                    why: "The deadline predicts what scoring costs, and a layer exit changes it as it goes.",
                    fix: "Leave one of them out.")
            }
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
