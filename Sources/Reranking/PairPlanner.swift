import Ranking
import Tokenizers

/// Turns the documents of one query into pairs of token ids: truncated, split into passages, or refused.
///
/// Pure, and independent of the model's arithmetic.
struct PairPlanner: Sendable {
    private let tokenizer: Tokenizer
    private let encoder: QueryEncoder
    private let longDocuments: LongDocuments
    private let maxDocumentTokens: Int
    private let maxPassages: Int

    /// The pairs of one document.
    struct Plan: Sendable {
        var pairs: [EncodedPair]
        /// The passage of each pair, in code points of the text, where the document was split; otherwise empty.
        var passages: [Range<Int>] = []
        var truncatedTokens = 0
        var truncatedQueryTokens = 0

        var tokens: Int { pairs.reduce(0) { $0 + $1.tokenIDs.count } }
    }

    init(query: String, model: CrossEncoder, options: RerankOptions) throws(RankingError) {
        tokenizer = model.tokenizer
        encoder = try QueryEncoder(
            query, model, truncation: options.truncation, instruction: options.instruction, maxTokens: options.maxTokens
        )
        longDocuments = options.longDocuments
        for (name, limit) in [("tokens", options.maxDocumentTokens), ("passages", options.maxPassages)] {
            guard let limit, limit < 1 else { continue }
            throw RankingError(
                .invalidInput, what: "At most \(limit) \(name) of a document are to be read.",
                why: "Nothing would be left to score.", fix: "Allow at least 1, or set no limit.")
        }
        maxDocumentTokens = options.maxDocumentTokens ?? .max
        maxPassages = options.maxPassages ?? .max
    }

    /// - Parameter name: how errors call the document: "document 3 (id \"a\")".
    func plan(_ text: String, name: @autoclosure () -> String) throws(RankingError) -> Plan {
        let all = tokenizer.encode(text)
        let documentIDs = Array(all.prefix(maxDocumentTokens))
        let left = all.count - documentIDs.count
        let shares = encoder.shares(documentTokens: documentIDs.count)
        if shares.query < encoder.queryTokens || documentIDs.count > shares.passage {
            switch longDocuments {
            case .truncate: break
            case .split(let overlap): return try split(text, shares, overlap: overlap)
            case .refuse: throw tooLong(name(), tokens: documentIDs.count)
            }
        }
        let read = left == 0 ? text : beginning(of: text, tokens: documentIDs.count)
        let pair = try encoder.encode(read, tokens: documentIDs)
        return Plan(pairs: [pair], truncatedTokens: pair.droppedSecond + left, truncatedQueryTokens: pair.droppedFirst)
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
        let count = tokenized.tokenIDs.count
        var ranges = PassageSplitter(window: shares.passage, overlap: overlap).ranges(of: tokenized)
        // Of documents that are read in part, the passages that begin in that part, cut at its end.
        ranges = Array(ranges.prefix { $0.lowerBound < maxDocumentTokens }.prefix(maxPassages))
        let points = CodePoints(text)
        var plan = Plan(pairs: [])
        plan.truncatedTokens = count - min(ranges.last?.upperBound ?? count, maxDocumentTokens)
        for var range in ranges.isEmpty ? [0..<0] : ranges {
            range = range.clamped(to: 0..<maxDocumentTokens)
            let bytes = tokenized.sourceRange(of: range)
            let pair = try encoder.encode(
                points.passage(ofBytes: bytes).text, tokens: Array(tokenized.tokenIDs[range]),
                queryTokens: shares.query)
            plan.truncatedTokens += pair.droppedSecond
            plan.truncatedQueryTokens = max(plan.truncatedQueryTokens, pair.droppedFirst)
            plan.pairs.append(pair)
            plan.passages.append(points.range(ofBytes: bytes))
        }
        return plan
    }

    /// The text of so many of its first tokens.
    private func beginning(of text: String, tokens: Int) -> String {
        CodePoints(text).passage(ofBytes: tokenizer.encodeWithOffsets(text).sourceRange(of: 0..<tokens)).text
    }

    private func tooLong(_ name: String, tokens: Int) -> RankingError {
        RankingError(
            .invalidInput, what: "\(name) has \(tokens) tokens and the query \(encoder.queryTokens).",
            why: "Together they may have \(encoder.budget), and long documents are refused.",
            fix: "Allow truncation or splitting of long documents, or shorten the text.")
    }
}

/// Converts byte ranges of a text to code points.
struct CodePoints {
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

    func range(ofBytes range: Range<Int>) -> Range<Int> { before[range.lowerBound]..<before[range.upperBound] }

    func passage(ofBytes range: Range<Int>) -> Passage {
        Passage(
            start: before[range.lowerBound], end: before[range.upperBound],
            text: String(decoding: bytes[range], as: UTF8.self))
    }
}
