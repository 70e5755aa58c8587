import Ranking

/// SentencePiece's normalization rules, compiled: a double array from UTF-8 texts to replacements.
///
/// A rule is looked for by grapheme clusters below six bytes, and else by code points. The first, that is shortest, rule
/// whose text begins the cluster replaces all of it. So does the reference library, and models were trained with that.
///
/// Source: Kudo & Richardson, 2018, <https://arxiv.org/abs/1808.06226>; the layout of units is that of darts-clone.
struct PrecompiledCharsmap: Sendable {
    private let units: [UInt32]
    /// Replacements, each ended by a zero byte.
    private let replacements: [UInt8]
    /// For each code point of ASCII, whether a rule begins with it. Nearly all text is passed over by this.
    private var isRuledASCII = [Bool](repeating: false, count: 128)

    /// `encoded`: base64 of the size of the double array in bytes, the array, and the replacements, little-endian.
    init(_ encoded: String, source: String) throws(RankingError) {
        guard let bytes = Base64.decode(encoded), bytes.count >= 4 else {
            throw PrecompiledCharsmap.corrupt(source, "is not base64 of a table")
        }
        func word(_ at: Int) -> UInt32 {
            UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
        }
        let size = Int(word(0))
        guard size.isMultiple(of: 4), size > 0, size <= bytes.count - 4 else {
            throw PrecompiledCharsmap.corrupt(source, "ends before its double array of \(size) bytes does")
        }
        units = stride(from: 4, to: 4 + size, by: 4).map(word)
        replacements = Array(bytes[(4 + size)...])
        guard String(validating: replacements, as: UTF8.self) != nil else {
            throw PrecompiledCharsmap.corrupt(source, "has replacements that are not UTF-8")
        }
        for byte in 0..<UInt8(128) { isRuledASCII[Int(byte)] = replacement(of: [byte]) != nil }
    }

    private static func corrupt(_ source: String, _ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "\(source) has a precompiled_charsmap that \(problem).",
            why: "The model cannot be built from it.", fix: "Download the file again from the model's own revision.")
    }

    func normalize(_ input: NormalizedText) -> NormalizedText {
        var output = NormalizedText()
        output.reserve(input.count)
        var utf8: [UInt8] = []
        var index = 0
        while index < input.count {
            let scalar = input.scalars[index]
            // Two code points of ASCII are one cluster only as CR LF.
            if scalar < 0x80, scalar != 0x0D, !isRuledASCII[Int(scalar)],
                index + 1 == input.count || input.scalars[index + 1] < 0x80
            {
                output.append(scalar, from: input.sources[index])
                index += 1
                continue
            }
            let end = GraphemeClusters.end(of: input.scalars, index..<input.count)
            if end == index + 1 || !appendReplacement(of: input, index..<end, &utf8, to: &output) {
                for single in index..<end where !appendReplacement(of: input, single..<single + 1, &utf8, to: &output) {
                    output.append(input.scalars[single], from: input.sources[single])
                }
            }
            index = end
        }
        // What is dropped at the start belongs to what is left.
        if let start = input.sources.first?.lowerBound { output.extendFirst(to: start) }
        return output
    }

    /// False where no rule applies to the whole part.
    private func appendReplacement(
        of input: NormalizedText, _ part: Range<Int>, _ utf8: inout [UInt8], to output: inout NormalizedText
    ) -> Bool {
        utf8.removeAll(keepingCapacity: true)
        for scalar in input.scalars[part] {
            UTF8Encoding.append(scalar, to: &utf8)
            if part.count > 1, utf8.count >= 6 { return false }
        }
        guard let replacement = replacement(of: utf8) else { return false }
        let source = input.sources(of: part)
        if replacement.isEmpty { output.extendLast(to: source.upperBound) }
        replacements.withUnsafeBufferPointer { bytes in
            for (scalar, _) in DecodedScalars(bytes, replacement) { output.append(scalar, from: source) }
        }
        return true
    }

    /// Where the replacement of the shortest rule is whose text begins this one.
    private func replacement(of text: [UInt8]) -> Range<Int>? {
        var node = offset(units[0])
        for byte in text {
            guard byte != 0 else { return nil }
            node ^= Int(byte)
            guard node < units.count, units[node] & 0x8000_00FF == UInt32(byte) else { return nil }
            let hasLeaf = units[node] & 1 << 8 != 0
            node ^= offset(units[node])
            guard hasLeaf else { continue }
            guard node < units.count else { return nil }
            let start = Int(units[node] & 0x7FFF_FFFF)
            guard start < replacements.count else { return nil }
            return start..<(replacements[start...].firstIndex(of: 0) ?? replacements.count)
        }
        return nil
    }

    private func offset(_ unit: UInt32) -> Int { Int(unit >> 10) << Int((unit & 1 << 9) >> 6) }
}
