public import Ranking
public import Tokenizers

/// Cuts documents into the passages that an index holds a vector of.
///
/// Each passage is read as title + " " + passage, so the title's tokens count in every passage. A title may take half of
/// the window; the rest of a longer one is left out of the passages. Cuts are those of `PassageSplitter`: at the end of
/// a sentence where there is one in the second half of the window, else between words.
///
/// Linear in the document's length, and the same for the same input.
public struct PassageChunker: Sendable {
    public let passageTokens: Int
    public let overlapTokens: Int
    private let tokenizer: Tokenizer

    /// A document's passages.
    public struct Passages: Sendable, Equatable {
        /// How much of the title is read before each passage, in UTF-8 bytes from its start: all of it, unless it is
        /// longer than half of the window.
        public var titleUTF8Count: Int
        /// The passages as ranges of UTF-8 bytes of the text, ascending; they overlap where that was asked for. One, of
        /// the whole text, where the document fits; never none, so that a document with only a title has a vector.
        public var ranges: [Range<Int>]

        public init(titleUTF8Count: Int, ranges: [Range<Int>]) {
            self.titleUTF8Count = titleUTF8Count
            self.ranges = ranges
        }
    }

    /// - Parameters:
    ///   - passageTokens: tokens of title and passage together, without special tokens.
    ///   - overlapTokens: tokens that a passage may share with the one before; at most half of what the title leaves.
    ///
    /// Throws `invalidInput` where `passageTokens` is below 2 or `overlapTokens` is negative or not below it.
    public init(tokenizer: Tokenizer, passageTokens: Int, overlapTokens: Int) throws(RankingError) {
        guard passageTokens >= 2 else {
            throw RankingError(
                .invalidInput, what: "A passage of \(passageTokens) tokens is too short.",
                why: "A title and a text have to fit.", fix: "Allow at least 2 tokens; 128 to 512 are usual.")
        }
        guard (0..<passageTokens).contains(overlapTokens) else {
            throw RankingError(
                .invalidInput, what: "Passages of \(passageTokens) tokens cannot overlap by \(overlapTokens).",
                why: "Each passage has to bring something new.",
                fix: "Choose an overlap from 0 to \(passageTokens / 2).")
        }
        self.tokenizer = tokenizer
        self.passageTokens = passageTokens
        self.overlapTokens = overlapTokens
    }

    /// The passages of a document.
    ///
    /// No passage has more tokens than the window as the whole text is tokenized. Only a passage that begins inside a
    /// word too long for the window can, read alone, have some more; encoders cut it.
    public func passages(title: String, text: String) -> Passages {
        let whole = Passages(titleUTF8Count: title.utf8.count, ranges: [0..<text.utf8.count])
        // Most documents of most corpora are answered here, without a tokenizer.
        if let titleTokens = tokenizer.maxTokens(ofUTF8Bytes: title.utf8.count),
            let textTokens = tokenizer.maxTokens(ofUTF8Bytes: text.utf8.count),
            titleTokens + textTokens <= passageTokens
        {
            return whole
        }
        let (titleTokens, titleUTF8Count) = fittingTitle(title)
        let tokenized = tokenizer.encodeWithOffsets(text)
        let window = passageTokens - titleTokens
        guard tokenized.tokenIDs.count > window else {
            return Passages(titleUTF8Count: titleUTF8Count, ranges: whole.ranges)
        }
        let splitter = PassageSplitter(window: window, overlap: overlapTokens)
        let ranges = splitter.ranges(of: tokenized).map(tokenized.sourceRange)
        return Passages(titleUTF8Count: titleUTF8Count, ranges: closingGaps(ranges, in: text))
    }

    /// Joins what became no token, as control characters do, to the passage before it (in front, to the first), so that
    /// only white space is in no passage.
    private func closingGaps(_ ranges: [Range<Int>], in text: String) -> [Range<Int>] {
        let bytes = Array(text.utf8)
        var closed = ranges
        for index in ranges.indices {
            let start = index == 0 ? 0 : ranges[index].lowerBound
            let next = index + 1 < ranges.count ? ranges[index + 1].lowerBound : bytes.count
            var end = max(ranges[index].upperBound, next)
            while end > ranges[index].upperBound, PassageChunker.isSpace(bytes[end - 1]) { end -= 1 }
            closed[index] = start..<end
        }
        return closed
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private func fittingTitle(_ title: String) -> (tokens: Int, utf8Count: Int) {
        if title.isEmpty { return (0, 0) }
        let tokenized = tokenizer.encodeWithOffsets(title)
        let limit = passageTokens / 2
        guard tokenized.tokenIDs.count > limit else { return (tokenized.tokenIDs.count, title.utf8.count) }
        return (limit, tokenized.sourceRange(of: 0..<limit).upperBound)
    }
}
