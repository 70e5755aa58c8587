import OrderedJSON
import Ranking

/// Tokens that are found in a text before anything else happens to it: "[SEP]", "[Q] ".
///
/// One that is not `normalized` is looked for in the text as it is; the others, normalized themselves, in what the
/// normalizer leaves. Matches are taken from left to right, the longest at each place.
struct AddedTokens: Sendable {
    struct Token: Sendable {
        var id: Int32
        var content: String
        /// UTF-8 of what is looked for.
        var pattern: [UInt8]
        var isSpecial: Bool
        var singleWord: Bool
        var stripsLeft: Bool
        var stripsRight: Bool
    }

    let all: [Token]
    /// Patterns to positions in `all`.
    private let trie: ByteTrie
    /// Whether a pattern begins with a byte. Nearly all text is passed over by this.
    private var isFirstByte = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { all.isEmpty }

    init(_ tokens: [Token], source: String) throws(RankingError) {
        let tokens = tokens.filter { !$0.pattern.isEmpty }
        // Of equal patterns the first counts, special tokens before others: the reference's order. In the tree the last of
        // equal texts counts.
        let order = tokens.indices.sorted {
            (tokens[$0].isSpecial ? 1 : 0, $1) < (tokens[$1].isSpecial ? 1 : 0, $0)
        }
        var patterns = ByteTrie.Builder()
        for index in order {
            guard patterns.append(tokens[index].pattern, value: Int32(truncatingIfNeeded: index)) else {
                throw TokenizerFile.unsupported(
                    "\(source) has an added token of \(tokens[index].pattern.count) bytes.",
                    supported: ["added tokens of up to \(ByteTrie.Builder.longestText) bytes"])
            }
            isFirstByte[Int(tokens[index].pattern[0])] = true
        }
        all = tokens
        trie = patterns.build()
    }

    /// Reads `added_tokens` of a tokenizer.json: those matched before and after normalization.
    static func read(
        _ file: JSONObject, source: String, normalize: (String) -> [UInt8]
    ) throws(RankingError) -> (raw: AddedTokens, normalized: AddedTokens) {
        let reader = FieldReader(file, source: source)
        var (raw, normalized): ([Token], [Token]) = ([], [])
        switch file["added_tokens"] {
        case nil, .null?: break
        case .array(let items)?:
            for item in items {
                guard case .object(let entry) = item else {
                    throw reader.corrupt("has an added token that is not an object")
                }
                let fields = FieldReader(entry, source: source + ", added_tokens,")
                let content = try fields.string("content")
                let isSpecial = try fields.bool("special", default: false)
                let isNormalized = try fields.bool("normalized", default: !isSpecial)
                let token = Token(
                    id: Int32(try fields.integer("id", in: 0...TokenizerFile.maxID)), content: content,
                    pattern: isNormalized ? normalize(content) : Array(content.utf8), isSpecial: isSpecial,
                    singleWord: try fields.bool("single_word", default: false),
                    stripsLeft: try fields.bool("lstrip", default: false),
                    stripsRight: try fields.bool("rstrip", default: false))
                if isNormalized { normalized.append(token) } else { raw.append(token) }
            }
        default: throw reader.corrupt("has added_tokens that are not a list")
        }
        return (try AddedTokens(raw, source: source), try AddedTokens(normalized, source: source))
    }

    /// Cuts the text at every match. `body` gets each part in order: a range, and the token's id where it is one.
    func split(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ body: (Range<Int>, Int32?) -> Void
    ) {
        guard !isEmpty else { return body(range, nil) }
        var start = range.lowerBound
        var position = range.lowerBound
        while position < range.upperBound {
            guard let token = match(bytes, position, range) else {
                position += 1
                continue
            }
            var found = position..<position + token.pattern.count
            position = found.upperBound
            if token.singleWord, touchesWord(bytes, found, range) { continue }
            if token.stripsLeft { found = whitespaceStart(bytes, before: found.lowerBound, start)..<found.upperBound }
            if token.stripsRight {
                found = found.lowerBound..<whitespaceEnd(bytes, after: found.upperBound, range.upperBound)
            }
            if start < found.lowerBound { body(start..<found.lowerBound, nil) }
            body(found, token.id)
            start = found.upperBound
            position = max(position, start)
        }
        if start < range.upperBound { body(start..<range.upperBound, nil) }
    }

    /// The longest token that begins here.
    private func match(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, _ range: Range<Int>) -> Token? {
        guard isFirstByte[Int(bytes[at])] else { return nil }
        var (node, found): (ByteTrie.Node, Int32?) = (0, nil)
        for position in at..<range.upperBound {
            guard let child = trie.child(of: node, bytes[position]) else { break }
            node = child
            found = trie.value(at: node) ?? found
        }
        return found.map { all[Int($0)] }
    }

    /// True if a letter, mark, digit or underscore stands directly before or after.
    private func touchesWord(_ bytes: UnsafeBufferPointer<UInt8>, _ found: Range<Int>, _ range: Range<Int>) -> Bool {
        let before = UTF8Encoding.start(bytes, before: found.lowerBound, range.lowerBound)
        return AddedTokens.has(.word, bytes, before..<found.lowerBound)
            || AddedTokens.has(.word, bytes, found.upperBound..<range.upperBound)
    }

    private func whitespaceStart(_ bytes: UnsafeBufferPointer<UInt8>, before end: Int, _ lower: Int) -> Int {
        var start = end
        while start > lower {
            let before = UTF8Encoding.start(bytes, before: start, lower)
            guard AddedTokens.has(.whitespace, bytes, before..<start) else { break }
            start = before
        }
        return start
    }

    private func whitespaceEnd(_ bytes: UnsafeBufferPointer<UInt8>, after start: Int, _ upper: Int) -> Int {
        var end = start
        while AddedTokens.has(.whitespace, bytes, end..<upper) {
            end += UTF8Encoding.decode(bytes, end, end: upper).length
        }
        return end
    }

    /// Whether the first code point of a range has a property.
    private static func has(
        _ property: TextUnicode.Properties, _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>
    ) -> Bool {
        guard !range.isEmpty else { return false }
        let (scalar, _) = UTF8Encoding.decode(bytes, range.lowerBound, end: range.upperBound)
        return TextUnicode.properties(scalar).contains(property)
    }
}
