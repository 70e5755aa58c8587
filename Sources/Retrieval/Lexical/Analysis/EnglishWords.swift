/// The English parts of Lucene's EnglishAnalyzer that are not the stemmer.
enum EnglishWords {
    /// Lucene's EnglishAnalyzer.ENGLISH_STOP_WORDS_SET.
    static let stopWords = [
        "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no", "not",
        "of",
        "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to", "was", "will",
        "with",
    ]

    /// Where a word ends once a final 's (or U+2019 s, or U+FF07 s, in either case) is removed.
    @inline(__always)
    static func endWithoutPossessive(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) -> Int {
        guard end - start >= 2, text[end - 1] | 0x20 == 0x73 else { return end }
        if text[end - 2] == 0x27 { return end - 2 }
        guard end - start >= 4 else { return end }
        let mark = (text[end - 4], text[end - 3], text[end - 2])
        return mark == (0xe2, 0x80, 0x99) || mark == (0xef, 0xbc, 0x87) ? end - 4 : end
    }

    @inline(__always)
    static func isStopWord(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        guard word.count <= 5, word.count > 0 else { return false }
        let key = packed(word)
        return table[slot(key)] == key
    }

    /// Up to eight bytes in one number; no byte of a word is zero.
    @inline(__always)
    private static func packed(_ word: some Collection<UInt8>) -> UInt64 {
        var key: UInt64 = 0
        for byte in word { key = key << 8 | UInt64(byte) }
        return key
    }

    @inline(__always)
    private static func slot(_ key: UInt64) -> Int { Int((key &* multiplier) >> 56) }

    /// One slot of 256 for each word; with this multiplier no two words share one, which a test checks.
    private static let table: [UInt64] = {
        var table = [UInt64](repeating: 0, count: 1 << 8)
        for word in stopWords { table[slot(packed(word.utf8))] = packed(word.utf8) }
        return table
    }()

    private static let multiplier: UInt64 = 0x9e37_79b9_7f4a_7c15
}
