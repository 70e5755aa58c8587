/// Pairs of neighbouring characters, as Lucene's CJKBigramFilter makes them of the words of a StandardTokenizer.
///
/// "東京都" gives 東京 and 京都. Han, Hiragana, Katakana and Hangul that touch form one run; South East Asian scripts
/// form runs of their own, which Lucene leaves whole. A run of a single character gives that character. Characters are
/// code points, marks included.
struct CharacterBigrams {
    private let text: UnsafeBufferPointer<UInt8>
    /// The run so far: where it ends, its last character, and whether a pair of it was given.
    private var end = -1
    private var last = 0..<0
    private var gavePair = true
    private var isSouthEastAsian = false

    init(_ text: UnsafeBufferPointer<UInt8>) { self.text = text }

    /// Takes a word of one of these scripts and gives the pairs that it completes; false for any other word, which
    /// the caller gives itself.
    mutating func take(_ word: WordBreaker.Word, _ body: (UnsafeBufferPointer<UInt8>, Range<Int>) -> Void) -> Bool {
        let southEastAsian = word.kind == .southEastAsian
        if word.kind == .word || word.kind == .emoji {
            flush(body)
            return false
        }
        if word.start != end || southEastAsian != isSouthEastAsian {
            flush(body)
            isSouthEastAsian = southEastAsian
        }
        var offset = word.start
        while offset < word.end {
            let length = CodePoint(in: text, at: offset).length
            let character = offset..<offset + length
            if end == offset {
                give(last.lowerBound..<character.upperBound, body)
                gavePair = true
            } else {
                gavePair = false
            }
            last = character
            end = character.upperBound
            offset = end
        }
        return true
    }

    /// Ends the run: a character that is in no pair is given alone.
    mutating func flush(_ body: (UnsafeBufferPointer<UInt8>, Range<Int>) -> Void) {
        if !gavePair { give(last, body) }
        gavePair = true
        end = -1
    }

    private func give(_ range: Range<Int>, _ body: (UnsafeBufferPointer<UInt8>, Range<Int>) -> Void) {
        body(UnsafeBufferPointer(rebasing: text[range]), range)
    }
}
