public import Ranking

/// Fuses runs by the ranks of their documents.
///
/// `RRF(d) = Σ_runs weight / (rankConstant + rank(d))`, ranks from 1. A run that does not have the document adds
/// nothing. Scores play no part, so that stages of different kinds can be fused as they are. The larger the rank
/// constant, the less the first ranks stand out.
///
/// Source: Cormack, Clarke & Büttcher, Reciprocal rank fusion outperforms Condorcet and individual rank learning
/// methods, SIGIR 2009 (rank constant 60, no weights).
public struct ReciprocalRankFusion: Sendable, Hashable {
    public let rankConstant: Double

    /// Throws `invalidInput` unless the rank constant is a number of at least 0.
    public init(rankConstant: Double = 60) throws(RankingError) {
        guard rankConstant >= 0, rankConstant.isFinite else {
            throw RankingError(
                .invalidInput, what: "The rank constant is \(rankConstant).",
                why: "A document's part is weight / (rank constant + rank).",
                fix: "Give a number of at least 0; 60 is usual.")
        }
        self.rankConstant = rankConstant
    }

    /// Every document of any run, best first; equal scores by document id, in byte order.
    ///
    /// - Parameter weights: How much each run counts, at least 0; 1 for each where nil.
    ///
    /// Throws `invalidInput` for weights that do not fit.
    public func fuse(_ runs: [RankedRun], weights: [Double]? = nil) throws(RankingError) -> [FusedDocument] {
        let weights = weights ?? [Double](repeating: 1, count: runs.count)
        try FusionSum.check(weights: weights, runs: runs)
        return FusionSum(runs) { run, position in part(rank: position + 1, weight: weights[run]) }.sorted
    }

    /// What a run adds for the document at a rank, from 1.
    package func part(rank: Int, weight: Double) -> Double { weight / (rankConstant + Double(rank)) }
}
