import OrderedJSON
import Ranking

/// One step of how a text is cut before the model sees it: the `pre_tokenizer` of a tokenizer.json.
enum PreTokenizer: Sendable {
    /// White space separates and is dropped; each punctuation mark is a word.
    case bert
    case split(Split)
    /// White space separates and is dropped.
    case whitespaceSplit
    /// Runs of word characters, and of others that are no white space: `\w+|[^\w\s]+`.
    case whitespace
    case punctuation(Split.Behavior)
    case digits(individually: Bool)
    case metaspace(Metaspace)
    /// Words of GPT-2, unless something else cuts. That the model then sees bytes is up to the model.
    case byteLevel(addsPrefixSpace: Bool, cutsWords: Bool)

    func apply(to words: inout PreTokenizedText) {
        switch self {
        case .bert: PreTokenizer.cut(&words, PreTokenizer.bertClass)
        case .split(let split): words.split(split)
        case .whitespaceSplit: PreTokenizer.cut(&words, PreTokenizer.spaceClass)
        case .whitespace: PreTokenizer.cut(&words, PreTokenizer.wordClass)
        case .punctuation(let behavior):
            words.split(Split(pattern: .run(ScalarClass(.punctuation), count: 1...1), behavior: behavior))
        case .digits(let individually):
            words.split(
                Split(
                    pattern: .run(ScalarClass(.numeric), count: 1...1), behavior: individually ? .isolated : .contiguous
                ))
        case .metaspace(let metaspace): metaspace.apply(to: &words)
        case .byteLevel(let addsPrefixSpace, let cutsWords):
            if addsPrefixSpace { PreTokenizer.addPrefixSpaces(&words) }
            if cutsWords { words.split(Split(pattern: .words(.gpt2), behavior: .isolated)) }
        }
    }

    private static func addPrefixSpaces(_ words: inout PreTokenizedText) {
        words.rewrite { input, piece, output in
            if input.scalars[piece.lowerBound] != 0x20 {
                let start = input.sources[piece.lowerBound].lowerBound
                output.append(0x20, from: start..<start)
            }
            output.append(input, piece)
        }
    }

    private enum WordClass {
        /// Not part of any piece.
        case separator
        /// A piece of its own.
        case single
        /// Part of a piece with its neighbours of the same class.
        case word, symbol
    }

    private static func bertClass(_ scalar: UInt32) -> WordClass {
        switch scalar {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: return .word
        case 0x20: return .separator
        default:
            let properties = TextUnicode.properties(scalar)
            if properties.contains(.whitespace) { return .separator }
            return properties.contains(.punctuation) ? .single : .word
        }
    }

    private static func spaceClass(_ scalar: UInt32) -> WordClass {
        TextUnicode.properties(scalar).contains(.whitespace) ? .separator : .word
    }

    private static func wordClass(_ scalar: UInt32) -> WordClass {
        let properties = TextUnicode.properties(scalar)
        if properties.contains(.word) { return .word }
        return properties.contains(.whitespace) ? .separator : .symbol
    }

    private static func cut(_ words: inout PreTokenizedText, _ classify: (UInt32) -> WordClass) {
        words.cut { scalars, piece, pieces in
            var start = piece.lowerBound
            var current = WordClass.separator
            for index in piece {
                let next = classify(scalars[index])
                guard next != current || next == .single else { continue }
                if current != .separator, start < index { pieces.append(start..<index) }
                start = index
                current = next
            }
            if current != .separator { pieces.append(start..<piece.upperBound) }
        }
    }
}

/// All steps, in order.
struct PreTokenizerSequence: Sendable {
    private enum Kind: String, CaseIterable {
        case bert = "BertPreTokenizer"
        case byteLevel = "ByteLevel"
        case split = "Split"
        case whitespace = "Whitespace"
        case whitespaceSplit = "WhitespaceSplit"
        case punctuation = "Punctuation"
        case digits = "Digits"
        case metaspace = "Metaspace"
    }

    private(set) var steps: [PreTokenizer] = []
    /// True where the model is to see bytes instead of characters.
    private(set) var isByteLevel = false

    init(_ file: JSONObject, source: String) throws(RankingError) {
        let parts = try TokenizerFile.flattened(
            "pre_tokenizer", members: "pretokenizers", file, as: Kind.self, source: source)
        for (kind, config) in parts {
            guard !isByteLevel else {
                throw TokenizerFile.unsupported(
                    "\(source) has a pre_tokenizer of type \"\(kind.rawValue)\" behind ByteLevel.",
                    supported: ["sequences that end in ByteLevel"])
            }
            isByteLevel = kind == .byteLevel
            steps.append(try PreTokenizerSequence.read(kind, config, source))
        }
    }

    private static func read(_ kind: Kind, _ config: JSONObject, _ source: String) throws(RankingError) -> PreTokenizer
    {
        let reader = FieldReader(config, source: source + ", pre_tokenizer,")
        switch kind {
        case .bert: return .bert
        case .byteLevel:
            return .byteLevel(
                addsPrefixSpace: try reader.bool("add_prefix_space"),
                cutsWords: try reader.bool("use_regex", default: true))
        case .split:
            let pattern = try TextPattern(config, source: source + ", pre_tokenizer,")
            let behavior = try behavior(reader, source)
            return .split(
                Split(pattern: pattern, behavior: behavior, isInverted: try reader.bool("invert", default: false)))
        case .whitespace: return .whitespace
        case .whitespaceSplit: return .whitespaceSplit
        case .punctuation: return .punctuation(try behavior(reader, source, default: .isolated))
        case .digits: return .digits(individually: try reader.bool("individual_digits"))
        case .metaspace: return .metaspace(try Metaspace(config, source: source))
        }
    }

    private static func behavior(
        _ reader: FieldReader, _ source: String, default fallback: Split.Behavior? = nil
    ) throws(RankingError) -> Split.Behavior {
        let name = try reader.string("behavior", default: fallback?.rawValue)
        guard let behavior = Split.Behavior(rawValue: name) else {
            throw TokenizerFile.unsupported(
                "\(source) has the behavior \"\(name)\".", supported: Split.Behavior.allCases.map(\.rawValue))
        }
        return behavior
    }

    var isBERT: Bool {
        if case .bert? = steps.first { steps.count == 1 } else { false }
    }

    func pieces(of text: NormalizedText, _ range: Range<Int>) -> PreTokenizedText {
        var words = PreTokenizedText(text, piece: range)
        for step in steps { step.apply(to: &words) }
        return words
    }
}
