#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Normalized discounted cumulative gain.
///
/// `DCG = Σᵢ gain(gradeᵢ) / log₂(i + 1)`, i from 1; `nDCG = DCG / ideal DCG`, the ideal over all judged documents in
/// their best order, down to the same cutoff. Grades of 0 and below, and unjudged documents, gain nothing.
///
/// Source: Järvelin & Kekäläinen, TOIS 2002; the linear gain and the ideal as trec_eval's ndcg_cut.
func normalizedDiscountedCumulativeGain(_ ranking: JudgedRanking, cutoff: Int?, gain: Measure.Gain) -> Double {
    func dcg(_ grades: some Sequence<Int>) -> Double {
        var sum = 0.0
        for (index, grade) in grades.enumerated() where grade > 0 {
            let value = gain == .linear ? Double(grade) : exp2(Double(grade)) - 1
            sum += value / log2(Double(index + 2))
        }
        return sum
    }
    let depth = cutoff ?? .max
    let ideal = dcg(ranking.judgedGrades.prefix(depth))
    return ideal > 0 ? dcg(ranking.grades.prefix(depth).map { $0 ?? 0 }) / ideal : 0
}
