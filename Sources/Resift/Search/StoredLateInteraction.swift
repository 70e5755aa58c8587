public import Ranking
public import Reranking
public import Retrieval

/// Reranks by late interaction with the token vectors of an index: a query is encoded, documents are not.
///
/// A document is found in the index by its id, and its score is its best passage's there, `Σᵢ maxⱼ qᵢ · dⱼ`, whatever part of
/// it is given here. Documents that the index does not have, a deleted one for instance, are encoded in the call, as
/// `LateInteractionReranker` does it; `RerankReport.storedDocuments` counts the others.
///
/// Its explanations are of the texts given, encoded anew: stored vectors are rounded, and do not say where in a text their
/// tokens are, so that similarities need not add up to the score.
///
/// It refuses the options that `LateInteractionReranker` refuses. `Candidate.tokens` counts the token vectors that were
/// compared.
public struct StoredLateInteraction: DocumentRanker {
    public let index: SearchIndex
    /// Encodes documents that the index does not have, and explains.
    let reranker: LateInteractionReranker

    public var name: String { reranker.name }

    /// - Parameter encoder: The model of `index.settings.lateInteraction`; see `IndexTokenEncoder.load`.
    ///
    /// Throws `invalidInput` for an index without token vectors.
    public init(_ index: SearchIndex, encoder: LateInteractionEncoder) throws(RankingError) {
        guard index.settings.lateInteraction != nil else {
            throw RankingError(
                .invalidInput, what: "\(index.path) has no token vectors to rank by.",
                why: "It was built without a late-interaction model.",
                fix: "Name the model itself as the reranker, or build the index again with --late-interaction.")
        }
        self.index = index
        reranker = LateInteractionReranker(encoder)
    }

    /// Documents between two looks at the clock.
    private static let blockDocuments = 32

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = ContinuousClock.now
        try RerankInput.check(limit: limit)
        try RerankInput.check(query, documents, options)
        try reranker.check(options)
        let deadline = options.deadline.map { begin + $0 }
        guard let vectors = try await queryVectors(query, until: deadline) else {
            return ranking(
                documents, documents.map { _ in nil }, encoded: nil, queryVectors: nil, begin, limit, options)
        }
        let found = try await stored(vectors.values, documents, until: deadline)
        let missing = documents.indices.filter { found[$0] == .missing }
        var encoded: DocumentRanking?
        if !missing.isEmpty {
            var own = options
            own.deadline = deadline.map { max($0 - ContinuousClock.now, .nanoseconds(1)) }
            (own.calibration, own.minScore, own.progress) = (nil, nil, nil)
            encoded = try await reranker.rerank(query, missing.map { documents[$0] }, limit: nil, options: own)
        }
        options.progress?(RerankProgress(scoredPairs: documents.count, totalPairs: documents.count))
        var candidates: [Candidate?] = []
        for (place, document) in documents.enumerated() {
            guard case .found(let score) = found[place] else {
                candidates.append(nil)
                continue
            }
            candidates.append(try candidate(document, place, score, options))
        }
        for var candidate in encoded?.candidates ?? [] where candidate.isScored {
            candidate.index = missing[candidate.index]
            if let calibration = options.calibration {
                candidate.score = Float(calibration(Double(candidate.logit)))
                candidate.scoreKind = .calibratedProbability
            }
            candidates[candidate.index] = candidate
        }
        return ranking(documents, candidates, encoded: encoded?.report, queryVectors: vectors, begin, limit, options)
    }

    private enum Found: Sendable, Equatable {
        case found(StoredMaxSim)
        case missing
        /// The deadline came first.
        case late
    }

    /// Nil where the deadline came first.
    private func queryVectors(
        _ query: String, until deadline: ContinuousClock.Instant?
    ) async throws -> TokenVectors? {
        do {
            return try await reranker.encoder.encode(query: query, until: deadline)
        } catch let error as CancellationError {
            // Not the task's: the deadline's.
            try Task.checkCancellation()
            if deadline == nil { throw error }
            return nil
        }
    }

    private func stored(
        _ query: [Float], _ documents: [Document], until deadline: ContinuousClock.Instant?
    ) async throws -> [Found] {
        let ids = documents.map(\.id)
        let pool = reranker.encoder.pool
        return try await index.read { snapshot in
            var found: [Found] = []
            for start in stride(from: 0, to: ids.count, by: StoredLateInteraction.blockDocuments) {
                if let deadline, deadline <= .now { break }
                let block = ids[start..<min(start + StoredLateInteraction.blockDocuments, ids.count)]
                // A document without an id has an empty one, which no document of an index has.
                found += try snapshot.maxSim(query, documents: block.map { $0 ?? "" }, pool: pool)
                    .map { $0.map(Found.found) ?? .missing }
            }
            return found + Array(repeating: .late, count: ids.count - found.count)
        }
    }

    private func candidate(
        _ document: Document, _ place: Int, _ stored: StoredMaxSim, _ options: RerankOptions
    ) throws(RankingError) -> Candidate {
        let calibrated = options.calibration.map { Float($0(Double(stored.score))) }
        guard stored.score.isFinite, (calibrated ?? stored.score).isFinite else {
            throw RankingError(
                .nonFiniteScore, what: "The score of document \"\(document.id ?? "")\" is not a finite number.",
                why: "Its stored token vectors or the query's are not of finite numbers.", fix: "Build the index again."
            )
        }
        return Candidate(
            document: document, index: place, score: calibrated ?? stored.score,
            scoreKind: calibrated == nil ? .maxSim : .calibratedProbability, logit: stored.score,
            tokens: stored.vectors, passages: stored.passages)
    }

    private func ranking(
        _ documents: [Document], _ scored: [Candidate?], encoded: RerankReport?, queryVectors: TokenVectors?,
        _ begin: ContinuousClock.Instant, _ limit: Int?, _ options: RerankOptions
    ) -> DocumentRanking {
        let candidates = documents.enumerated().map { place, document in
            scored[place] ?? Candidate(unscored: document, index: place)
        }
        let results = scored.compactMap(\.self)
        let total = (ContinuousClock.now - begin).milliseconds
        var report = RerankReport(
            model: name, documents: documents.count, unscoredDocuments: documents.count - results.count,
            pairs: results.reduce(0) { $0 + $1.passages },
            tokens: results.reduce(queryVectors?.tokens ?? 0) { $0 + $1.tokens },
            truncatedDocuments: encoded?.truncatedDocuments ?? 0,
            truncatedQueryTokens: queryVectors?.droppedTokens ?? 0,
            tokenizeMilliseconds: encoded?.tokenizeMilliseconds ?? 0, inferenceMilliseconds: total,
            rankMilliseconds: 0, totalMilliseconds: total,
            compute: LocalCompute(
                kernels: reranker.encoder.description.kernels, precision: reranker.encoder.description.precision,
                threads: reranker.encoder.pool.threads))
        report.storedDocuments = results.count - (encoded.map { $0.documents - $0.unscoredDocuments } ?? 0)
        var ranking = DocumentRanking(candidates: candidates, report: report)
        ranking.sort(limit: limit, minScore: options.minScore)
        return ranking
    }
}
