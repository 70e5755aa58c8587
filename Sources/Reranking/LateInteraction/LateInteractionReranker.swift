import Inference
public import Ranking
import Tokenizers

/// Reranks by late interaction, without an index: the query and the documents are encoded in the call.
///
/// `score(q, d) = Σᵢ maxⱼ qᵢ · dⱼ` over unit vectors: each token of the query counts its nearest token of the document. A
/// score is in `-Tq ... Tq` for Tq query tokens, and its kind is `ScoreKind.maxSim`. It is bit-identical whatever else is
/// in the call, in whatever order, on any number of threads.
///
/// Of `RerankOptions`, it refuses those that speak of a pair of texts or of a classification head: `truncation`,
/// `instruction`, `maxTokens`, `activation`, `label`, `layerExit`. Callers take turns batch by batch, so that nobody waits
/// longer than one batch for each of the others: `client` and `maxWait` have nothing to decide. `Candidate.tokens` are the
/// document's alone.
///
/// Source: Khattab & Zaharia, ColBERT, SIGIR 2020, <https://arxiv.org/abs/2004.12832>.
public struct LateInteractionReranker: DocumentRanker {
    public let encoder: LateInteractionEncoder

    public var name: String { encoder.description.name }

    public init(_ encoder: LateInteractionEncoder) { self.encoder = encoder }

    /// Documents that are encoded at a time; fewer under a deadline, which a block that is begun may pass in vain.
    private static let blockDocuments = 64
    static let blockDocumentsInTime = 8

    /// Throws `invalidInput` for options that late interaction cannot obey.
    package func check(_ options: RerankOptions) throws(RankingError) {
        _ = try PassagePlanner(encoder.sequencer, options)
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = ContinuousClock.now
        try RerankInput.check(limit: limit)
        try RerankInput.check(query, documents, options)
        let planner = try PassagePlanner(encoder.sequencer, options)
        let deadline = options.deadline.map { begin + $0 }
        let texts = try options.texts(of: documents)
        var scored = [ScoredDocument?](repeating: nil, count: documents.count)
        var truncatedQueryTokens = 0
        var queryTokens = 0
        var plannedTokens = 0
        var tokenize = Duration.zero
        do {
            let vectors = try await encoder.encode(query: query, until: deadline)
            (truncatedQueryTokens, queryTokens) = (vectors.droppedTokens, vectors.tokens)
            let maxSim = encoder.maxSim(for: vectors)
            let size = deadline == nil ? Self.blockDocuments : Self.blockDocumentsInTime
            for start in stride(from: 0, to: documents.count, by: size) {
                let block = start..<min(start + size, documents.count)
                let blockBegin = ContinuousClock.now
                let plans = try await plans(block, documents, texts, planner, until: deadline)
                tokenize += ContinuousClock.now - blockBegin
                plannedTokens += plans.reduce(0) { $0 + $1.tokens }
                if let most = options.maxTotalTokens, plannedTokens > most {
                    throw RankingError(
                        .invalidInput, what: "The documents have more than \(most) tokens.",
                        why: "That is the limit of one call.", fix: "Rank fewer or shorter documents at a time.")
                }
                for (index, document) in zip(block, try await score(plans, maxSim, until: deadline)) {
                    scored[index] = document
                }
                options.progress?(RerankProgress(scoredPairs: block.upperBound, totalPairs: documents.count))
            }
        } catch let error as CancellationError {
            // Not the task's: the deadline's.
            try Task.checkCancellation()
            if deadline == nil { throw error }
        }
        let inferred = ContinuousClock.now
        let candidates = try documents.indices.map { index in
            guard let document = scored[index] else { return Candidate(unscored: documents[index], index: index) }
            return try document.candidate(documents[index], index: index, text: texts[index], options)
        }
        let results = scored.compactMap(\.self)
        let report = RerankReport(
            model: name, documents: documents.count, unscoredDocuments: documents.count - results.count,
            pairs: results.reduce(0) { $0 + $1.plan.passages.count },
            tokens: results.reduce(queryTokens) { $0 + $1.plan.tokens },
            truncatedDocuments: results.count { $0.plan.truncatedTokens > 0 },
            truncatedQueryTokens: truncatedQueryTokens, tokenizeMilliseconds: tokenize.milliseconds,
            inferenceMilliseconds: (inferred - begin - tokenize).milliseconds,
            rankMilliseconds: (ContinuousClock.now - inferred).milliseconds,
            totalMilliseconds: (ContinuousClock.now - begin).milliseconds,
            compute: LocalCompute(
                kernels: encoder.description.kernels, precision: encoder.description.precision,
                threads: encoder.pool.threads))
        var ranking = DocumentRanking(candidates: candidates, report: report)
        ranking.sort(limit: limit, minScore: options.minScore)
        return ranking
    }

    func plans(
        _ block: Range<Int>, _ documents: [Document], _ texts: [String], _ planner: PassagePlanner,
        until deadline: ContinuousClock.Instant?
    ) async throws -> [PassagePlanner.Plan] {
        try await encoder.pool.run(until: deadline) { lane in
            try block.map { index in
                if lane.isCancelled { throw CancellationError() }
                return try planner.plan(texts[index], name: ScoreHead.name(documents[index], index: index))
            }
        }
    }

    private func score(
        _ plans: [PassagePlanner.Plan], _ maxSim: MaxSim, until deadline: ContinuousClock.Instant?
    ) async throws -> [ScoredDocument] {
        let vectors = try await encoder.vectors(
            of: plans.flatMap { $0.passages.map(\.sequence) }, until: deadline)
        var rest = try await encoder.pool.run { lane in encoder.scores(of: vectors, maxSim, on: lane) }[...]
        return plans.map { plan in
            defer { rest = rest.dropFirst(plan.passages.count) }
            return ScoredDocument(plan: plan, scores: Array(rest.prefix(plan.passages.count)))
        }
    }
}

/// A document's passages with their scores.
struct ScoredDocument: Sendable {
    var plan: PassagePlanner.Plan
    var scores: [Float]

    /// Of equal ones, the first.
    static func best(_ scores: [Float]) -> Int { scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 } }

    func candidate(
        _ document: Document, index: Int, text: String, _ options: RerankOptions
    ) throws(RankingError) -> Candidate {
        let best = ScoredDocument.best(scores)
        let (score, calibrated) = (scores[best], options.calibration.map { Float($0(Double(scores[best]))) })
        guard scores.allSatisfy(\.isFinite), (calibrated ?? score).isFinite else {
            throw RankingError(
                .nonFiniteScore,
                what: "The model's score for \(ScoreHead.name(document, index: index)) is not a finite number.",
                why: "The weights overflow on this text.", fix: "Use another model, or other weights of this one.")
        }
        return Candidate(
            document: document, index: index, score: calibrated ?? score,
            scoreKind: calibrated == nil ? .maxSim : .calibratedProbability,
            passage: plan.passages[best].source.map { CodePoints(text).passage(ofBytes: $0) }, logit: score,
            tokens: plan.tokens, passages: scores.count, truncatedTokens: plan.truncatedTokens)
    }
}
