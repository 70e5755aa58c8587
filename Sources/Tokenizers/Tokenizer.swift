public import OrderedJSON
public import Ranking

/// Text in, token ids out, as the `tokenizer.json` of a model says.
///
/// Ids equal those of Hugging Face `tokenizers` 0.22.2. What the file says about padding and truncation is passed over:
/// `PairEncoder` truncates by the model's window, and nothing is padded.
public struct Tokenizer: Sendable {
    private let rawTokens: AddedTokens
    private let normalizedTokens: AddedTokens
    private let normalizer: NormalizerSequence
    private let preTokenizer: PreTokenizerSequence
    private let model: TokenizerModel
    let template: PairTemplate
    /// BERT's normalizer, or none, BERT's words, and WordPiece.
    let isBERT: Bool

    /// Reads a tokenizer.json; `source` is its name in errors.
    public static func load(_ json: JSONValue, source: String) throws(RankingError) -> Tokenizer {
        guard case .object(let file) = json else {
            throw FieldReader(JSONObject(), source: source).corrupt("is not a JSON object")
        }
        return try Tokenizer(file, source: source)
    }

    private init(_ file: JSONObject, source: String) throws(RankingError) {
        let normalizer = try NormalizerSequence(file, source: source)
        preTokenizer = try PreTokenizerSequence(file, source: source)
        model = try TokenizerModel(file, isByteLevel: preTokenizer.isByteLevel, source: source)
        template = try PairTemplate(file, source: source)
        (rawTokens, normalizedTokens) = try AddedTokens.read(file, source: source) { content in
            var bytes: [UInt8] = []
            for scalar in normalizer.normalize(content).scalars { UTF8Encoding.append(scalar, to: &bytes) }
            return bytes
        }
        self.normalizer = normalizer
        isBERT = normalizer.isBERTOrNone && preTokenizer.isBERT && model.isWordPiece
    }

    /// The ids of a text, without the special tokens around it.
    public func encode(_ text: String) -> [Int32] {
        var ids: [Int32] = []
        ids.reserveCapacity(text.utf8.count / 4)
        forEachToken(of: text) { id, _ in ids.append(id) }
        return ids
    }

    /// The same ids, with the part of the text that each came from.
    public func encodeWithOffsets(_ text: String) -> TokenizedText {
        var tokenized = TokenizedText(text: text)
        forEachToken(of: text) { id, range in tokenized.append(id, range) }
        return tokenized
    }

    /// The id of a token, added or of the vocabulary.
    public func tokenID(of token: String) -> Int32? {
        (rawTokens.all + normalizedTokens.all).last { $0.content.utf8.elementsEqual(token.utf8) }?.id
            ?? model.id(of: token)
    }

    private func forEachToken(of text: String, _ body: (Int32, Range<Int>) -> Void) {
        var text = text
        text.withUTF8 { bytes in
            var scratch = TokenizerModel.Scratch()
            rawTokens.split(bytes, 0..<bytes.count) { range, id in
                if let id {
                    body(id, range)
                } else {
                    encodePlain(bytes, range, &scratch, body)
                }
            }
        }
    }

    /// A part of the text that holds no raw added token.
    private func encodePlain(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ scratch: inout TokenizerModel.Scratch,
        _ body: (Int32, Range<Int>) -> Void
    ) {
        let normalized = normalizer.normalize(bytes, range)
        forEachPart(of: normalized) { part, id in
            if let id { return body(id, normalized.source(of: part)) }
            let words = preTokenizer.pieces(of: normalized, part)
            model.tokenize(words, &scratch) { id, piece in body(id, words.text.source(of: piece)) }
        }
    }

    /// Cuts normalized text at the added tokens that are looked for there.
    private func forEachPart(of text: NormalizedText, _ body: (Range<Int>, Int32?) -> Void) {
        guard !normalizedTokens.isEmpty else { return body(0..<text.count, nil) }
        var utf8: [UInt8] = []
        // The scalar that begins at each byte; for the others, the one they belong to.
        var scalarAt: [Int] = []
        for (index, scalar) in text.scalars.enumerated() {
            UTF8Encoding.append(scalar, to: &utf8)
            while scalarAt.count < utf8.count { scalarAt.append(index) }
        }
        scalarAt.append(text.count)
        utf8.withUnsafeBufferPointer { buffer in
            normalizedTokens.split(buffer, 0..<buffer.count) { range, id in
                body(scalarAt[range.lowerBound]..<scalarAt[range.upperBound], id)
            }
        }
    }
}

/// A text and its tokens.
public struct TokenizedText: Sendable, Equatable {
    public let text: String
    public private(set) var tokenIDs: [Int32] = []
    /// The UTF-8 bytes of `text` that each token came from, ascending. A token that normalization made from several
    /// characters spans them all, dropped accents included.
    public private(set) var ranges: [Range<Int>] = []

    init(text: String) { self.text = text }

    mutating func append(_ id: Int32, _ range: Range<Int>) {
        tokenIDs.append(id)
        ranges.append(range)
    }

    /// The bytes from the start of the first token of a slice to the end of its last.
    public func sourceRange(of tokens: Range<Int>) -> Range<Int> {
        guard !tokens.isEmpty else { return 0..<0 }
        let start = ranges[tokens.lowerBound].lowerBound
        return start..<max(start, ranges[tokens.upperBound - 1].upperBound)
    }
}
