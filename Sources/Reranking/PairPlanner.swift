import Ranking
import Tokenizers

/// Turns the documents of one query into pairs of token ids: truncated, split into passages, or refused.
///
/// Pure, and independent of the model's arithmetic.
struct PairPlanner: Sendable {
    private let tokenizer: Tokenizer
    private let encoder: PairEncoder
    private let queryIDs: [Int32]
    private let longDocuments: LongDocuments
    private let truncation: TruncationStrategy
    private let maxDocumentTokens: Int
    private let maxPassages: Int
    /// Tokens that query and passage may take together.
    private let budget: Int

    /// The pairs of one document.
    struct Plan: Sendable {
        var pairs: [EncodedPair]
        /// The passage of each pair, in code points of the text, where the document was split; otherwise empty.
        var passages: [Range<Int>] = []
        var truncatedTokens = 0
        var truncatedQueryTokens = 0

        var tokens: Int { pairs.reduce(0) { $0 + $1.tokenIDs.count } }
    }

    init(query: String, tokenizer: Tokenizer, maxTokens: Int, options: RerankOptions) throws(RankingError) {
        self.tokenizer = tokenizer
        encoder = PairEncoder(tokenizer: tokenizer, maxLength: maxTokens, truncation: options.truncation)
        queryIDs = tokenizer.encode(query)
        longDocuments = options.longDocuments
        truncation = options.truncation
        for (name, limit) in [("tokens", options.maxDocumentTokens), ("passages", options.maxPassages)] {
            guard let limit, limit < 1 else { continue }
            throw RankingError(
                .invalidInput, what: "At most \(limit) \(name) of a document are to be read.",
                why: "Nothing would be left to score.", fix: "Allow at least 1, or set no limit.")
        }
        maxDocumentTokens = options.maxDocumentTokens ?? .max
        maxPassages = options.maxPassages ?? .max
        budget = maxTokens - encoder.specialTokens
        guard budget >= 2 else {
            throw RankingError(
                .invalidInput, what: "A window of \(maxTokens) tokens has no room for a query and a document.",
                why: "\(encoder.specialTokens) of them are special tokens.",
                fix: "Allow at least \(encoder.specialTokens + 2) tokens.")
        }
    }

    /// - Parameter name: how errors call the document: "document 3 (id \"a\")".
    func plan(_ text: String, name: @autoclosure () -> String) throws(RankingError) -> Plan {
        let all = tokenizer.encode(text)
        let documentIDs = all.prefix(maxDocumentTokens)
        let left = all.count - documentIDs.count
        if queryIDs.count + documentIDs.count > budget {
            switch longDocuments {
            case .truncate: break
            case .split(let overlap): return try split(text, tokens: documentIDs.count, overlap: overlap)
            case .refuse: throw tooLong(name(), tokens: documentIDs.count)
            }
        }
        let pair = try encoder.encode(queryIDs, documentIDs)
        return Plan(pairs: [pair], truncatedTokens: pair.droppedSecond + left, truncatedQueryTokens: pair.droppedFirst)
    }

    /// The query keeps half the room, or what a shorter document leaves, as longest_first would cut it.
    private func split(_ text: String, tokens: Int, overlap: Int) throws(RankingError) -> Plan {
        let room = max(budget / 2, budget - tokens)
        let query = truncation == .longestFirst ? queryIDs.prefix(room) : queryIDs[...]
        let tokenized = tokenizer.encodeWithOffsets(text)
        let window = budget - query.count
        guard window > 0 else {
            throw RankingError(
                .invalidInput, what: "The query has \(queryIDs.count) tokens and leaves no room for a passage.",
                why: "Query and passage share \(budget) tokens, and this truncation keeps the query whole.",
                fix: "Shorten the query, or truncate with longest_first.")
        }
        let count = tokenized.tokenIDs.count
        var ranges = PassageSplitter(window: window, overlap: overlap).ranges(of: tokenized)
        // Of documents that are read in part, the passages that begin in that part, cut at its end.
        ranges = Array(ranges.prefix { $0.lowerBound < maxDocumentTokens }.prefix(maxPassages))
        let points = CodePoints(text)
        var plan = Plan(pairs: [], truncatedQueryTokens: queryIDs.count - query.count)
        plan.truncatedTokens = count - min(ranges.last?.upperBound ?? count, maxDocumentTokens)
        for var range in ranges.isEmpty ? [0..<0] : ranges {
            range = range.clamped(to: 0..<maxDocumentTokens)
            plan.pairs.append(try encoder.encode(Array(query), Array(tokenized.tokenIDs[range])))
            plan.passages.append(points.range(ofBytes: tokenized.sourceRange(of: range)))
        }
        return plan
    }

    private func tooLong(_ name: String, tokens: Int) -> RankingError {
        RankingError(
            .invalidInput, what: "\(name) has \(tokens) tokens and the query \(queryIDs.count).",
            why: "Together they may have \(budget), and long documents are refused.",
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
