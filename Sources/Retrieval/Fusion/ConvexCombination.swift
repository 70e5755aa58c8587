public import Ranking

/// Fuses runs by their normalized scores.
///
/// `score(d) = Σ_runs weight · normalized(score of d in the run) / Σ_runs weight`. A run that does not have the
/// document adds nothing. With weights α and 1 - α for two runs this is the convex combination of the literature.
///
/// Source: Bruch, Gai & Ingber, An analysis of fusion functions for hybrid retrieval, TOIS 2023,
/// <https://arxiv.org/abs/2210.11934>.
public struct ConvexCombination: Sendable, Hashable {
    public var normalization: ScoreNormalization

    public init(normalization: ScoreNormalization = .minMax) { self.normalization = normalization }

    /// Every document of any run, best first; equal scores by document id, in byte order.
    ///
    /// - Parameter weights: How much each run counts, at least 0 and not all 0; the same for each where nil.
    ///
    /// Throws `invalidInput` for weights that do not fit.
    public func fuse(_ runs: [RankedRun], weights: [Double]? = nil) throws(RankingError) -> [FusedDocument] {
        let weights = weights ?? [Double](repeating: 1, count: runs.count)
        try FusionSum.check(weights: weights, runs: runs)
        let total = weights.reduce(0, +)
        guard runs.isEmpty || total > 0 && total.isFinite else {
            throw RankingError(
                .invalidInput, what: "The weights of the runs sum to \(total).", why: "Scores are divided by this sum.",
                fix: "Give at least one run a weight above 0.")
        }
        let normalized = runs.map { normalization.normalize($0.entries.map(\.score)) }
        return FusionSum(runs) { run, position in weights[run] * normalized[run][position] / total }.sorted
    }
}
