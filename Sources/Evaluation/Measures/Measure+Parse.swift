public import Ranking

extension Measure {
    /// Reads `name`, `name@cutoff`, `name(parameter=value,...)@cutoff`. Names are read in any case.
    public init(parsing text: String) throws(RankingError) {
        var rest = Substring(text)
        var cutoff: Int?
        if let at = rest.lastIndex(of: "@") {
            guard let number = Int(rest[rest.index(after: at)...]), number >= 1 else {
                throw Measure.invalid(text, "The cutoff behind \"@\" is a whole number from 1.")
            }
            cutoff = number
            rest = rest[..<at]
        }
        var parameters = Parameters()
        if rest.last == ")", let open = rest.firstIndex(of: "(") {
            try parameters.read(rest[rest.index(after: open)..<rest.index(before: rest.endIndex)], of: text)
            rest = rest[..<open]
        }
        let name = rest.lowercased()
        guard let family = Family.allCases.first(where: { $0.rawValue.lowercased() == name }) ?? Family.aliases[name]
        else {
            let known = Family.allCases.map(\.rawValue) + Family.aliases.keys.sorted().map { $0.uppercased() }
            throw Measure.invalid(text, "The measures are \(known.joined(separator: ", ")).")
        }
        guard !family.needsCutoff || cutoff != nil else {
            throw Measure.invalid(text, "\(family.rawValue) needs a cutoff: \(family.rawValue)@10.")
        }
        guard family.allowsCutoff || cutoff == nil else {
            throw Measure.invalid(text, "\(family.rawValue) takes no cutoff.")
        }
        try parameters.check(family, of: text)
        self.init(
            family, cutoff: cutoff, relevanceLevel: parameters.level ?? 1, gain: parameters.gain ?? .linear,
            persistence: parameters.persistence ?? 0.8, maxGrade: parameters.maxGrade ?? 4)
    }

    private struct Parameters {
        var level: Int?
        var gain: Gain?
        var persistence: Double?
        var maxGrade: Int?

        mutating func read(_ list: Substring, of text: String) throws(RankingError) {
            for item in list.split(separator: ",", omittingEmptySubsequences: false) {
                let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let value = parts.count == 2 ? String(parts[1]) : ""
                switch parts[0] {
                case "rel": level = Int(value)
                case "gain": gain = Gain(rawValue: value)
                case "p": persistence = Double(value).flatMap { $0 > 0 && $0 < 1 ? $0 : nil }
                case "max": maxGrade = Int(value).flatMap { (1...30).contains($0) ? $0 : nil }
                default: throw Measure.invalid(text, "The parameters are rel, gain, p and max.")
                }
                guard
                    (parts[0] != "rel" || level != nil) && (parts[0] != "gain" || gain != nil)
                        && (parts[0] != "p" || persistence != nil) && (parts[0] != "max" || maxGrade != nil)
                else {
                    let gains = Gain.allCases.map(\.rawValue).joined(separator: " or ")
                    throw Measure.invalid(
                        text, "rel is a whole number, gain is \(gains), p is between 0 and 1, max is 1 to 30.")
                }
            }
        }

        func check(_ family: Family, of text: String) throws(RankingError) {
            guard gain == nil || family == .nDCG else { throw Measure.invalid(text, "Only nDCG has a gain.") }
            guard persistence == nil || family == .rankBiasedPrecision else {
                throw Measure.invalid(text, "Only RBP has a p.")
            }
            guard maxGrade == nil || family == .expectedReciprocalRank else {
                throw Measure.invalid(text, "Only ERR has a max.")
            }
            let isGraded = [.nDCG, .expectedReciprocalRank, .judged].contains(family)
            guard level == nil || !isGraded else {
                throw Measure.invalid(text, "\(family.rawValue) has no relevance level.")
            }
        }
    }

    private static func invalid(_ text: String, _ why: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\"\(text)\" is no measure.", why: why,
            fix: "Write for example nDCG@10, RR@10, AP, P(rel=2)@5, R@100.")
    }
}
