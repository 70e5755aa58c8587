/// A measure of ranking quality: a value with one spelling.
///
/// `nDCG@10`, `P(rel=2)@10`, `RBP(p=0.8)`: a name, parameters that differ from their default, a cutoff. What a measure
/// prints parses back to it. `MAP` is read as `AP`, `MRR` as `RR`, `Recall` as `R`, `Precision` as `P`.
public struct Measure: Hashable, Sendable, CustomStringConvertible {
    public let family: Family
    /// Only this many documents from the top are looked at; nil for all.
    public let cutoff: Int?
    /// The lowest grade that counts as relevant.
    public let relevanceLevel: Int
    /// nDCG only.
    public let gain: Gain
    /// RBP only: the chance that a reader goes on to the next document.
    public let persistence: Double
    /// ERR only: the highest grade of the scale.
    public let maxGrade: Int

    public enum Family: String, CaseIterable, Sendable {
        case nDCG
        case reciprocalRank = "RR"
        case averagePrecision = "AP"
        case precision = "P"
        case recall = "R"
        case success = "Success"
        case rPrecision = "Rprec"
        case judged = "Judged"
        case bpref = "Bpref"
        case rankBiasedPrecision = "RBP"
        case expectedReciprocalRank = "ERR"
        case contextPrecision = "ContextPrecision"
        case contextRecall = "ContextRecall"

        /// Names that other tools use for the same measure.
        static let aliases: [String: Family] = [
            "map": .averagePrecision, "mrr": .reciprocalRank, "recall": .recall, "precision": .precision,
            "hit": .success,
        ]

        /// Measures of a list that has a length by nature.
        var needsCutoff: Bool { [.precision, .recall, .success, .judged].contains(self) }
        var allowsCutoff: Bool { self != .rPrecision && self != .bpref }
    }

    public enum Gain: String, CaseIterable, Sendable {
        /// The grade itself, as trec_eval and BEIR.
        case linear
        /// 2^grade - 1, as Burges et al., ICML 2005.
        case exponential
    }

    public init(
        _ family: Family, cutoff: Int? = nil, relevanceLevel: Int = 1, gain: Gain = .linear,
        persistence: Double = 0.8, maxGrade: Int = 4
    ) {
        self.family = family
        self.cutoff = cutoff
        self.relevanceLevel = relevanceLevel
        self.gain = gain
        self.persistence = persistence
        self.maxGrade = maxGrade
    }

    public var description: String {
        var parameters: [String] = []
        if relevanceLevel != 1 { parameters.append("rel=\(relevanceLevel)") }
        if gain != .linear { parameters.append("gain=\(gain.rawValue)") }
        if persistence != 0.8 { parameters.append("p=\(persistence)") }
        if maxGrade != 4 { parameters.append("max=\(maxGrade)") }
        let list = parameters.isEmpty ? "" : "(\(parameters.joined(separator: ",")))"
        return family.rawValue + list + (cutoff.map { "@\($0)" } ?? "")
    }

    /// The value for one query. A query without relevant documents gives 0.
    public func value(_ ranking: JudgedRanking) -> Double {
        switch family {
        case .nDCG: normalizedDiscountedCumulativeGain(ranking, cutoff: cutoff, gain: gain)
        case .reciprocalRank: reciprocalRank(ranking, cutoff: cutoff, level: relevanceLevel)
        case .averagePrecision: averagePrecision(ranking, cutoff: cutoff, level: relevanceLevel)
        case .precision: precision(ranking, cutoff: cutoff ?? ranking.grades.count, level: relevanceLevel)
        case .recall: recall(ranking, cutoff: cutoff, level: relevanceLevel)
        case .success: success(ranking, cutoff: cutoff, level: relevanceLevel)
        case .rPrecision: rPrecision(ranking, level: relevanceLevel)
        case .judged: judgedShare(ranking, cutoff: cutoff)
        case .bpref: binaryPreference(ranking, level: relevanceLevel)
        case .rankBiasedPrecision:
            rankBiasedPrecision(ranking, cutoff: cutoff, level: relevanceLevel, persistence: persistence)
        case .expectedReciprocalRank: expectedReciprocalRank(ranking, cutoff: cutoff, maxGrade: maxGrade)
        case .contextPrecision: contextPrecision(ranking, cutoff: cutoff, level: relevanceLevel)
        case .contextRecall: recall(ranking, cutoff: cutoff, level: relevanceLevel)
        }
    }
}
