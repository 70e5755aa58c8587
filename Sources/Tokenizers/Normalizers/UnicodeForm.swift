/// The normalization forms of Unicode (UAX 15), by the tables of the reference library.
enum UnicodeForm: String, CaseIterable, Sendable {
    case composed = "NFC"
    case decomposed = "NFD"
    case compatiblyComposed = "NFKC"
    case compatiblyDecomposed = "NFKD"

    private var isCompatible: Bool { self == .compatiblyComposed || self == .compatiblyDecomposed }
    private var composes: Bool { self == .composed || self == .compatiblyComposed }

    func normalize(_ input: NormalizedText) -> NormalizedText {
        let changing: TextUnicode.Properties = isCompatible ? [.normalizes, .compatible] : .normalizes
        func mayChange(_ index: Int) -> Bool {
            // The first code point that any form changes is U+00A0.
            input.scalars[index] >= 0xA0 && !TextUnicode.properties(input.scalars[index]).isDisjoint(with: changing)
        }
        guard let first = input.scalars.indices.first(where: mayChange) else { return input }
        var output = NormalizedText()
        output.reserve(input.count)
        // What stands before the first may be composed with it.
        var index = max(0, first - 1)
        output.append(input, 0..<index)
        while index < input.count {
            // From here to the next code point that nothing changes, and that changes nothing before it.
            var end = index + 1
            while end < input.count, mayChange(end) { end += 1 }
            if end == index + 1, !mayChange(index) {
                output.append(input, index..<end)
            } else {
                appendSegment(of: input, index..<end, to: &output)
            }
            index = end
        }
        return output
    }

    private func appendSegment(of input: NormalizedText, _ range: Range<Int>, to output: inout NormalizedText) {
        var parts: [Part] = []
        for index in range {
            TextUnicode.decompose(input.scalars[index], compatible: isCompatible) { scalar in
                parts.append(Part(scalar, TextUnicode.combiningClass(scalar), input.sources[index]))
            }
        }
        UnicodeForm.order(&parts)
        if composes { UnicodeForm.compose(&parts) }
        for part in parts { output.append(part.scalar, from: part.source) }
    }

    private struct Part {
        var scalar: UInt32
        var combiningClass: UInt8
        var source: Range<Int32>

        init(_ scalar: UInt32, _ combiningClass: UInt8, _ source: Range<Int32>) {
            self.scalar = scalar
            self.combiningClass = combiningClass
            self.source = source
        }
    }

    /// The canonical order: each run of marks sorted by class, stably.
    private static func order(_ parts: inout [Part]) {
        var start = 0
        while start < parts.count {
            guard parts[start].combiningClass != 0 else {
                start += 1
                continue
            }
            var end = start + 1
            while end < parts.count, parts[end].combiningClass != 0 { end += 1 }
            if end - start > 1 {
                // `sort` is stable in the standard library in fact but not by contract.
                let ordered = (start..<end).sorted {
                    (parts[$0].combiningClass, $0) < (parts[$1].combiningClass, $1)
                }
                // Marks that change places all come from the whole run, so that sources stay ascending.
                if !ordered.elementsEqual(start..<end) {
                    let run =
                        parts[start].source.lowerBound..<parts[start..<end].reduce(0) { max($0, $1.source.upperBound) }
                    parts.replaceSubrange(
                        start..<end, with: ordered.map { Part(parts[$0].scalar, parts[$0].combiningClass, run) })
                }
            }
            start = end
        }
    }

    /// The canonical composition algorithm (The Unicode Standard, section 3.11).
    private static func compose(_ parts: inout [Part]) {
        var (count, last): (Int, UInt8) = (0, 0)
        var starter: Int?
        for part in parts {
            if let starter, last < part.combiningClass || starter == count - 1,
                let composite = TextUnicode.compose(parts[starter].scalar, part.scalar)
            {
                let source = parts[starter].source
                parts[starter].scalar = composite
                parts[starter].source = source.lowerBound..<max(source.upperBound, part.source.upperBound)
                continue
            }
            if part.combiningClass == 0 { starter = count }
            last = part.combiningClass
            parts[count] = part
            count += 1
        }
        parts.removeSubrange(count...)
    }
}
