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
    private let encoder: CrossEncoder

    public var model: ModelDescription { encoder.description }

    public init(_ encoder: CrossEncoder) { self.encoder = encoder }

    /// Loads a cross-encoder in the Hugging Face layout. Never touches the network.
    public static func load(
        directory: String, pool: ComputePool = .shared, precision: Precision = .auto
    ) throws(RankingError) -> Reranker {
        Reranker(try CrossEncoder.load(directory: directory, pool: pool, precision: precision))
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
            ranking.candidates.removeAll { $0.score < minScore }
            ranking.report.belowMinScore = count - ranking.candidates.count
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

    /// The score of each document, in the order given. `minScore` does not apply.
    public func scores(
        _ query: String, _ documents: [Document], options: RerankOptions = RerankOptions()
    ) async throws -> [Float] {
        try await scored(query, documents, options: options).candidates.map(\.score)
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
        let clock = ContinuousClock()
        let begin = clock.now
        try Reranker.check(query, documents, options)
        let head = try ScoreHead(model, options)
        let maxTokens = min(options.maxTokens ?? .max, model.maxTokens)

        let plans = try await plan(query, documents, maxTokens: maxTokens, options)
        let tokenized = clock.now
        let pairs = plans.flatMap(\.pairs)
        let logits = try await encoder.logits(of: pairs) { done in
            options.progress?(RerankProgress(scoredPairs: done, totalPairs: pairs.count))
        }
        let inferred = clock.now

        var candidates: [Candidate] = []
        candidates.reserveCapacity(documents.count)
        var next = 0
        for (index, plan) in plans.enumerated() {
            let own = next..<next + plan.pairs.count
            next = own.upperBound
            candidates.append(try head.candidate(documents[index], index: index, plan, Array(logits[own])))
        }
        let report = RerankReport(
            documents: documents.count, belowMinScore: 0, pairs: pairs.count,
            tokens: candidates.reduce(0) { $0 + $1.tokens },
            truncatedDocuments: plans.count { $0.truncatedTokens > 0 },
            truncatedQueryTokens: plans.map(\.truncatedQueryTokens).max() ?? 0,
            tokenizeMilliseconds: (tokenized - begin).milliseconds,
            inferenceMilliseconds: (inferred - tokenized).milliseconds,
            totalMilliseconds: (clock.now - begin).milliseconds, model: model.name, kernels: model.kernels,
            precision: model.precision, threads: encoder.pool.threads)
        return DocumentRanking(candidates: candidates, report: report)
    }

    /// The pairs of every document, planned on all threads.
    private func plan(
        _ query: String, _ documents: [Document], maxTokens: Int, _ options: RerankOptions
    ) async throws -> [PairPlanner.Plan] {
        let planner = try PairPlanner(
            query: query, tokenizer: encoder.tokenizer, maxTokens: maxTokens, options: options)
        return try await encoder.pool.run { lane in
            var plans = [Result<PairPlanner.Plan, RankingError>?](repeating: nil, count: documents.count)
            plans.withUnsafeMutableBufferPointer { buffer in
                let slots = buffer
                lane.parallelFor(documents.count) { index, _ in
                    guard !lane.isCancelled else { return }
                    slots[index] = Result { () throws(RankingError) in
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
