package import Ranking

/// What every reranker demands of a call, whatever scores it.
package enum RerankInput {
    /// Throws `invalidInput` for an empty query, no documents, a minimum that is no number or a deadline in the past.
    package static func check(
        _ query: String, _ documents: [Document], _ options: RerankOptions
    ) throws(RankingError) {
        guard query.unicodeScalars.contains(where: { !$0.properties.isWhitespace }) else {
            throw RankingError(
                .invalidInput, what: "The query is empty.", why: "A document can only be relevant to something.",
                fix: "Give a query with at least one character that is not white space.")
        }
        guard !documents.isEmpty else {
            throw RankingError(
                .invalidInput, what: "There are no documents.", why: "The list to rank is empty.",
                fix: "Give at least one document.")
        }
        if let minScore = options.minScore, minScore.isNaN {
            throw RankingError(
                .invalidInput, what: "The minimum score is not a number.", why: "No score can be compared with NaN.",
                fix: "Give a number, or no minimum.")
        }
        if let deadline = options.deadline, deadline <= .zero {
            throw RankingError(
                .invalidInput, what: "The deadline is \(deadline).", why: "Nothing can be scored in no time.",
                fix: "Give a positive duration, or none to score every document.")
        }
    }

    package static func check(limit: Int?) throws(RankingError) {
        guard let limit, limit < 1 else { return }
        throw RankingError(
            .invalidInput, what: "limit is \(limit).", why: "A ranking has at least one candidate.",
            fix: "Give a limit from 1, or none for all documents.")
    }
}
