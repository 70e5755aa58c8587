import Ranking
import Tokenizers

/// Turns the documents of one query into pairs of token ids: truncated, split into passages, or refused.
///
/// Pure, and independent of the model's arithmetic.
struct PairPlanner: Sendable {
    private let tokenizer: Tokenizer
    private let encoder: QueryEncoder
    private let longDocuments: LongDocuments

    /// The pairs of one document.
    struct Plan: Sendable {
        var pairs: [EncodedPair]
        /// The passage of each pair, where the document was split; otherwise empty.
        var passages: [Passage] = []
        var truncatedTokens = 0
        var truncatedQueryTokens = 0
    }

    init(query: String, model: CrossEncoder, options: RerankOptions) throws(RankingError) {
        tokenizer = model.tokenizer
        encoder = try QueryEncoder(
            query, model, truncation: options.truncation, instruction: options.instruction, maxTokens: options.maxTokens
        )
        longDocuments = options.longDocuments
    }

    /// - Parameter name: how errors call the document: "document 3 (id \"a\")".
    func plan(_ text: String, name: @autoclosure () -> String) throws(RankingError) -> Plan {
        let documentIDs = tokenizer.encode(text)
        let shares = encoder.shares(documentTokens: documentIDs.count)
        if shares.query < encoder.queryTokens || documentIDs.count > shares.passage {
            switch longDocuments {
            case .truncate: break
            case .split(let overlap): return try split(text, shares, overlap: overlap)
            case .refuse: throw tooLong(name(), tokens: documentIDs.count)
            }
        }
        let pair = try encoder.encode(text, tokens: documentIDs)
        return Plan(pairs: [pair], truncatedTokens: pair.droppedSecond, truncatedQueryTokens: pair.droppedFirst)
    }

    private func split(
        _ text: String, _ shares: (query: Int, passage: Int), overlap: Int
    ) throws(RankingError) -> Plan {
        let tokenized = tokenizer.encodeWithOffsets(text)
        guard shares.passage > 0 else {
            throw RankingError(
                .invalidInput, what: "The query has \(encoder.queryTokens) tokens and leaves no room for a passage.",
                why: "Query and passage share \(encoder.budget) tokens, and this truncation keeps the query whole.",
                fix: "Shorten the query, or truncate with longest_first.")
        }
        let ranges = PassageSplitter(window: shares.passage, overlap: overlap).ranges(of: tokenized)
        let passages = CodePoints(text)
        var plan = Plan(pairs: [])
        for range in ranges.isEmpty ? [0..<0] : ranges {
            let passage = passages.passage(ofBytes: tokenized.sourceRange(of: range))
            let pair = try encoder.encode(
                passage.text, tokens: Array(tokenized.tokenIDs[range]), queryTokens: shares.query)
            plan.truncatedTokens += pair.droppedSecond
            plan.truncatedQueryTokens = max(plan.truncatedQueryTokens, pair.droppedFirst)
            plan.pairs.append(pair)
            plan.passages.append(passage)
        }
        return plan
    }

    private func tooLong(_ name: String, tokens: Int) -> RankingError {
        RankingError(
            .invalidInput, what: "\(name) has \(tokens) tokens and the query \(encoder.queryTokens).",
            why: "Together they may have \(encoder.budget), and long documents are refused.",
            fix: "Allow truncation or splitting of long documents, or shorten the text.")
    }
}

/// Converts byte ranges of a text to code points.
private struct CodePoints {
    private let bytes: [UInt8]
    /// Code points before each byte offset.
    private let before: [Int]

    init(_ text: String) {
        bytes = Array(text.utf8)
        var before = [0]
        before.reserveCapacity(bytes.count + 1)
        var count = 0
        for byte in bytes {
            // A byte 10xxxxxx continues the code point before it.
            if byte & 0xC0 != 0x80 { count += 1 }
            before.append(count)
        }
        self.before = before
    }

    func passage(ofBytes range: Range<Int>) -> Passage {
        Passage(
            start: before[range.lowerBound], end: before[range.upperBound],
            text: String(decoding: bytes[range], as: UTF8.self))
    }
}
