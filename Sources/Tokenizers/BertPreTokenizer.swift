/// Cuts a normalized text into words: white space separates and is dropped, each punctuation mark is a word.
enum BertPreTokenizer {
    /// Calls `body` with the range of each word.
    static func forEachWord(in scalars: [UInt32], _ range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        for index in range {
            let (isSeparator, isPunctuation) = classify(scalars[index])
            guard isSeparator || isPunctuation else { continue }
            if start < index { body(start..<index) }
            if isPunctuation { body(index..<index + 1) }
            start = index + 1
        }
        if start < range.upperBound { body(start..<range.upperBound) }
    }

    private static func classify(_ scalar: UInt32) -> (isSeparator: Bool, isPunctuation: Bool) {
        switch scalar {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: return (false, false)
        case 0x20: return (true, false)
        default:
            let properties = BertUnicode.properties(scalar)
            return (properties.contains(.separator), properties.contains(.punctuation))
        }
    }
}
