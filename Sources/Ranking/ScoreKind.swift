/// What a score means, and so what may be done with it.
public enum ScoreKind: String, Sendable, CaseIterable {
    /// The raw output of a model's head, any real number. Comparable for one model across queries, but no probability.
    case logit
    /// A logit after a sigmoid or softmax: 0 ... 1, higher is more relevant. Not a probability either, unless
    /// calibrated on labelled data.
    case normalizedRelevance = "normalized_relevance"
    /// The probability that the document is relevant, as far as the queries that the calibration was fitted on stand for
    /// the caller's: 0 ... 1.
    case calibratedProbability = "calibrated_probability"
    /// The sum over a query's tokens of the cosine to the nearest token of the document: -T ... T for T tokens.
    /// Comparable for one model across queries of as many tokens.
    case maxSim = "max_sim"
    /// A place and no more: the number of candidates at or behind it, counted from the last. From rerankers that only
    /// order.
    case rank
    /// The sum of 1 / (k + rank) over several rankings.
    case reciprocalRankFusion = "rrf"
    /// No score: the deadline came first. The candidate follows the scored ones, in the order it was given.
    case unscored
}
