/// The classes of The Unicode Standard, annex 29, that decide where a grapheme cluster ends.
enum GraphemeClass: UInt8 {
    /// The first is all the rest; those from `nonJoiner` to `spacingMark` join what is before them, but for `prepend`.
    case other, control, nonJoiner, linker, extend, joiner, prepend, spacingMark, leading, vowel, trailing,
        regionalIndicator, pictograph, consonant

    static func of(_ scalar: UInt32) -> GraphemeClass {
        scalar < 0x10000 ? basicPlane[Int(scalar)] : lookUp(scalar)
    }

    private static let ranges = UnicodeTableReader.valuedRanges(UnicodeTables.grapheme)

    private static let basicPlane: [GraphemeClass] = {
        var table = [GraphemeClass](repeating: .other, count: 0x10000)
        for entry in ranges where entry.range.lowerBound < 0x10000 {
            for scalar in entry.range.clamped(to: 0...0xFFFF) {
                table[Int(scalar)] = GraphemeClass(rawValue: entry.value) ?? .other
            }
        }
        return table
    }()

    private static func lookUp(_ scalar: UInt32) -> GraphemeClass {
        guard let index = TextUnicode.index(of: scalar, in: ranges, { $0.range }) else { return .other }
        return GraphemeClass(rawValue: ranges[index].value) ?? .other
    }
}

/// Finds extended grapheme clusters (UAX 29, table 1c) from left to right, in one pass.
struct GraphemeClusters {
    /// What the cluster so far ends in, for the rules that look back over more than one code point.
    private var indicators = 0
    private var isPictographJoined = false
    private var pictograph = false
    private var consonant = false
    private var isLinked = false

    /// The end of the cluster that begins at the start of the range.
    static func end(of scalars: [UInt32], _ range: Range<Int>) -> Int {
        var clusters = GraphemeClusters()
        clusters.advance(GraphemeClass.of(scalars[range.lowerBound]))
        var index = range.lowerBound + 1
        while index < range.upperBound {
            let kind = GraphemeClass.of(scalars[index])
            guard clusters.joins(scalars[index - 1], scalars[index], kind) else { break }
            clusters.advance(kind)
            index += 1
        }
        return index
    }

    private func joins(_ before: UInt32, _ scalar: UInt32, _ kind: GraphemeClass) -> Bool {
        let last = GraphemeClass.of(before)
        if last == .control || kind == .control { return before == 0x0D && scalar == 0x0A }  // GB3 to GB5
        switch kind {
        case .nonJoiner, .linker, .extend, .joiner, .spacingMark: return true  // GB9, GB9a
        default: break
        }
        if last == .prepend { return true }  // GB9b
        switch kind {
        case .leading: return last == .leading  // GB6
        case .vowel: return last == .leading || last == .vowel || GraphemeClusters.isOpenSyllable(before)  // GB6, GB7
        case .trailing: return last == .vowel || last == .trailing || GraphemeClusters.isSyllable(before)  // GB7, GB8
        case .regionalIndicator: return last == .regionalIndicator && !indicators.isMultiple(of: 2)  // GB12, GB13
        case .pictograph: return isPictographJoined  // GB11
        case .consonant: return consonant && isLinked  // GB9c
        default: return last == .leading && GraphemeClusters.isSyllable(scalar)  // GB6
        }
    }

    private mutating func advance(_ kind: GraphemeClass) {
        indicators = kind == .regionalIndicator ? indicators + 1 : 0
        isPictographJoined = pictograph && kind == .joiner
        switch kind {
        case .extend, .linker, .nonJoiner: break
        default: pictograph = kind == .pictograph
        }
        switch kind {
        case .linker: isLinked = true
        case .extend, .joiner: break
        default: (consonant, isLinked) = (kind == .consonant, false)
        }
    }

    private static func isSyllable(_ scalar: UInt32) -> Bool { (0xAC00..<0xAC00 + 11_172).contains(scalar) }

    /// A Hangul syllable without a final consonant.
    private static func isOpenSyllable(_ scalar: UInt32) -> Bool {
        isSyllable(scalar) && (scalar - 0xAC00).isMultiple(of: 28)
    }
}
