import Ranking
import Reranking

/// The documents of one call as a language model reads them.
struct ReadDocuments: Sendable {
    struct Text: Sendable {
        /// Without what could be read as a mark, and not longer than was allowed.
        var text: String
        /// By `TokenEstimate`.
        var tokens: Int
        var cutTokens: Int
    }

    let query: String
    let texts: [Text]

    var truncatedDocuments: Int { texts.count { $0.cutTokens > 0 } }

    /// - Parameter documentTokens: The most that is read of a document, where the options name no other.
    ///
    /// Throws `invalidInput` for an empty query, no documents, and a document that is refused as too long.
    init(
        _ query: String, _ documents: [Document], options: RerankOptions, documentTokens: Int
    ) throws(RankingError) {
        try RerankInput.check(query, documents, options)
        let budget = options.maxDocumentTokens ?? documentTokens
        var texts: [Text] = []
        texts.reserveCapacity(documents.count)
        for (index, document) in documents.enumerated() {
            let whole = try document.text(rankFields: options.rankFields)
            func tooLong(_ length: String, _ limit: String) -> RankingError {
                RankingError(
                    .invalidInput,
                    what: "Document \(index)\(document.id.map { " (id \"\($0)\")" } ?? "") has \(length).",
                    why: "At most \(limit) are allowed, and long documents are to be refused.",
                    fix: "Shorten it, raise the limit, or let documents be cut.")
            }
            if let limit = options.maxDocumentBytes, whole.utf8.count > limit {
                throw tooLong("\(whole.utf8.count) bytes", "\(limit) bytes")
            }
            let (kept, cutTokens) = TokenEstimate.prefix(whole, tokens: budget)
            if cutTokens > 0, options.longDocuments == .refuse {
                throw tooLong("about \(TokenEstimate.tokens(whole)) tokens", "\(budget) tokens")
            }
            texts.append(
                Text(text: ForeignText.neutral(kept), tokens: TokenEstimate.tokens(kept), cutTokens: cutTokens))
        }
        self.query = ForeignText.neutral(query)
        self.texts = texts
    }

    func frame(_ positions: some Sequence<Int>) -> PassageFrame {
        PassageFrame(query: query, passages: positions.map { texts[$0].text })
    }

    func candidate(
        _ document: Document, index: Int, score: Float, kind: ScoreKind, logit: Float
    ) -> Candidate {
        Candidate(
            document: document, index: index, score: score, scoreKind: kind, logit: logit, tokens: texts[index].tokens,
            truncatedTokens: texts[index].cutTokens)
    }
}

/// Refuses options that a language model elsewhere cannot obey.
enum LanguageModelOptions {
    /// - Parameter hasScores: False for an order, which no threshold can cut.
    static func check(
        _ options: RerankOptions, limit: Int?, template: PromptTemplate, hasScores: Bool, name: String
    ) throws(RankingError) {
        let refused: [(name: String, isAsked: Bool, why: String)] = [
            ("splitting of documents", options.longDocuments.isSplit, "It reads each document once."),
            ("a truncation policy", options.truncation != nil, "It cuts documents, never the query."),
            (
                "an instruction", options.instruction != nil && !template.has(.instruction),
                "The prompt has no place {instruction}."
            ),
            ("a window in tokens", options.maxTokens != nil, "Its window is counted in documents."),
            ("a number of passages", options.maxPassages != nil, "It reads each document once."),
            (
                "a minimum score", options.minScore != nil && !hasScores,
                "Its scores are places, which mean nothing alone."
            ),
            ("an activation", options.activation != nil, "It has no logits."),
            ("a calibration", options.calibration != nil, "It has no logits."),
            ("a label", options.label != nil, "It has no labels."),
            ("a layer exit", options.layerExit != nil, "Its layers are elsewhere."),
        ]
        if let option = refused.first(where: \.isAsked) {
            throw RankingError(
                .invalidInput, what: "\(name) is asked for \(option.name).", why: option.why,
                fix: "Leave the option out, or take another reranker.")
        }
        try RerankInput.check(limit: limit)
        let numbers = [
            ("maxDocumentTokens", options.maxDocumentTokens),
            ("maxDocumentBytes", options.maxDocumentBytes), ("maxTotalTokens", options.maxTotalTokens),
        ]
        for case (let name, let number?) in numbers where number < 1 {
            throw RankingError(
                .invalidInput, what: "\(name) is \(number).", why: "Nothing can be ranked with that.",
                fix: "Give a number from 1, or none.")
        }
    }

    /// Throws `invalidInput` for settings outside their ranges.
    static func check(documentTokens: Int, maxOutputTokens: Int) throws(RankingError) {
        guard (1...10_000_000).contains(documentTokens), (1...10_000_000).contains(maxOutputTokens) else {
            throw RankingError(
                .invalidInput,
                what: "\(documentTokens) tokens of a document are to be read, and \(maxOutputTokens) written.",
                why: "Both are from 1 to 10,000,000.", fix: "Give numbers in this range.")
        }
    }

    /// Throws `invalidInput` where a call would read more than `maxTotalTokens`.
    static func check(_ estimate: RunEstimate, _ options: RerankOptions) throws(RankingError) {
        guard let limit = options.maxTotalTokens, estimate.inputTokens > limit else { return }
        throw RankingError(
            .invalidInput, what: "The call would read about \(estimate.inputTokens) tokens.",
            why: "At most \(limit) are allowed.",
            fix: "Give fewer documents, let less of each be read, or raise the limit.")
    }
}

extension LongDocuments {
    fileprivate var isSplit: Bool { if case .split = self { true } else { false } }
}
