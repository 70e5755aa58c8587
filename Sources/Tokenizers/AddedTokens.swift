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
        var singleWord: Bool
        var stripsLeft: Bool
        var stripsRight: Bool
    }

    /// By first byte of the pattern, longest first.
    private var byFirstByte: [[Token]] = []
    private(set) var all: [Token] = []

    var isEmpty: Bool { all.isEmpty }

    init(_ tokens: [Token]) {
        all = tokens.filter { !$0.pattern.isEmpty }
        guard !all.isEmpty else { return }
        byFirstByte = [[Token]](repeating: [], count: 256)
        for token in all.sorted(by: { $0.pattern.count > $1.pattern.count }) {
            byFirstByte[Int(token.pattern[0])].append(token)
        }
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
                    pattern: isNormalized ? normalize(content) : Array(content.utf8),
                    singleWord: try fields.bool("single_word", default: false),
                    stripsLeft: try fields.bool("lstrip", default: false),
                    stripsRight: try fields.bool("rstrip", default: false))
                if isNormalized { normalized.append(token) } else { raw.append(token) }
            }
        default: throw reader.corrupt("has added_tokens that are not a list")
        }
        return (AddedTokens(raw), AddedTokens(normalized))
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

    private func match(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int, _ range: Range<Int>) -> Token? {
        byFirstByte[Int(bytes[at])].first { token in
            let end = at + token.pattern.count
            return end <= range.upperBound && token.pattern.elementsEqual(bytes[at..<end])
        }
    }

    /// True if a letter, digit or underscore stands directly before or after.
    private func touchesWord(_ bytes: UnsafeBufferPointer<UInt8>, _ found: Range<Int>, _ range: Range<Int>) -> Bool {
        func isWord(_ scalar: Unicode.Scalar?) -> Bool {
            guard let scalar else { return false }
            return scalar == "_" || scalar.properties.isAlphabetic || scalar.properties.numericType == .decimal
        }
        let before = String(decoding: bytes[range.lowerBound..<found.lowerBound].suffix(4), as: UTF8.self)
        let after = String(decoding: bytes[found.upperBound..<range.upperBound].prefix(4), as: UTF8.self)
        return isWord(before.unicodeScalars.last) || isWord(after.unicodeScalars.first)
    }

    private func whitespaceStart(_ bytes: UnsafeBufferPointer<UInt8>, before end: Int, _ lower: Int) -> Int {
        var text = Substring(String(decoding: bytes[lower..<end], as: UTF8.self))
        while let last = text.unicodeScalars.last, last.properties.isWhitespace { text.unicodeScalars.removeLast() }
        return lower + text.utf8.count
    }

    private func whitespaceEnd(_ bytes: UnsafeBufferPointer<UInt8>, after start: Int, _ upper: Int) -> Int {
        var end = start
        while end < upper {
            let (scalar, length) = UTF8Encoding.decode(bytes, end, end: upper)
            guard Unicode.Scalar(scalar)?.properties.isWhitespace == true else { break }
            end += length
        }
        return end
    }
}
