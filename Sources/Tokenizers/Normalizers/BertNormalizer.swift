package import OrderedJSON
package import Ranking

/// BERT's clean-up of a text, in this order: control characters away and white space to spaces; spaces around
/// Chinese characters; accents away (canonical decomposition, then nonspacing marks dropped); lowercase.
///
/// Source: google-research/bert, tokenization.py; the exact classes are those of `tokenizers` (TextUnicode).
package struct BertNormalizer: Sendable, Equatable {
    var cleanText = true
    var handleChineseChars = true
    var stripAccents = true
    var lowercase = true

    package init(_ config: JSONObject, source: String) throws(RankingError) {
        let reader = FieldReader(config, source: source)
        cleanText = try reader.bool("clean_text", default: true)
        handleChineseChars = try reader.bool("handle_chinese_chars", default: true)
        lowercase = try reader.bool("lowercase", default: true)
        // null means: as lowercase says.
        stripAccents = try reader.bool("strip_accents", default: lowercase)
    }

    /// The words of a text: normalized, and cut by BertPreTokenizer.
    package func words(of text: String) -> [String] {
        var text = text
        return text.withUTF8 { bytes in
            var words = PreTokenizedText(normalize(DecodedScalars(bytes, 0..<bytes.count)))
            PreTokenizer.bert.apply(to: &words)
            return words.pieces.map { word in
                var encoded: [UInt8] = []
                for scalar in words.text.scalars[word] { UTF8Encoding.append(scalar, to: &encoded) }
                return String(decoding: encoded, as: UTF8.self)
            }
        }
    }

    func normalize(_ input: some Sequence<(UInt32, Range<Int32>)>) -> NormalizedText {
        var text = NormalizedText()
        text.reserve(input.underestimatedCount)
        var run = MarkRun()
        for (scalar, source) in input {
            if scalar < 0x80 {
                // What is cleaned away does not part the marks on its two sides.
                guard let kept = cleanedASCII(scalar) else { continue }
                run.flush(into: &text, self)
                text.append(kept, from: source)
            } else {
                append(scalar, source, to: &text, &run)
            }
        }
        run.flush(into: &text, self)
        return text
    }

    /// nil where the character is cleaned away.
    private func cleanedASCII(_ scalar: UInt32) -> UInt32? {
        switch scalar {
        case 0x41...0x5A where lowercase: scalar + 0x20
        case 0x20...0x7E: scalar
        case 0x09, 0x0A, 0x0D: cleanText ? 0x20 : scalar
        default: cleanText ? nil : scalar
        }
    }

    private func append(
        _ scalar: UInt32, _ source: Range<Int32>, to text: inout NormalizedText, _ run: inout MarkRun
    ) {
        var scalar = scalar
        var properties = TextUnicode.properties(scalar)
        if cleanText {
            if properties.contains(.removed) { return }
            if properties.contains(.cleanedToSpace) {
                scalar = 0x20
                properties = TextUnicode.properties(scalar)
            }
        }
        let isPadded = handleChineseChars && properties.contains(.chinese)
        if isPadded {
            run.flush(into: &text, self)
            text.append(0x20, from: source.lowerBound..<source.lowerBound)
        }
        if stripAccents {
            if properties.contains(.normalizes) {
                TextUnicode.decompose(scalar) { run.append($0, source, into: &text, self) }
            } else {
                run.append(scalar, combiningClass: 0, source, into: &text, self)
            }
        } else {
            finish(scalar, properties, source, into: &text)
        }
        if isPadded {
            run.flush(into: &text, self)
            text.append(0x20, from: source.upperBound..<source.upperBound)
        }
    }

    /// The steps after decomposition: the mark filter, and lowercase.
    fileprivate func finish(
        _ scalar: UInt32, _ properties: TextUnicode.Properties, _ source: Range<Int32>, into text: inout NormalizedText
    ) {
        if stripAccents, properties.contains(.nonspacingMark) {
            text.extendLast(to: source.upperBound)
        } else if lowercase, properties.contains(.lowercases) {
            TextUnicode.lowercase(scalar) { text.append($0, from: source) }
        } else {
            text.append(scalar, from: source)
        }
    }
}

/// Marks that wait for their canonical order: a run of code points with a combining class, sorted by it, stably.
private struct MarkRun {
    private var marks: [(scalar: UInt32, combiningClass: UInt8, source: Range<Int32>)] = []

    mutating func append(
        _ scalar: UInt32, combiningClass: UInt8? = nil, _ source: Range<Int32>, into text: inout NormalizedText,
        _ normalizer: BertNormalizer
    ) {
        let combiningClass = combiningClass ?? TextUnicode.combiningClass(scalar)
        if combiningClass == 0 {
            flush(into: &text, normalizer)
            normalizer.finish(scalar, TextUnicode.properties(scalar), source, into: &text)
        } else {
            marks.append((scalar, combiningClass, source))
        }
    }

    mutating func flush(into text: inout NormalizedText, _ normalizer: BertNormalizer) {
        if marks.isEmpty { return }
        // `sort` is stable in the standard library in fact but not by contract.
        let ordered = marks.indices.sorted { (marks[$0].combiningClass, $0) < (marks[$1].combiningClass, $1) }
        for index in ordered {
            let mark = marks[index]
            normalizer.finish(mark.scalar, TextUnicode.properties(mark.scalar), mark.source, into: &text)
        }
        marks.removeAll(keepingCapacity: true)
    }
}
