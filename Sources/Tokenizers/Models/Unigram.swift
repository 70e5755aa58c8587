import OrderedJSON
import Ranking

/// Unigram: of all ways to cut a word into pieces of the vocabulary, the one with the highest sum of scores.
///
/// `best(e) = max over pieces s..e of best(s) + score(piece)`, by Viterbi from left to right, in double precision. Where no
/// piece is a single character, the unknown token stands for it, 10 below the lowest score; neighbours of these become one
/// token. On equal sums the piece that begins first wins.
///
/// Source: Kudo, 2018, <https://arxiv.org/abs/1804.10959>, section 3.2; the penalty is SentencePiece's.
struct Unigram: Sendable {
    private let trie: ByteTrie
    private let scores: [Double]
    private let unknownID: Int32
    private let unknownScore: Double
    /// Ids of "<0x00>" to "<0xFF>", where all unknown text is spelled in bytes.
    private let byteIDs: [Int32?]?

    private static let unknownPenalty = 10.0

    init(_ model: JSONObject, source: String) throws(RankingError) {
        let reader = FieldReader(model, source: source)
        guard case .array(let pieces)? = model["vocab"], !pieces.isEmpty else {
            throw reader.corrupt("has no list of pieces and scores in vocab")
        }
        var texts = ByteTrie.Builder()
        var scores: [Double] = []
        scores.reserveCapacity(pieces.count)
        for piece in pieces {
            guard case .array(let entry) = piece, entry.count == 2, case .string(let text) = entry[0],
                case .number(let number) = entry[1], scores.count <= TokenizerFile.maxID,
                case let score = number.double,
                score.isFinite
            else { throw reader.corrupt("has an entry \(scores.count) in vocab that is no piece with its score") }
            guard texts.append(text.utf8, value: Int32(scores.count)) else {
                throw TokenizerFile.unsupported(
                    "\(source) has a piece of \(text.utf8.count) bytes.",
                    supported: ["pieces of up to \(ByteTrie.Builder.longestText) bytes"])
            }
            scores.append(score)
        }
        guard case .number? = model["unk_id"] else {
            throw reader.corrupt("has no unk_id: nothing stands for what is in no piece")
        }
        let trie = texts.build()
        self.trie = trie
        self.scores = scores
        unknownID = Int32(try reader.integer("unk_id", in: 0...scores.count - 1))
        unknownScore = (scores.min() ?? 0) - Unigram.unknownPenalty
        byteIDs =
            try reader.bool("byte_fallback", default: false)
            ? ByteFallback.tokens.map { Unigram.id(of: $0.utf8, in: trie) } : nil
    }

    func id(of token: String) -> Int32? { Unigram.id(of: token.utf8, in: trie) }

    private static func id(of text: some Collection<UInt8>, in trie: ByteTrie) -> Int32? {
        var node: ByteTrie.Node = 0
        for byte in text {
            guard let child = trie.child(of: node, byte) else { return nil }
            node = child
        }
        return trie.value(at: node)
    }

    /// Appends a word's tokens; `body` gets the id and the range of scalars of each.
    func tokenize(
        _ scalars: [UInt32], _ word: Range<Int>, _ scratch: inout Scratch, _ body: (Int32, Range<Int>) -> Void
    ) {
        scratch.encode(scalars, word)
        for start in 0..<word.count { extend(from: start, &scratch) }
        scratch.path.removeAll(keepingCapacity: true)
        var end = word.count
        while end > 0 {
            let best = scratch.best[end]
            let isUnknown = best.id == unknownID
            // Neighbouring unknown characters are one token.
            if isUnknown, let last = scratch.path.last, last.id == unknownID, last.range.lowerBound == end {
                scratch.path[scratch.path.count - 1].range = best.start..<last.range.upperBound
            } else {
                scratch.path.append((best.id, best.start..<end))
            }
            end = best.start
        }
        for piece in scratch.path.reversed() {
            let range = word.lowerBound + piece.range.lowerBound..<word.lowerBound + piece.range.upperBound
            if piece.id == unknownID, let byteIDs, spell(piece.range, byteIDs, scratch, { body($0, range) }) {
                continue
            }
            body(piece.id, range)
        }
    }

    /// Tries every piece that begins at a scalar.
    private func extend(from start: Int, _ scratch: inout Scratch) {
        let score = scratch.best[start].score
        var hasSingle = false
        var node: ByteTrie.Node = 0
        var end = start
        scalars: while end + 1 < scratch.ends.count {
            for position in scratch.ends[end]..<scratch.ends[end + 1] {
                guard let child = trie.child(of: node, scratch.bytes[position]) else { break scalars }
                node = child
            }
            end += 1
            guard let id = trie.value(at: node) else { continue }
            scratch.offer(end, Scratch.Best(score: score + scores[Int(id)], start: start, id: id))
            if end == start + 1 { hasSingle = true }
        }
        if !hasSingle {
            scratch.offer(start + 1, Scratch.Best(score: score + unknownScore, start: start, id: unknownID))
        }
    }

    /// False where a byte has no token, or the text is itself that of the unknown token.
    private func spell(
        _ range: Range<Int>, _ byteIDs: [Int32?], _ scratch: Scratch, _ body: (Int32) -> Void
    ) -> Bool {
        let bytes = scratch.bytes[scratch.ends[range.lowerBound]..<scratch.ends[range.upperBound]]
        guard Unigram.id(of: bytes, in: trie) == nil, bytes.allSatisfy({ byteIDs[Int($0)] != nil }) else {
            return false
        }
        for byte in bytes { if let id = byteIDs[Int(byte)] { body(id) } }
        return true
    }

    /// Memory that the words of a text share.
    struct Scratch {
        fileprivate struct Best {
            var score: Double
            /// Of the last piece; -1 where nothing ends here yet.
            var start: Int
            var id: Int32
        }

        fileprivate var bytes: [UInt8] = []
        /// Where each scalar of the word begins in `bytes`, and where the last one ends.
        fileprivate var ends: [Int] = []
        /// By the number of scalars, the best way to cut these.
        fileprivate var best: [Best] = []
        fileprivate var path: [(id: Int32, range: Range<Int>)] = []

        fileprivate mutating func encode(_ scalars: [UInt32], _ word: Range<Int>) {
            bytes.removeAll(keepingCapacity: true)
            ends.removeAll(keepingCapacity: true)
            ends.append(0)
            for index in word {
                UTF8Encoding.append(scalars[index], to: &bytes)
                ends.append(bytes.count)
            }
            best.removeAll(keepingCapacity: true)
            best.append(contentsOf: repeatElement(Best(score: 0, start: -1, id: 0), count: word.count + 1))
        }

        fileprivate mutating func offer(_ end: Int, _ candidate: Best) {
            if best[end].start < 0 || candidate.score > best[end].score { best[end] = candidate }
        }
    }
}
