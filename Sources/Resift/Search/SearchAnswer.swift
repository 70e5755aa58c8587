public import Ranking
public import Reranking
public import Retrieval

/// What a search found, and how.
public struct SearchAnswer: Sendable {
    public var query: String
    /// Best first.
    public var results: [SearchResult]
    /// One for each candidate pool, in the order of the options.
    public var pools: [PoolReport]
    /// Documents that any pool found.
    public var fusedCandidates: Int
    /// Of these, how many the pool size let through; all that could be reranked.
    public var candidates: Int
    public var reranking: RerankOutcome
    /// Reading the index, all first stages and the fusion.
    public var retrievalMilliseconds: Double
    public var totalMilliseconds: Double

    /// False where the deadline left candidates without the reranker's score.
    public var isComplete: Bool { reranking.report?.isComplete ?? !reranking.missedDeadline }
}

/// What one candidate pool found.
public struct PoolReport: Sendable, Equatable {
    public var name: String
    public var stage: FirstStage
    public var candidates: Int
    /// False where the query has no term that this stage could look up.
    public var searched: Bool
    public var milliseconds: Double
}

/// Whether the candidates were reranked, and why or why not.
public struct RerankOutcome: Sendable, Equatable {
    public var reranked: Bool
    /// A sentence.
    public var reason: String
    /// True where the first pass left no time to rerank.
    public var missedDeadline = false
    /// Nil where nothing was reranked.
    public var report: RerankReport?
}

/// A document that a search found.
public struct SearchResult: Sendable {
    public var document: IndexDocument
    /// The passage that the first stages found best, and that a reranker read: Unicode code points of the text.
    public var passage: Passage?
    /// What ordered the results: the reranker's score, the fused score, or the only pool's. A candidate that the
    /// deadline left without the reranker's score keeps the other.
    public var score: Double
    public var scoreKind: SearchScoreKind
    /// The rank after the first stages, from 1: what `rank` would be without a reranker.
    public var firstStageRank: Int
    public var fusedScore: Double
    /// Rank and score in each pool, by the pool's position; nil where the pool does not have the document.
    public var poolRanks: [PoolRank?]
    /// How the reranker came to its score; nil where nothing was reranked.
    public var candidate: Candidate?
    /// The formula behind the BM25 score, where the search was asked to explain.
    public var explanation: ScoreExplanation?

    public var id: String { document.id }
}

public struct PoolRank: Sendable, Equatable {
    /// From 1.
    public var rank: Int
    public var score: Double
}

/// What the score of a search result is.
public enum SearchScoreKind: String, Sendable {
    case bm25
    /// The dot product of the vectors; the cosine where the embedder normalizes.
    case similarity
    case reciprocalRankFusion = "rrf"
    case convexCombination = "convex_combination"
    case logit
    case normalizedRelevance = "normalized_relevance"
    case calibratedProbability = "calibrated_probability"
    /// `Σᵢ maxⱼ qᵢ · dⱼ` over token vectors.
    case maxSim = "max_sim"
    case rank

    /// Nil for a candidate without a score.
    init?(_ kind: ScoreKind) {
        switch kind {
        case .logit: self = .logit
        case .normalizedRelevance: self = .normalizedRelevance
        case .calibratedProbability: self = .calibratedProbability
        case .maxSim: self = .maxSim
        case .rank: self = .rank
        case .reciprocalRankFusion: self = .reciprocalRankFusion
        case .unscored: return nil
        }
    }
}
