import Resift

extension CandidatePool {
    /// Reads `STAGE[:DEPTH][:FILTER]`: "bm25", "dense:50", "bm25:20:created_at > now-30d".
    ///
    /// - Parameters:
    ///   - number: Tells pools of one stage apart by name, from 1.
    ///   - depth: Where none is given.
    init(parsing text: String, number: Int, depth: Int) throws(RankingError) {
        let parts = text.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard let stage = FirstStage(rawValue: parts[0]) else {
            throw CandidatePool.invalid(
                text, "\"\(parts[0])\" is no first stage",
                fix: "Begin with one of \(FirstStage.allCases.map(\.rawValue).joined(separator: ", ")).")
        }
        var rest = parts.dropFirst()
        var ownDepth = depth
        if let first = rest.first, let number = Int(first) {
            guard number > 0 else {
                throw CandidatePool.invalid(text, "its depth is \(number)", fix: "Give a number from 1.")
            }
            ownDepth = number
            rest = rest.dropFirst()
        }
        // A filter may hold colons: times of day.
        let filter = rest.joined(separator: ":")
        self.init(
            stage, name: "\(stage.rawValue)-\(number)", filter: filter.isEmpty ? nil : try Filter(parsing: filter),
            depth: ownDepth)
    }

    private static func invalid(_ text: String, _ problem: String, fix: String) -> RankingError {
        RankingError(
            .invalidInput, what: "The candidate pool \"\(text)\" cannot be read: \(problem).",
            why: "A pool is STAGE, STAGE:DEPTH or STAGE:DEPTH:FILTER.", fix: fix)
    }
}
