/// What a BERT tokenizer asks about a code point, answered from BertUnicodeTables.
enum BertUnicode {
    struct Properties: OptionSet {
        let rawValue: UInt8
        static let removed = Properties(rawValue: 1 << 0)
        static let whitespace = Properties(rawValue: 1 << 1)
        static let chinese = Properties(rawValue: 1 << 2)
        static let nonspacingMark = Properties(rawValue: 1 << 3)
        static let separator = Properties(rawValue: 1 << 4)
        static let punctuation = Properties(rawValue: 1 << 5)
        /// Has a canonical decomposition, or a combining class other than 0.
        static let normalizes = Properties(rawValue: 1 << 6)
        static let lowercases = Properties(rawValue: 1 << 7)
    }

    static func properties(_ scalar: UInt32) -> Properties {
        scalar < 0x10000 ? basicPlane[Int(scalar)] : collect(scalar)
    }

    /// The canonical decomposition, fully expanded: one code point or more.
    static func decompose(_ scalar: UInt32, _ body: (UInt32) -> Void) {
        let syllable = Int(scalar) - 0xAC00
        if (0..<11_172).contains(syllable) {
            // Hangul syllables are composed by arithmetic: The Unicode Standard, section 3.12.
            body(UInt32(0x1100 + syllable / 588))
            body(UInt32(0x1161 + syllable % 588 / 28))
            if syllable % 28 > 0 { body(UInt32(0x11A7 + syllable % 28)) }
        } else if !decompositions.forEach(in: scalar, body) {
            body(scalar)
        }
    }

    static func lowercase(_ scalar: UInt32, _ body: (UInt32) -> Void) {
        if !lowercases.forEach(in: scalar, body) { body(scalar) }
    }

    static func combiningClass(_ scalar: UInt32) -> UInt8 {
        rangeIndex(of: scalar, in: BertUnicodeTables.combiningClassRanges).map {
            BertUnicodeTables.combiningClassValues[$0]
        } ?? 0
    }

    private static let decompositions = ScalarMap(
        keys: BertUnicodeTables.decompositionKeys, ends: BertUnicodeTables.decompositionEnds,
        values: BertUnicodeTables.decompositionValues)
    private static let lowercases = ScalarMap(
        keys: BertUnicodeTables.lowercaseKeys, ends: BertUnicodeTables.lowercaseEnds,
        values: BertUnicodeTables.lowercaseValues)

    private static let propertyRanges: [(Properties, [UInt32])] = [
        (.removed, BertUnicodeTables.removedRanges), (.whitespace, BertUnicodeTables.whitespaceRanges),
        (.chinese, BertUnicodeTables.chineseRanges), (.nonspacingMark, BertUnicodeTables.nonspacingMarkRanges),
        (.separator, BertUnicodeTables.separatorRanges), (.punctuation, BertUnicodeTables.punctuationRanges),
        (.normalizes, BertUnicodeTables.combiningClassRanges), (.normalizes, [0xAC00, 0xAC00 + 11_171]),
        (.normalizes, singles(BertUnicodeTables.decompositionKeys)),
        (.lowercases, singles(BertUnicodeTables.lowercaseKeys)),
    ]

    /// One byte for each code point below U+10000, where nearly all text is.
    private static let basicPlane: [Properties] = {
        var table = [Properties](repeating: [], count: 0x10000)
        for (property, ranges) in propertyRanges {
            for index in stride(from: 0, to: ranges.count, by: 2) where ranges[index] < 0x10000 {
                for scalar in ranges[index]...min(ranges[index + 1], 0xFFFF) { table[Int(scalar)].insert(property) }
            }
        }
        return table
    }()

    private static func collect(_ scalar: UInt32) -> Properties {
        propertyRanges.reduce(into: []) { result, entry in
            if rangeIndex(of: scalar, in: entry.1) != nil { result.insert(entry.0) }
        }
    }

    private static func singles(_ keys: [UInt32]) -> [UInt32] { keys.flatMap { [$0, $0] } }

    /// `ranges` holds first and last of each range, ascending.
    private static func rangeIndex(of scalar: UInt32, in ranges: [UInt32]) -> Int? {
        var (low, high) = (0, ranges.count / 2)
        while low < high {
            let middle = (low + high) / 2
            if ranges[2 * middle + 1] < scalar { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count / 2 && ranges[2 * low] <= scalar ? low : nil
    }
}

/// Code points to sequences of code points.
private struct ScalarMap {
    let keys: [UInt32]
    let ends: [UInt16]
    let values: [UInt32]

    /// False where the code point maps to itself.
    func forEach(in scalar: UInt32, _ body: (UInt32) -> Void) -> Bool {
        var (low, high) = (0, keys.count)
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < scalar { low = middle + 1 } else { high = middle }
        }
        guard low < keys.count, keys[low] == scalar else { return false }
        for index in (low == 0 ? 0 : Int(ends[low - 1]))..<Int(ends[low]) { body(values[index]) }
        return true
    }
}
