import Ranking
import Tokenizers

/// A text as a late-interaction model reads it.
///
/// The text is tokenized to one token less than fits; then the marker takes the second place. A query goes on with
/// `[MASK]` tokens, whose vectors count like others, and which nothing attends to unless the model says so. A document's
/// punctuation is read, and has no vector.
package struct TokenSequence: Sendable {
    package var tokenIDs: [Int32]
    package var typeIDs: [Int32]
    /// The first so many tokens are attended to.
    package var attended: Int
    /// The places of tokens that have a vector.
    package var kept: [Int]
    /// Where each token stands in the text, in bytes; nil for those that are not of the text.
    package var sources: [Range<Int>?]
    package var droppedTokens: Int
}

/// Makes the sequences of one model.
struct TokenSequencer: Sendable {
    let tokenizer: Tokenizer
    let queryMarker: Int32
    let documentMarker: Int32
    let mask: Int32
    /// colbert-ai makes padding of a query's text a mask, and leaves out that of a document's: literal "[PAD]" too.
    let padding: Int32?
    let skipped: Set<Int32>
    let queryTokens: Int
    let documentTokens: Int
    let expandsQueries: Bool
    let attendsToExpansion: Bool

    /// Tokens that stand around a document's own.
    var specialTokens: Int { encoder(maxTokens: documentTokens).specialTokensOfSingle + 1 }

    func query(_ text: TrimmedText) throws(RankingError) -> TokenSequence {
        var sequence = try marked(text, text.tokens.tokenIDs.indices, queryMarker, maxTokens: queryTokens)
        if let padding { sequence.tokenIDs = sequence.tokenIDs.map { $0 == padding ? mask : $0 } }
        if expandsQueries {
            let missing = queryTokens - sequence.tokenIDs.count
            sequence.tokenIDs += repeatElement(mask, count: missing)
            sequence.typeIDs += repeatElement(0, count: missing)
            sequence.sources += repeatElement(nil, count: missing)
            if attendsToExpansion { sequence.attended = sequence.tokenIDs.count }
        }
        sequence.kept = Array(sequence.tokenIDs.indices)
        return sequence
    }

    /// The sequence of some of a document's tokens; what does not fit is dropped.
    func document(_ text: TrimmedText, _ tokens: Range<Int>) throws(RankingError) -> TokenSequence {
        var sequence = try marked(text, tokens, documentMarker, maxTokens: documentTokens)
        sequence.kept = sequence.tokenIDs.indices.filter {
            !skipped.contains(sequence.tokenIDs[$0]) && sequence.tokenIDs[$0] != padding
        }
        return sequence
    }

    private func encoder(maxTokens: Int) -> PairEncoder {
        PairEncoder(tokenizer: tokenizer, maxLength: maxTokens - 1, truncation: .onlyFirst)
    }

    private func marked(
        _ text: TrimmedText, _ tokens: Range<Int>, _ marker: Int32, maxTokens: Int
    ) throws(RankingError) -> TokenSequence {
        let encoder = encoder(maxTokens: maxTokens)
        let single = try encoder.encodeSingle(text.tokens.tokenIDs[tokens])
        var sequence = TokenSequence(
            tokenIDs: single.tokenIDs, typeIDs: single.typeIDs, attended: single.tokenIDs.count + 1, kept: [],
            sources: [Range<Int>?](repeating: nil, count: single.tokenIDs.count), droppedTokens: single.droppedFirst)
        for place in 0..<tokens.count - single.droppedFirst {
            let range = text.tokens.ranges[tokens.lowerBound + place]
            sequence.sources[encoder.specialTokensBeforeSingle + place] =
                range.lowerBound + text.offset..<range.upperBound + text.offset
        }
        let second = min(1, sequence.tokenIDs.count)
        sequence.tokenIDs.insert(marker, at: second)
        sequence.typeIDs.insert(0, at: second)
        sequence.sources.insert(nil, at: second)
        return sequence
    }
}

/// The tokens of a text without the white space at its ends, which PyLate strips.
struct TrimmedText: Sendable {
    let tokens: TokenizedText
    /// Bytes of the text before them.
    let offset: Int

    init(_ text: String, _ tokenizer: Tokenizer) {
        let scalars = text.unicodeScalars
        let start = scalars.firstIndex { !TrimmedText.isSpace($0) } ?? scalars.endIndex
        let end = scalars.lastIndex { !TrimmedText.isSpace($0) }.map { scalars.index(after: $0) } ?? start
        tokens = tokenizer.encodeWithOffsets(String(scalars[start..<end]))
        offset = text.utf8.distance(from: text.startIndex, to: start)
    }

    /// As Python's str.isspace: Unicode's white space and the four separators of ASCII.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value)
    }
}
