// The measures that only ask whether a document is relevant: graded `level` or higher. As trec_eval computes them.

/// 1 / rank of the first relevant document; 0 if there is none (within the cutoff).
func reciprocalRank(_ ranking: JudgedRanking, cutoff: Int?, level: Int) -> Double {
    ranking.relevance(level: level, cutoff: cutoff).firstIndex(of: true).map { 1 / Double($0 + 1) } ?? 0
}

/// The mean, over all relevant documents, of the precision at each one's rank; 0 for those not retrieved.
func averagePrecision(_ ranking: JudgedRanking, cutoff: Int?, level: Int) -> Double {
    let relevant = ranking.relevantCount(level: level)
    guard relevant > 0 else { return 0 }
    var (found, sum) = (0, 0.0)
    for (index, isRelevant) in ranking.relevance(level: level, cutoff: cutoff).enumerated() where isRelevant {
        found += 1
        sum += Double(found) / Double(index + 1)
    }
    return sum / Double(relevant)
}

/// The share of the first `cutoff` places that hold a relevant document; a shorter ranking leaves places empty.
func precision(_ ranking: JudgedRanking, cutoff: Int, level: Int) -> Double {
    guard cutoff > 0 else { return 0 }
    return Double(ranking.relevance(level: level, cutoff: cutoff).count { $0 }) / Double(cutoff)
}

/// The share of the relevant documents that was retrieved (within the cutoff).
func recall(_ ranking: JudgedRanking, cutoff: Int?, level: Int) -> Double {
    let relevant = ranking.relevantCount(level: level)
    guard relevant > 0 else { return 0 }
    return Double(ranking.relevance(level: level, cutoff: cutoff).count { $0 }) / Double(relevant)
}

/// 1 if any relevant document was retrieved (within the cutoff), else 0.
func success(_ ranking: JudgedRanking, cutoff: Int?, level: Int) -> Double {
    ranking.relevance(level: level, cutoff: cutoff).contains(true) ? 1 : 0
}

/// Precision at R, the number of relevant documents.
func rPrecision(_ ranking: JudgedRanking, level: Int) -> Double {
    precision(ranking, cutoff: ranking.relevantCount(level: level), level: level)
}

/// The share of the retrieved documents (within the cutoff) that has any judgement, grade 0 included: how far the other
/// measures can be believed.
func judgedShare(_ ranking: JudgedRanking, cutoff: Int?) -> Double {
    let top = ranking.grades.prefix(cutoff ?? .max)
    return top.isEmpty ? 0 : Double(top.count { ($0 ?? -1) >= 0 }) / Double(top.count)
}

/// How often relevant documents stand above judged irrelevant ones; unjudged documents are passed over.
///
/// `bpref = 1/R Σᵣ (1 - min(n above r, R) / min(N, R))`, R relevant and N judged irrelevant documents.
///
/// Source: Buckley & Voorhees, SIGIR 2004; the denominators are trec_eval's.
func binaryPreference(_ ranking: JudgedRanking, level: Int) -> Double {
    let relevant = ranking.relevantCount(level: level)
    guard relevant > 0 else { return 0 }
    let irrelevant = ranking.judgedGrades.count { $0 >= 0 && $0 < level }
    var (above, sum) = (0, 0.0)
    for case let grade? in ranking.grades where grade >= 0 || grade >= level {
        if grade >= level {
            sum += above == 0 ? 1 : 1 - Double(min(above, relevant)) / Double(min(irrelevant, relevant))
        } else {
            above += 1
        }
    }
    return sum / Double(relevant)
}

/// The share of the retrieved documents (within the cutoff) that is relevant: RAG's id-based context precision. Unlike
/// P@k, a shorter ranking is not punished.
func contextPrecision(_ ranking: JudgedRanking, cutoff: Int?, level: Int) -> Double {
    let top = ranking.relevance(level: level, cutoff: cutoff)
    return top.isEmpty ? 0 : Double(top.count { $0 }) / Double(top.count)
}

/// `RBP = (1 - p) Σᵢ p^(i-1) relᵢ`: what a reader finds who goes on to the next document with probability p.
///
/// Source: Moffat & Zobel, TOIS 2008.
func rankBiasedPrecision(_ ranking: JudgedRanking, cutoff: Int?, level: Int, persistence: Double) -> Double {
    var (weight, sum) = (1 - persistence, 0.0)
    for isRelevant in ranking.relevance(level: level, cutoff: cutoff) {
        if isRelevant { sum += weight }
        weight *= persistence
    }
    return sum
}
