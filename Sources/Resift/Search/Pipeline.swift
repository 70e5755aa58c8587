public import Inference
import Ranking
public import Reranking
public import Retrieval

/// The two passes of a search: first stages find candidates in an index, fused into one pool; a reranker puts the right
/// ones on top.
///
/// ```swift
/// let pipeline = Pipeline(index: try SearchIndex.open(path: "help.resift"), reranker: try Reranker.default())
/// let answer = try await pipeline.search("refund policy for annual plans in Europe")
/// ```
public struct Pipeline: Sendable {
    public let index: SearchIndex
    /// Nil for a search without a second pass.
    public let reranker: (any DocumentRanker)?
    /// Turns queries into vectors; nil for a search without dense vectors.
    public let embedder: BiEncoder?
    /// Turns queries into token vectors; nil for a search without late interaction as a first stage.
    public let tokenEncoder: LateInteractionEncoder?
    private let pool: ComputePool

    /// Under this many passages, a first stage puts the right document on the first page anyway.
    public static let smallIndex = 1_000

    public init(
        index: SearchIndex, reranker: (any DocumentRanker)? = nil, embedder: BiEncoder? = nil,
        tokenEncoder: LateInteractionEncoder? = nil, pool: ComputePool = .shared
    ) {
        self.index = index
        self.reranker = reranker
        self.embedder = embedder
        self.tokenEncoder = tokenEncoder
        self.pool = pool
    }

    /// The best documents for a query.
    ///
    /// All pools search the same commit of the index, at the same time. Equal scores are ordered by document id, in
    /// byte order, at every stage.
    ///
    /// Throws RankingError: `invalidInput` for an empty query or an option outside its range, `nothingToSearch` for a
    /// query of which no pool can look anything up; what the index and the reranker throw; and CancellationError.
    public func search(_ query: String, _ options: SearchOptions = SearchOptions()) async throws -> SearchAnswer {
        let clock = ContinuousClock()
        let begin = clock.now
        try options.check()
        guard query.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw RankingError(
                .invalidInput, what: "The query is empty.", why: "Nothing can be found for it.",
                fix: "Give a query with at least one character that is not white space.")
        }
        let pools = options.pools ?? defaultPools(options)
        let vector = pools.contains { $0.stage == .dense } ? try await self.vector(of: query) : nil
        let tokenVectors = pools.contains { $0.stage == .colbert } ? try await self.tokenVectors(of: query) : nil
        let firstPass = FirstPass(
            query: query, vector: vector, tokenVectors: tokenVectors, pools: pools, options: options, compute: pool)
        let found = try await index.read { snapshot in try firstPass.run(snapshot) }
        guard found.pools.contains(where: \.searched) else {
            throw RankingError(
                .nothingToSearch, what: "The query \"\(query)\" has no word to look up.",
                why:
                    "The analyzer \"\(index.settings.analyzer.name)\" leaves nothing of it: all its words are stop words or signs.",
                fix: "Add a word that documents can have, or search an index with vectors.")
        }
        let retrieved = clock.now
        var answer = SearchAnswer(
            query: query, results: found.results, pools: found.pools, fusedCandidates: found.fusedCandidates,
            candidates: found.results.count, reranking: RerankOutcome(reranked: false, reason: ""),
            retrievalMilliseconds: (retrieved - begin).milliseconds, totalMilliseconds: 0)
        var options = options
        if let deadline = options.deadline { options.rerankOptions.deadline = deadline - (retrieved - begin) }
        try await rerank(&answer, options, passages: found.passages)
        answer.results = Array(answer.results.prefix(options.limit))
        answer.totalMilliseconds = (clock.now - begin).milliseconds
        return answer
    }

    private func defaultPools(_ options: SearchOptions) -> [CandidatePool] {
        let depth = max(100, options.poolSize)
        let lexical = CandidatePool(.bm25, depth: depth)
        guard index.settings.embedder != nil, embedder != nil else { return [lexical] }
        return [lexical, CandidatePool(.dense, depth: depth)]
    }

    private func vector(of query: String) async throws -> [Float] {
        guard index.settings.embedder != nil else {
            throw RankingError(
                .invalidInput, what: "\(index.path) has no vectors to search.",
                why: "It was built without an embedding model.",
                fix: "Search it with the stage bm25, or build it again with --embedder.")
        }
        guard let embedder else {
            throw RankingError(
                .invalidInput, what: "A dense search needs the embedding model of the index.",
                why: "The query has to become a vector too.", fix: "Name the model with --embedder.")
        }
        return try await embedder.indexVectors(of: [query], as: .query).vectors[0]
    }

    private func tokenVectors(of query: String) async throws -> [Float] {
        guard index.settings.lateInteraction != nil else {
            throw RankingError(
                .invalidInput, what: "\(index.path) has no token vectors to search.",
                why: "It was built without a late-interaction model.",
                fix: "Search it with another stage, or build it again with --late-interaction.")
        }
        guard let tokenEncoder else {
            throw RankingError(
                .invalidInput, what: "A search by late interaction needs the model of the index.",
                why: "The query has to become token vectors too.", fix: "Name the model with --late-interaction.")
        }
        return try await tokenEncoder.encode(queries: [query])[0].values
    }

    private func rerank(_ answer: inout SearchAnswer, _ options: SearchOptions, passages: Int) async throws {
        func skipped(_ reason: String) -> RerankOutcome { RerankOutcome(reranked: false, reason: reason) }
        guard options.rerank != .never else {
            answer.reranking = skipped("It was not asked for.")
            return
        }
        guard let reranker else {
            answer.reranking = skipped("The pipeline has no reranker.")
            return
        }
        guard let first = answer.results.first else {
            answer.reranking = skipped("There are no candidates.")
            return
        }
        if options.rerank == .whenUseful {
            if passages < Pipeline.smallIndex {
                answer.reranking = skipped(
                    "The index has \(passages) passages; below \(Pipeline.smallIndex), the first stage is usually enough."
                )
                return
            }
            if first.isExactMatch(answer.query) {
                answer.reranking = skipped("The query is the first candidate's title or id.")
                return
            }
        }
        if let left = options.rerankOptions.deadline, left <= .zero {
            answer.reranking = RerankOutcome(
                reranked: false, reason: "The deadline passed in the first pass.", missedDeadline: true)
            return
        }
        let documents = answer.results.map { $0.documentToRank(options.rerankedText) }
        let ranking = try await reranker.rerank(
            answer.query, documents, limit: nil, options: options.rerankedText.adapt(options.rerankOptions))
        let candidates = answer.results
        answer.results = ranking.candidates.map { candidate in
            var result = candidates[candidate.index]
            if let kind = SearchScoreKind(candidate.scoreKind) {
                result.score = Double(candidate.score)
                result.scoreKind = kind
            }
            result.candidate = candidate
            return result
        }
        let scored = documents.count - ranking.report.unscoredDocuments
        answer.reranking = RerankOutcome(
            reranked: ranking.report.isReranked,
            reason: (ranking.report.failures.map { "\($0.ranker) failed: \($0.reason)" }
                + ["\(scored) of \(documents.count) candidates were scored."]).joined(separator: " "),
            report: ranking.report)
    }
}

extension RerankedText {
    func adapt(_ options: RerankOptions) -> RerankOptions {
        var options = options
        switch self {
        case .bestPassage: break
        case .truncated: options.longDocuments = .truncate
        case .everyPassage: options.longDocuments = .split()
        }
        return options
    }
}

extension SearchResult {
    /// The document with its metadata, of which boosts may read a field, and the text that is ranked.
    func documentToRank(_ kind: RerankedText = .bestPassage) -> Document {
        var fields = document.metadata
        fields["title"] = nil
        fields["text"] = .string(textToRank(kind))
        return Document(id: id, fields: fields)
    }

    /// What a reranker reads: the title, and the best passage or the whole text; that where the document is not split.
    func textToRank(_ kind: RerankedText = .bestPassage) -> String {
        let text = kind == .bestPassage ? passage?.text ?? document.text : document.text
        return document.title.isEmpty ? text : document.title + " " + text
    }

    fileprivate func isExactMatch(_ query: String) -> Bool {
        let words = Analyzer.unicode.terms(of: query).map(\.text)
        return !words.isEmpty
            && [document.title, document.id].contains { Analyzer.unicode.terms(of: $0).map(\.text) == words }
    }
}
