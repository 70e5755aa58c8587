/// Brings the scores of one run to a scale that is the same for all runs.
///
/// With `n` scores `s`, their smallest `min`, largest `max`, mean `μ` and standard deviation `σ` (of the population):
///
/// | name | formula | range | where all scores are equal |
/// |---|---|---|---|
/// | `minMax` | `(s - min) / (max - min)` | 0 ... 1 | 1 |
/// | `zScore` | `(s - μ) / σ` | any, mean 0 | 0 |
/// | `sum` | `(s - min) / Σ (s - min)` | 0 ... 1, sum 1 | 1 / n |
/// | `rank` | `(n - rank + 1) / n`, ranks from 1 | 1/n ... 1 | as else: equal scores keep their ranks |
///
/// A document that a run does not have gets 0 from it: the worst of a run with `minMax` or `sum`, an average one with
/// `zScore`.
///
/// Sources: Fox & Shaw, Combination of multiple searches, TREC-2, 1994; Montague & Aslam, Relevance score normalization
/// for metasearch, CIKM 2001 (`sum`, `zScore`); the names are those of ranx.
public enum ScoreNormalization: String, Sendable, CaseIterable {
    case minMax = "min-max"
    case zScore = "z-score"
    case sum
    case rank

    /// The normalized scores, in the same order.
    public func normalize(_ scores: [Double]) -> [Double] {
        guard let low = scores.min(), let high = scores.max() else { return [] }
        let count = Double(scores.count)
        if self == .rank { return scores.indices.map { (count - Double($0)) / count } }
        if low == high {
            let constant = self == .minMax ? 1 : self == .zScore ? 0 : 1 / count
            return scores.map { _ in constant }
        }
        // All three are the same for scores moved and scaled, so that the scores are brought to 0 ... 1 first: sums and
        // squares then neither overflow nor vanish. Halves, since the difference of two doubles may be no double.
        let range = high / 2 - low / 2
        let parts = scores.map { ($0 / 2 - low / 2) / range }
        let sum = parts.reduce(0, +)
        switch self {
        case .minMax, .rank: return parts
        case .sum: return parts.map { $0 / sum }
        case .zScore:
            let mean = sum / count
            let deviation = (parts.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
            return parts.map { ($0 - mean) / deviation }
        }
    }
}
