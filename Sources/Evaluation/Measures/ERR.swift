#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Expected reciprocal rank: the mean of 1/rank at which a reader stops, who is satisfied by each document with
/// probability `(2^grade - 1) / 2^maxGrade`.
///
/// `ERR = Σᵢ 1/i · Rᵢ Πⱼ<ᵢ (1 - Rⱼ)`. Grades above maxGrade count as maxGrade.
///
/// Source: Chapelle et al., CIKM 2009; the scale of 4 is TREC's gdeval.
func expectedReciprocalRank(_ ranking: JudgedRanking, cutoff: Int?, maxGrade: Int) -> Double {
    var (sum, unsatisfied) = (0.0, 1.0)
    for (index, grade) in ranking.grades.prefix(cutoff ?? .max).enumerated() {
        let grade = min(max(0, grade ?? 0), maxGrade)
        let satisfaction = (exp2(Double(grade)) - 1) / exp2(Double(maxGrade))
        sum += unsatisfied * satisfaction / Double(index + 1)
        unsatisfied *= 1 - satisfaction
    }
    return sum
}
