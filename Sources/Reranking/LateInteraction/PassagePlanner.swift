import Ranking
import Tokenizers

/// Turns documents into the sequences that a late-interaction model reads: truncated, split into passages, or refused.
struct PassagePlanner: Sendable {
    private let sequencer: TokenSequencer
    private let longDocuments: LongDocuments
    private let maxDocumentTokens: Int
    private let maxPassages: Int

    struct PlannedPassage: Sendable {
        var sequence: TokenSequence
        /// Its bytes of the text, where the document was split.
        var source: Range<Int>?
    }

    /// One document.
    struct Plan: Sendable {
        var passages: [PlannedPassage]
        var truncatedTokens: Int

        var tokens: Int { passages.reduce(0) { $0 + $1.sequence.tokenIDs.count } }
    }

    /// Throws `invalidInput` for an option that late interaction cannot obey.
    init(_ sequencer: TokenSequencer, _ options: RerankOptions) throws(RankingError) {
        let refused: [(String, Bool)] = [
            ("truncation", options.truncation != nil), ("instruction", options.instruction != nil),
            ("maxTokens", options.maxTokens != nil), ("activation", options.activation != nil),
            ("label", options.label != nil), ("layerExit", options.layerExit != nil),
        ]
        if let option = refused.first(where: \.1)?.0 {
            throw RankingError(
                .invalidInput, what: "A late-interaction model is asked to obey the option \(option).",
                why: "Query and document are read apart, and there is no classification head.",
                fix: option == "maxTokens" ? "Limit the tokens of a document instead." : "Leave the option out.")
        }
        for (name, limit) in [("tokens", options.maxDocumentTokens), ("passages", options.maxPassages)] {
            guard let limit, limit < 1 else { continue }
            throw RankingError(
                .invalidInput, what: "At most \(limit) \(name) of a document are to be read.",
                why: "Nothing would be left to score.", fix: "Allow at least 1, or set no limit.")
        }
        self.sequencer = sequencer
        longDocuments = options.longDocuments
        maxDocumentTokens = options.maxDocumentTokens ?? .max
        maxPassages = options.maxPassages ?? .max
    }

    /// - Parameter name: how errors call the document: "document 3 (id \"a\")".
    func plan(_ document: String, name: @autoclosure () -> String) throws(RankingError) -> Plan {
        let text = TrimmedText(document, sequencer.tokenizer)
        let count = text.tokens.tokenIDs.count
        let read = min(count, maxDocumentTokens)
        let window = sequencer.documentTokens - sequencer.specialTokens
        var ranges = [0..<read]
        if read > window {
            switch longDocuments {
            case .truncate: break
            case .split(let overlap):
                // Of documents that are read in part, the passages that begin in that part, cut at its end.
                ranges = PassageSplitter(window: window, overlap: overlap).ranges(of: text.tokens)
                    .prefix { $0.lowerBound < read }.prefix(maxPassages).map { $0.clamped(to: 0..<read) }
            case .refuse:
                throw RankingError(
                    .invalidInput, what: "\(name()) has \(read) tokens.",
                    why: "The model reads \(window) of a document, and long documents are refused.",
                    fix: "Allow truncation or splitting of long documents, or shorten the text.")
            }
        }
        let isSplit = read > window && longDocuments != .truncate
        var passages: [PlannedPassage] = []
        for range in ranges {
            let bytes = text.tokens.sourceRange(of: range)
            passages.append(
                PlannedPassage(
                    sequence: try sequencer.document(text, range),
                    source: isSplit ? bytes.lowerBound + text.offset..<bytes.upperBound + text.offset : nil))
        }
        let end = isSplit ? (ranges.last?.upperBound ?? 0) : min(read, window)
        return Plan(passages: passages, truncatedTokens: count - end)
    }
}
