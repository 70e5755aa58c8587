/// What tokenizers ask about a code point, answered from `UnicodeTables`.
enum TextUnicode {
    struct Properties: OptionSet, Sendable {
        let rawValue: UInt16
        /// Cleaned away by BertNormalizer.
        static let removed = Properties(rawValue: 1 << 0)
        /// Turned into a space by BertNormalizer.
        static let cleanedToSpace = Properties(rawValue: 1 << 1)
        static let chinese = Properties(rawValue: 1 << 2)
        static let nonspacingMark = Properties(rawValue: 1 << 3)
        static let whitespace = Properties(rawValue: 1 << 4)
        static let punctuation = Properties(rawValue: 1 << 5)
        static let combiningMark = Properties(rawValue: 1 << 6)
        /// A digit of any script, a fraction, a Roman numeral, ...
        static let numeric = Properties(rawValue: 1 << 7)
        /// `\w`.
        static let word = Properties(rawValue: 1 << 8)
        /// `\p{L}`.
        static let letter = Properties(rawValue: 1 << 9)
        /// `\p{N}`.
        static let number = Properties(rawValue: 1 << 10)
        /// `\d`.
        static let decimalDigit = Properties(rawValue: 1 << 11)
        /// Has a canonical decomposition, a combining class other than 0, or can be composed with what is before it.
        static let normalizes = Properties(rawValue: 1 << 12)
        /// Has a compatibility decomposition that differs from the canonical one.
        static let compatible = Properties(rawValue: 1 << 13)
        static let lowercases = Properties(rawValue: 1 << 14)
    }

    static func properties(_ scalar: UInt32) -> Properties {
        scalar < 0x10000 ? basicPlane[Int(scalar)] : collect(scalar)
    }

    /// The canonical or compatibility decomposition, fully expanded: one code point or more.
    static func decompose(_ scalar: UInt32, compatible: Bool = false, _ body: (UInt32) -> Void) {
        let syllable = Int(scalar) - 0xAC00
        if (0..<11_172).contains(syllable) {
            // Hangul syllables are composed by arithmetic: The Unicode Standard, section 3.12.
            body(UInt32(0x1100 + syllable / 588))
            body(UInt32(0x1161 + syllable % 588 / 28))
            if syllable % 28 > 0 { body(UInt32(0x11A7 + syllable % 28)) }
        } else if let parts = (compatible ? compatibleMap[scalar] : nil) ?? canonicalMap[scalar] {
            for part in parts { body(part) }
        } else {
            body(scalar)
        }
    }

    /// The code point that two make in NFC.
    static func compose(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if (0x1100..<0x1113).contains(first), (0x1161..<0x1176).contains(second) {
            return 0xAC00 + ((first - 0x1100) * 21 + second - 0x1161) * 28
        }
        if (0xAC00..<0xAC00 + 11_172).contains(first), (first - 0xAC00).isMultiple(of: 28),
            (0x11A8..<0x11C3).contains(second)
        {
            return first + second - 0x11A7
        }
        return pairs[UInt64(first) << 32 | UInt64(second)]
    }

    static func lowercase(_ scalar: UInt32, _ body: (UInt32) -> Void) {
        guard let mapped = lowercaseMap[scalar] else { return body(scalar) }
        for part in mapped { body(part) }
    }

    static func combiningClass(_ scalar: UInt32) -> UInt8 {
        guard let index = index(of: scalar, in: combiningClasses, { $0.range }) else { return 0 }
        return combiningClasses[index].value
    }

    private static let canonicalMap = UnicodeTableReader.mapping(UnicodeTables.canonical)
    private static let compatibleMap = UnicodeTableReader.mapping(UnicodeTables.compatible)
    private static let lowercaseMap = UnicodeTableReader.mapping(UnicodeTables.lowercase)
    private static let combiningClasses = UnicodeTableReader.valuedRanges(UnicodeTables.combiningClass)

    /// First and second of each composition, 32 bits each, to their composite.
    private static let pairs: [UInt64: UInt32] = {
        var excluded: Set<UInt32> = []
        for range in UnicodeTableReader.ranges(UnicodeTables.excluded) { excluded.formUnion(range) }
        var pairs: [UInt64: UInt32] = [:]
        let composites = canonicalMap.keys.filter { !excluded.contains($0) }.map { ($0, canonicalMap[$0] ?? []) }
        // A composite of three is made of one of two, which has to be known by then.
        for (composite, parts) in composites.sorted(by: { $0.1.count < $1.1.count }) {
            guard var first = parts.first, let second = parts.last else { continue }
            for part in parts.dropFirst().dropLast() { first = pairs[UInt64(first) << 32 | UInt64(part)] ?? part }
            pairs[UInt64(first) << 32 | UInt64(second)] = composite
        }
        return pairs
    }()

    private static let propertyRanges: [(Properties, [ClosedRange<UInt32>])] = {
        let tables: [(Properties, StaticString)] = [
            (.removed, UnicodeTables.removed), (.cleanedToSpace, UnicodeTables.cleanedToSpace),
            (.chinese, UnicodeTables.chinese), (.nonspacingMark, UnicodeTables.nonspacingMark),
            (.whitespace, UnicodeTables.whitespace), (.punctuation, UnicodeTables.punctuation),
            (.combiningMark, UnicodeTables.combiningMark), (.numeric, UnicodeTables.numeric),
            (.word, UnicodeTables.word), (.letter, UnicodeTables.letter), (.number, UnicodeTables.number),
            (.decimalDigit, UnicodeTables.decimalDigit),
        ]
        let hangul: [ClosedRange<UInt32>] = [0x1161...0x1175, 0x11A8...0x11C2, 0xAC00...0xAC00 + 11_171]
        return tables.map { ($0, UnicodeTableReader.ranges($1)) } + [
            (.normalizes, combiningClasses.map(\.range)), (.normalizes, hangul),
            (.normalizes, singles(canonicalMap.keys)),
            (.normalizes, singles(pairs.keys.map { UInt32(truncatingIfNeeded: $0) }.sorted())),
            (.compatible, singles(compatibleMap.keys)), (.lowercases, singles(lowercaseMap.keys)),
        ]
    }()

    /// Two bytes for each code point below U+10000, where nearly all text is.
    private static let basicPlane: [Properties] = {
        var table = [Properties](repeating: [], count: 0x10000)
        for (property, ranges) in propertyRanges {
            for range in ranges where range.lowerBound < 0x10000 {
                for scalar in range.clamped(to: 0...0xFFFF) { table[Int(scalar)].insert(property) }
            }
        }
        return table
    }()

    private static func collect(_ scalar: UInt32) -> Properties {
        propertyRanges.reduce(into: []) { result, entry in
            if index(of: scalar, in: entry.1, { $0 }) != nil { result.insert(entry.0) }
        }
    }

    private static func singles(_ keys: [UInt32]) -> [ClosedRange<UInt32>] { keys.map { $0...$0 } }

    /// The position of the range that holds a code point; `entries` are ascending.
    static func index<Entry>(
        of scalar: UInt32, in entries: [Entry], _ range: (Entry) -> ClosedRange<UInt32>
    ) -> Int? {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if range(entries[middle]).upperBound < scalar { low = middle + 1 } else { high = middle }
        }
        return low < entries.count && range(entries[low]).lowerBound <= scalar ? low : nil
    }
}
