/// How one run differs from another in one measure, over the queries that both have values for.
public struct RunComparison: Sendable, Equatable {
    /// The difference of the two means: above 0 where the second run is better.
    public var change: Double
    /// Two-sided; nil for fewer than two queries. See `Significance.pairedTTest`.
    public var tTest: Double?
    /// Two-sided; nil for no queries. See `Significance.randomizationTest`.
    public var randomization: Double?
    /// Queries that the second run has a higher value for.
    public var wins: Int
    public var ties: Int
    public var losses: Int

    public init(_ baseline: EvaluationResult, _ result: EvaluationResult, _ measure: Measure) {
        let (before, after) = (baseline.values[measure] ?? [:], result.values[measure] ?? [:])
        let queryIDs = result.queryIDs.filter { before[$0] != nil }
        let first = queryIDs.map { before[$0] ?? 0 }
        let second = queryIDs.map { after[$0] ?? 0 }
        change = result.mean(measure) - baseline.mean(measure)
        tTest = Significance.pairedTTest(first, second)
        randomization = Significance.randomizationTest(first, second)
        wins = zip(first, second).count { $0 < $1 }
        losses = zip(first, second).count { $0 > $1 }
        ties = queryIDs.count - wins - losses
    }
}
