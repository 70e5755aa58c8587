import OrderedJSON
import Ranking

/// WordPiece: a word becomes the longest token it begins with, then the longest continuation ("##...") of the rest, and
/// so on; a word that cannot be covered, or is too long, becomes the unknown token.
///
/// Source: Wu et al., 2016, <https://arxiv.org/abs/1609.08144>, section 4.1; the greedy form is BERT's.
struct WordPiece: Sendable {
    private let vocabulary: Vocabulary
    /// Tokens that continue a word, without their prefix.
    private let continuations: Vocabulary
    private let unknownID: Int32
    private let maxInputCharsPerWord: Int
    /// Code points of the longest token: no longer piece need be looked up.
    private let longestToken: Int

    init(_ model: JSONObject, source: String) throws(RankingError) {
        let reader = FieldReader(model, source: source)
        let prefix = Array(try reader.string("continuing_subword_prefix", default: "##").utf8)
        maxInputCharsPerWord = try reader.integer("max_input_chars_per_word", in: 1...1_000_000, default: 100)
        let vocabulary = try Vocabulary(model, source: source)
        var continuations = Vocabulary(capacity: vocabulary.count)
        var longestToken = 1
        for (token, id) in vocabulary.tokens {
            longestToken = max(longestToken, token.count { $0 & 0xC0 != 0x80 })
            if !prefix.isEmpty, token.starts(with: prefix) {
                _ = continuations.insert(token.dropFirst(prefix.count), id: id)
            }
        }
        let unknown = try reader.string("unk_token", default: "[UNK]")
        guard let unknownID = vocabulary.id(of: unknown.utf8) else {
            throw reader.corrupt("has no token \"\(unknown)\", its own unk_token")
        }
        self.vocabulary = vocabulary
        self.continuations = prefix.isEmpty ? vocabulary : continuations
        self.unknownID = unknownID
        self.longestToken = longestToken
    }

    func id(of token: String) -> Int32? { vocabulary.id(of: token.utf8) }

    /// Appends a word's tokens; `body` gets the id and the range of scalars of each.
    func tokenize(
        _ scalars: [UInt32], _ word: Range<Int>, _ scratch: inout Scratch, _ body: (Int32, Range<Int>) -> Void
    ) {
        guard word.count <= maxInputCharsPerWord else { return body(unknownID, word) }
        scratch.encode(scalars, word)
        scratch.pieces.removeAll(keepingCapacity: true)
        var start = 0
        while start < word.count {
            guard let (id, end) = longest(from: start, count: word.count, scratch) else { return body(unknownID, word) }
            scratch.pieces.append((id, word.lowerBound + start..<word.lowerBound + end))
            start = end
        }
        for piece in scratch.pieces { body(piece.id, piece.range) }
    }

    private func longest(from start: Int, count: Int, _ scratch: Scratch) -> (id: Int32, end: Int)? {
        let table = start == 0 ? vocabulary : continuations
        for end in stride(from: min(count, start + longestToken), to: start, by: -1) {
            if let id = table.id(of: scratch.bytes[scratch.ends[start]..<scratch.ends[end]]) { return (id, end) }
        }
        return nil
    }

    /// Memory that the words of a text share.
    struct Scratch {
        fileprivate var bytes: [UInt8] = []
        /// Where each scalar of the word begins in `bytes`, and where the last one ends.
        fileprivate var ends: [Int] = []
        fileprivate var pieces: [(id: Int32, range: Range<Int>)] = []

        fileprivate mutating func encode(_ scalars: [UInt32], _ word: Range<Int>) {
            bytes.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
            ends.append(0)
            for index in word {
                UTF8Encoding.append(scalars[index], to: &bytes)
                ends.append(bytes.count)
            }
        }
    }
}
