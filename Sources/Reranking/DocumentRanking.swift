public import Inference
public import Ranking

/// The candidates of one query, best first, and how they were scored.
public struct DocumentRanking: Sendable {
    public var candidates: [Candidate]
    public var report: RerankReport
}

/// What a rerank did.
public struct RerankReport: Sendable, Equatable {
    /// Documents that were given. `candidates` may hold fewer: `limit` and `minScore` leave some out.
    public var documents: Int
    /// Documents left out because they scored below `minScore`.
    public var belowMinScore: Int
    /// Documents that the deadline or a layer exit left without a score.
    public var unscoredDocuments: Int
    /// Pairs that ended at a layer exit.
    public var prunedPairs: Int
    /// False where documents have no score.
    public var isComplete: Bool { unscoredDocuments == 0 }
    /// Pairs of query and passage that have a score, from the cache or not.
    public var pairs: Int
    /// Tokens of these pairs, special tokens included.
    public var tokens: Int
    /// Documents of which some tokens were cut off and not scored.
    public var truncatedDocuments: Int
    /// Tokens of the query that were cut off in at least one pair.
    public var truncatedQueryTokens: Int
    /// Documents whose score was in the cache.
    public var cacheHits: Int
    /// From the first pair that was ready to the batch that it was scored in: other calls' turns.
    public var queueMilliseconds: Double
    /// Text to token ids.
    public var tokenizeMilliseconds: Double
    /// Token ids to scores, from the first batch to the last; other calls' pairs may share them.
    public var inferenceMilliseconds: Double
    /// Scores to candidates.
    public var rankMilliseconds: Double
    public var totalMilliseconds: Double
    public var model: String
    /// The kernel variant: "avx512", "avx2", "neon" or "scalar".
    public var kernels: String
    /// What the model's linear layers computed with: int8, bf16 or fp32.
    public var precision: Precision
    public var threads: Int
}
