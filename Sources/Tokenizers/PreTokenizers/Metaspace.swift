import OrderedJSON
import Ranking

/// SentencePiece's spaces: each becomes a visible mark, which begins a word.
///
/// Source: Kudo & Richardson, 2018, <https://arxiv.org/abs/1808.06226>.
struct Metaspace: Sendable, Equatable {
    /// Where a mark is put in front of a piece that has none.
    enum PrependScheme: String, CaseIterable, Sendable {
        case always, never
        /// Only at the start of the text, so not behind an added token.
        case first
    }

    let replacement: UInt32
    let prependScheme: PrependScheme
    let splits: Bool

    /// Reads the current form, with `prepend_scheme`, and the older one, with `add_prefix_space` alone.
    init(_ config: JSONObject, source: String) throws(RankingError) {
        let reader = FieldReader(config, source: source + ", pre_tokenizer,")
        let mark = try reader.string("replacement", default: "\u{2581}").unicodeScalars.map(\.value)
        guard mark.count == 1 else { throw reader.corrupt("has a replacement that is not one character") }
        replacement = mark[0]
        splits = try reader.bool("split", default: true)
        let older: PrependScheme = try reader.bool("add_prefix_space", default: true) ? .always : .never
        let name = try reader.string("prepend_scheme", default: older.rawValue)
        guard let scheme = PrependScheme(rawValue: name) else {
            throw TokenizerFile.unsupported(
                "\(source) has the prepend_scheme \"\(name)\".", supported: PrependScheme.allCases.map(\.rawValue))
        }
        prependScheme = scheme
    }

    func apply(to words: inout PreTokenizedText) {
        words.rewrite { input, piece, output in
            let isAtStart = input.sources[piece.lowerBound].lowerBound == 0
            let first = input.scalars[piece.lowerBound]
            let hasMark = first == 0x20 || first == replacement
            if !hasMark, prependScheme == .always || (prependScheme == .first && isAtStart) {
                let start = input.sources[piece.lowerBound].lowerBound
                output.append(replacement, from: start..<start)
            }
            for index in piece {
                let scalar = input.scalars[index]
                output.append(scalar == 0x20 ? replacement : scalar, from: input.sources[index])
            }
        }
        if splits { words.split(Split(pattern: .literal([replacement]), behavior: .mergedWithNext)) }
    }
}
