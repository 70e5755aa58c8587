public import Retrieval

/// One way to set up the pipeline, among those that `resift tune` compares.
public struct TuningPoint: Sendable, Hashable, CustomStringConvertible {
    public enum Combination: Sendable, Hashable {
        /// One first stage, or reciprocal rank fusion with this constant.
        case reciprocalRank(Double)
        /// Normalized scores, summed with weights.
        case convex(ScoreNormalization)
    }

    public var retrieval: EvaluationStage.Retrieval
    public var combination: Combination
    /// The share of bm25 in a hybrid's fusion, 0 ... 1; the rest is dense's.
    public var lexicalWeight: Double
    /// Candidates that are reranked; 0 for a search without a reranker.
    public var poolSize: Int
    public var aggregation: RerankedText

    public var description: String {
        var parts = [retrieval.rawValue]
        if retrieval == .hybrid {
            switch combination {
            case .reciprocalRank(let constant): parts.append("rrf \(constant)")
            case .convex(let normalization): parts.append("convex \(normalization.rawValue)")
            }
            parts.append("bm25 weight \(lexicalWeight)")
        }
        parts.append(poolSize == 0 ? "no reranking" : "pool \(poolSize), \(aggregation.rawValue)")
        return parts.joined(separator: ", ")
    }
}

/// The settings that are compared: every combination that makes a difference.
public struct TuningSpace: Sendable {
    public var retrievals: [EvaluationStage.Retrieval] = [.bm25]
    public var poolSizes = [0, 10, 20, 50, 100]
    public var rankConstants: [Double] = [10, 60]
    public var lexicalWeights: [Double] = [0.25, 0.5, 0.75]
    public var normalizations: [ScoreNormalization] = [.minMax]
    public var aggregations = RerankedText.allCases

    public init() {}

    /// In a fixed order: simpler ones first, so that they win among equals.
    public var points: [TuningPoint] {
        var points: [TuningPoint] = []
        for poolSize in poolSizes.sorted() {
            for policy in poolSize == 0 ? [.bestPassage] : aggregations {
                for retrieval in retrievals {
                    for (combination, weight) in fusions(retrieval) {
                        points.append(
                            TuningPoint(
                                retrieval: retrieval, combination: combination, lexicalWeight: weight,
                                poolSize: poolSize, aggregation: policy))
                    }
                }
            }
        }
        return points
    }

    private func fusions(_ retrieval: EvaluationStage.Retrieval) -> [(TuningPoint.Combination, Double)] {
        guard retrieval == .hybrid else { return [(.reciprocalRank(60), 0.5)] }
        let combinations =
            rankConstants.map(TuningPoint.Combination.reciprocalRank)
            + normalizations.map(TuningPoint.Combination.convex)
        return combinations.flatMap { combination in lexicalWeights.map { (combination, $0) } }
    }
}
