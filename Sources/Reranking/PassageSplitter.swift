package import Tokenizers

/// Cuts a tokenized text into passages of at most `window` tokens.
///
/// A passage ends at the last sentence end in the second half of its window; where there is none, before the last
/// whole word; where there is none either, at the window. The next one begins `overlap` tokens before that, moved
/// forward to the next sentence start (or word start) if there is one. Every token is in at least one passage.
package struct PassageSplitter {
    let window: Int
    let overlap: Int

    /// - Parameters:
    ///   - window: at least 1.
    ///   - overlap: cut down to half the window, so that every passage brings something new.
    package init(window: Int, overlap: Int) {
        self.window = max(1, window)
        self.overlap = max(0, min(overlap, window / 2))
    }

    /// Token ranges, in order. Empty for a text without tokens.
    package func ranges(of text: TokenizedText) -> [Range<Int>] {
        let breaks = Breaks(text)
        var ranges: [Range<Int>] = []
        var start = 0
        while start < text.tokenIDs.count {
            let end = self.end(from: start, after: ranges.last?.upperBound ?? 0, count: text.tokenIDs.count, breaks)
            ranges.append(start..<end)
            if end == text.tokenIDs.count { break }
            start = nextStart(after: start, end: end, breaks)
        }
        return ranges
    }

    /// Token ranges of the sentences, in order; together they are the whole text.
    package static func sentences(of text: TokenizedText) -> [Range<Int>] {
        let breaks = Breaks(text)
        let count = text.tokenIDs.count
        let starts = [0] + (1..<max(1, count)).filter { breaks.startsSentence($0) } + [count]
        return zip(starts, starts.dropFirst()).map { $0..<$1 }.filter { !$0.isEmpty }
    }

    /// - Parameter previous: the end of the passage before; this one reaches beyond it.
    private func end(from start: Int, after previous: Int, count: Int, _ breaks: Breaks) -> Int {
        let limit = start + window
        guard limit < count else { return count }
        let middle = max(start + (window + 1) / 2, previous + 1)
        let candidates = (middle...limit).reversed()
        return candidates.first { breaks.startsSentence($0) } ?? candidates.first { breaks.startsWord($0) } ?? limit
    }

    private func nextStart(after start: Int, end: Int, _ breaks: Breaks) -> Int {
        let earliest = max(start + 1, end - overlap)
        let candidates = earliest...end
        return candidates.first { breaks.startsSentence($0) } ?? candidates.first { breaks.startsWord($0) } ?? earliest
    }
}

/// Where sentences and words begin in a tokenized text.
private struct Breaks {
    private let text: TokenizedText
    private let bytes: [UInt8]

    private static let maxClosers = 8

    private static func isTerminator(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case ".", "!", "?", "…", "؟", "।": true
        default: isWideTerminator(scalar)
        }
    }

    private static func isWideTerminator(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "。" || scalar == "！" || scalar == "？"
    }

    private static func isCloser(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "\"", "'", ")", "]", "”", "’", "»", "」", "』": true
        default: false
        }
    }

    init(_ text: TokenizedText) {
        self.text = text
        bytes = Array(text.text.utf8)
    }

    /// True if there is white space, or anything else that became no token, before this token.
    func startsWord(_ token: Int) -> Bool {
        guard token > 0, token < text.ranges.count else { return true }
        return text.ranges[token - 1].upperBound < text.ranges[token].lowerBound
    }

    /// True after a full stop, question or exclamation mark (with closing quotes or brackets behind it) and white
    /// space, after a full-width one without white space, and after a line break.
    func startsSentence(_ token: Int) -> Bool {
        guard token > 0, token < text.ranges.count else { return true }
        let gap =
            text.ranges[token - 1].upperBound..<max(text.ranges[token - 1].upperBound, text.ranges[token].lowerBound)
        if bytes[gap].contains(UInt8(ascii: "\n")) { return true }
        var before = token - 1
        // A text of nothing but brackets must not be walked back to its start from every token.
        let earliest = max(0, before - Breaks.maxClosers)
        while before > earliest, let last = lastScalar(of: before), Breaks.isCloser(last) { before -= 1 }
        guard let last = lastScalar(of: before), Breaks.isTerminator(last) else { return false }
        return !gap.isEmpty || Breaks.isWideTerminator(last)
    }

    private func lastScalar(of token: Int) -> Unicode.Scalar? {
        let range = text.ranges[token]
        guard let last = bytes[range].last else { return nil }
        return last < 0x80 ? Unicode.Scalar(last) : String(decoding: bytes[range], as: UTF8.self).unicodeScalars.last
    }
}
