/// What the word-break rules need to know of a code point. The raw values are those of `WordBreakTables.classRanges`.
enum WordClass: UInt8 {
    case other
    /// Extend, Format and ZWJ: belongs to whatever stands before it.
    case extend
    /// The same, of a South East Asian script: may also begin a word.
    case southEastAsianExtend
    /// The same, a skin tone: may also begin a word.
    case emojiModifier
    case letter
    case hangul
    case hebrew
    case numeric
    case katakana
    case extendNumLet
    case midLetter
    case midNum
    case midNumLet
    case singleQuote
    case doubleQuote
    case han
    case hiragana
    case southEastAsian
    case regionalIndicator
    case emoji
    /// `#` and `*`, which are words only as keycaps.
    case keycapBase

    /// Unicode's AHLetter.
    @inline(__always)
    var isLetter: Bool { self == .letter || self == .hangul || self == .hebrew }

    @inline(__always)
    var isExtend: Bool { self == .extend || self == .southEastAsianExtend || self == .emojiModifier }

    @inline(__always)
    var isMidLetter: Bool { self == .midLetter || self == .midNumLet || self == .singleQuote }

    @inline(__always)
    var isMidNumber: Bool { self == .midNum || self == .midNumLet || self == .singleQuote }
}

/// `WordBreakTables` in the form that is looked up.
enum UnicodeWords {
    /// The class of every code point below `denseLimit`.
    static let dense: [UInt8] = {
        var classes = [UInt8](repeating: WordClass.other.rawValue, count: denseLimit)
        let ranges = WordBreakTables.classRanges
        for index in stride(from: 0, to: ranges.count, by: 3) where ranges[index] < UInt32(denseLimit) {
            let last = min(Int(ranges[index + 1]), denseLimit - 1)
            for point in Int(ranges[index])...last { classes[point] = UInt8(ranges[index + 2]) }
        }
        return classes
    }()

    /// Planes 0 and 1; what lies above is looked up by search.
    static let denseLimit = 0x20000

    static func sparse(_ point: UInt32) -> WordClass {
        let ranges = WordBreakTables.classRanges
        var low = 0
        var high = ranges.count / 3
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle * 3 + 1] < point { low = middle + 1 } else { high = middle }
        }
        guard low < ranges.count / 3, ranges[low * 3] <= point else { return .other }
        return WordClass(rawValue: UInt8(ranges[low * 3 + 2])) ?? .other
    }

    /// The lowercase code point of one at or above U+0080, itself where it has none.
    static func lowercase(_ point: UInt32) -> UInt32 {
        let keys = WordBreakTables.lowercaseKeys
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < point { low = middle + 1 } else { high = middle }
        }
        return low < keys.count && keys[low] == point ? WordBreakTables.lowercaseValues[low] : point
    }
}

/// One code point of a text that is valid UTF-8, as every Swift string is.
struct CodePoint {
    var value: UInt32
    /// Bytes in UTF-8.
    var length: Int

    @inline(__always)
    init(in text: UnsafeBufferPointer<UInt8>, at offset: Int) {
        let first = UInt32(text[offset])
        if first < 0x80 {
            value = first
            length = 1
        } else if first < 0xe0 {
            value = (first & 0x1f) << 6 | UInt32(text[offset + 1] & 0x3f)
            length = 2
        } else if first < 0xf0 {
            value = (first & 0xf) << 12 | UInt32(text[offset + 1] & 0x3f) << 6 | UInt32(text[offset + 2] & 0x3f)
            length = 3
        } else {
            value =
                (first & 7) << 18 | UInt32(text[offset + 1] & 0x3f) << 12 | UInt32(text[offset + 2] & 0x3f) << 6
                | UInt32(text[offset + 3] & 0x3f)
            length = 4
        }
    }

    /// UTF-16 code units.
    @inline(__always)
    var units: Int { length == 4 ? 2 : 1 }

    /// Writes `point` in UTF-8 at `offset` and returns its length in bytes.
    @inline(__always)
    static func write(_ point: UInt32, to bytes: UnsafeMutablePointer<UInt8>) -> Int {
        if point < 0x80 {
            bytes[0] = UInt8(truncatingIfNeeded: point)
            return 1
        }
        if point < 0x800 {
            bytes[0] = UInt8(truncatingIfNeeded: 0xc0 | point >> 6)
            bytes[1] = UInt8(truncatingIfNeeded: 0x80 | point & 0x3f)
            return 2
        }
        if point < 0x10000 {
            bytes[0] = UInt8(truncatingIfNeeded: 0xe0 | point >> 12)
            bytes[1] = UInt8(truncatingIfNeeded: 0x80 | point >> 6 & 0x3f)
            bytes[2] = UInt8(truncatingIfNeeded: 0x80 | point & 0x3f)
            return 3
        }
        bytes[0] = UInt8(truncatingIfNeeded: 0xf0 | point >> 18)
        bytes[1] = UInt8(truncatingIfNeeded: 0x80 | point >> 12 & 0x3f)
        bytes[2] = UInt8(truncatingIfNeeded: 0x80 | point >> 6 & 0x3f)
        bytes[3] = UInt8(truncatingIfNeeded: 0x80 | point & 0x3f)
        return 4
    }
}
