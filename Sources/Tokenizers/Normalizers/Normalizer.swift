import OrderedJSON
import Ranking

/// One step of what a tokenizer does to a text before it cuts it: the `normalizer` of a tokenizer.json.
enum Normalizer: Sendable {
    case bert(BertNormalizer)
    case form(UnicodeForm)
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    case replace(TextPattern, with: [UInt32])
    case prepend([UInt32])
    case precompiled(PrecompiledCharsmap)

    func apply(to text: inout NormalizedText) {
        switch self {
        case .bert(let bert): text = bert.normalize(zip(text.scalars, text.sources))
        case .form(let form): text = form.normalize(text)
        case .lowercase: text = Normalizer.lowercased(text)
        case .strip(let left, let right): Normalizer.strip(&text, left: left, right: right)
        case .stripAccents: text = Normalizer.withoutMarks(text)
        case .replace(let pattern, let content): text = Normalizer.replacing(pattern, content, text)
        case .prepend(let content):
            guard let start = text.sources.first?.lowerBound else { return }
            text.insert(content, from: start..<start, at: 0)
        case .precompiled(let charsmap): text = charsmap.normalize(text)
        }
    }

    private static func lowercased(_ input: NormalizedText) -> NormalizedText {
        var output = NormalizedText()
        output.reserve(input.count)
        for index in 0..<input.count {
            let scalar = input.scalars[index]
            if scalar < 0x80 {
                let isUpper = (0x41...0x5A).contains(scalar)
                output.append(isUpper ? scalar + 0x20 : scalar, from: input.sources[index])
            } else {
                TextUnicode.lowercase(scalar) { output.append($0, from: input.sources[index]) }
            }
        }
        return output
    }

    private static func strip(_ text: inout NormalizedText, left: Bool, right: Bool) {
        func isSpace(_ scalar: UInt32) -> Bool { TextUnicode.properties(scalar).contains(.whitespace) }
        let start = left ? text.scalars.firstIndex { !isSpace($0) } ?? text.count : 0
        let end = right ? (text.scalars.lastIndex { !isSpace($0) } ?? -1) + 1 : text.count
        text.keep(start..<max(start, end))
    }

    private static func withoutMarks(_ input: NormalizedText) -> NormalizedText {
        var output = NormalizedText()
        output.reserve(input.count)
        for index in 0..<input.count {
            if TextUnicode.properties(input.scalars[index]).contains(.combiningMark) {
                output.extendLast(to: input.sources[index].upperBound)
            } else {
                output.append(input.scalars[index], from: input.sources[index])
            }
        }
        return output
    }

    private static func replacing(
        _ pattern: TextPattern, _ content: [UInt32], _ input: NormalizedText
    ) -> NormalizedText {
        var output = NormalizedText()
        var end = 0
        while let match = pattern.firstMatch(in: input.scalars, end..<input.count) {
            output.append(input, end..<match.lowerBound)
            // As in the reference: Metaspace asks whether a piece comes from the very start of a text.
            let source = input.sources[match.upperBound - 1]
            for scalar in content { output.append(scalar, from: source) }
            end = match.upperBound
        }
        guard end > 0 else { return input }
        output.append(input, end..<input.count)
        return output
    }
}

/// All steps, in order.
struct NormalizerSequence: Sendable {
    private enum Kind: String, CaseIterable {
        case bert = "BertNormalizer"
        case nfc = "NFC"
        case nfd = "NFD"
        case nfkc = "NFKC"
        case nfkd = "NFKD"
        case lowercase = "Lowercase"
        case strip = "Strip"
        case stripAccents = "StripAccents"
        case replace = "Replace"
        case prepend = "Prepend"
        case precompiled = "Precompiled"
    }

    private(set) var steps: [Normalizer] = []
    /// Real files insert one character. A damaged one could make a text larger than memory.
    private static let longestInsertion = 1_024

    init(_ file: JSONObject, source: String) throws(RankingError) {
        let parts = try TokenizerFile.flattened(
            "normalizer", members: "normalizers", file, as: Kind.self, source: source)
        for (kind, config) in parts { steps.append(try NormalizerSequence.read(kind, config, source)) }
    }

    private static func read(_ kind: Kind, _ config: JSONObject, _ source: String) throws(RankingError) -> Normalizer {
        let reader = FieldReader(config, source: source + ", normalizer,")
        switch kind {
        case .bert: return .bert(try BertNormalizer(config, source: source))
        case .nfc: return .form(.composed)
        case .nfd: return .form(.decomposed)
        case .nfkc: return .form(.compatiblyComposed)
        case .nfkd: return .form(.compatiblyDecomposed)
        case .lowercase: return .lowercase
        case .strip: return .strip(left: try reader.bool("strip_left"), right: try reader.bool("strip_right"))
        case .stripAccents: return .stripAccents
        case .replace:
            let pattern = try TextPattern(config, source: source + ", normalizer,")
            return .replace(pattern, with: try inserted("content", reader, source))
        case .prepend: return .prepend(try inserted("prepend", reader, source))
        case .precompiled:
            return .precompiled(
                try PrecompiledCharsmap(reader.string("precompiled_charsmap"), source: source))
        }
    }

    var isBERTOrNone: Bool {
        if case .bert? = steps.first { steps.count == 1 } else { steps.isEmpty }
    }

    func normalize(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> NormalizedText {
        let decoded = DecodedScalars(bytes, range)
        // BERT's normalizer, nearly always the only one, reads the bytes themselves.
        if case .bert(let bert)? = steps.first { return apply(steps.dropFirst(), to: bert.normalize(decoded)) }
        return apply(steps[...], to: NormalizedText(decoded))
    }

    /// Text that is put in, perhaps many times.
    private static func inserted(
        _ key: String, _ reader: FieldReader, _ source: String
    ) throws(RankingError) -> [UInt32] {
        let scalars = try reader.string(key).unicodeScalars.map(\.value)
        guard scalars.count <= longestInsertion else {
            throw TokenizerFile.unsupported(
                "\(source) has a normalizer that inserts \(scalars.count) characters.",
                supported: ["up to \(longestInsertion)"])
        }
        return scalars
    }

    func normalize(_ text: String) -> NormalizedText {
        var text = text
        return text.withUTF8 { normalize($0, 0..<$0.count) }
    }

    private func apply(_ steps: ArraySlice<Normalizer>, to text: NormalizedText) -> NormalizedText {
        var text = text
        for step in steps { step.apply(to: &text) }
        return text
    }
}
