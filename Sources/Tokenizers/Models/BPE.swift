import OrderedJSON
import Ranking

/// Byte pair encoding: a word begins as its characters, or bytes, and the pair of neighbours that was learned first is
/// joined, the leftmost where there are several, until no two neighbours are a learned pair.
///
/// Time is O(n log n) in the length of a word: pairs wait in a heap, symbols are a linked list.
///
/// Source: Sennrich et al., 2016, <https://arxiv.org/abs/1508.07909>; on bytes, Radford et al., 2019 (GPT-2).
struct BPE: Sendable {
    private let vocabulary: Vocabulary
    private let merges: MergeTable
    private let unknownID: Int32?
    /// Neighbouring unknown characters are one token.
    private let fusesUnknown: Bool
    /// A word that is a token is not cut, whatever the merges say.
    private let ignoresMerges: Bool
    /// Ids of "<0x00>" to "<0xFF>", where an unknown character is spelled in bytes.
    private let byteFallback: [Int32?]?
    /// Where words are bytes: the id of each byte's character. nil where they are characters.
    private let byteIDs: [Int32?]?

    /// `isByteLevel`: the pre-tokenizer turns words into bytes, each written as the character of `ByteAlphabet`.
    init(_ model: JSONObject, isByteLevel: Bool, source: String) throws(RankingError) {
        let reader = FieldReader(model, source: source)
        for affix in ["continuing_subword_prefix", "end_of_word_suffix"] {
            guard try reader.string(affix, default: "").isEmpty else {
                throw TokenizerFile.unsupported(
                    "\(source) has a BPE with a \(affix).", supported: ["models without one"])
            }
        }
        if case .number(let dropout)? = model["dropout"], dropout.double != 0 {
            throw TokenizerFile.unsupported(
                "\(source) has a BPE that drops merges at random (dropout \(dropout)).",
                supported: ["models without it"])
        }
        let vocabulary = try Vocabulary(model, source: source)
        merges = try MergeTable(model, vocabulary, source: source)
        if let unknown = try reader.optionalString("unk_token") {
            guard let id = vocabulary.id(of: unknown.utf8) else {
                throw reader.corrupt("has no token \"\(unknown)\", its own unk_token")
            }
            unknownID = id
        } else {
            unknownID = nil
        }
        fusesUnknown = try reader.bool("fuse_unk", default: false)
        ignoresMerges = try reader.bool("ignore_merges", default: false)
        byteFallback =
            try reader.bool("byte_fallback", default: false)
            ? ByteFallback.tokens.map { vocabulary.id(of: $0.utf8) } : nil
        byteIDs =
            isByteLevel
            ? ByteAlphabet.scalars.map { scalar in
                var utf8: [UInt8] = []
                UTF8Encoding.append(scalar, to: &utf8)
                return vocabulary.id(of: utf8)
            } : nil
        self.vocabulary = vocabulary
    }

    func id(of token: String) -> Int32? { vocabulary.id(of: token.utf8) }

    /// Appends a word's tokens; `body` gets the id and the range of scalars of each.
    func tokenize(
        _ scalars: [UInt32], _ word: Range<Int>, _ scratch: inout Scratch, _ body: (Int32, Range<Int>) -> Void
    ) {
        scratch.begin(word.count)
        if ignoresMerges, let id = wholeWord(scalars, word, &scratch) { return body(id, word) }
        for index in word { appendSymbols(of: scalars[index], at: Int32(truncatingIfNeeded: index), &scratch) }
        scratch.flushUnknown()
        scratch.merge(merges)
        var index = 0
        while index < scratch.symbols.count {
            let symbol = scratch.symbols[index]
            body(symbol.id, Int(symbol.first)..<Int(symbol.last) + 1)
            guard symbol.next > 0 else { break }
            index = Int(symbol.next)
        }
    }

    private func wholeWord(_ scalars: [UInt32], _ word: Range<Int>, _ scratch: inout Scratch) -> Int32? {
        scratch.utf8.removeAll(keepingCapacity: true)
        for index in word { UTF8Encoding.append(scalars[index], to: &scratch.utf8) }
        guard byteIDs != nil else { return vocabulary.id(of: scratch.utf8) }
        var spelled: [UInt8] = []
        for byte in scratch.utf8 { UTF8Encoding.append(ByteAlphabet.scalars[Int(byte)], to: &spelled) }
        return vocabulary.id(of: spelled)
    }

    private func appendSymbols(of scalar: UInt32, at index: Int32, _ scratch: inout Scratch) {
        if let byteIDs, scalar < 0x80 {
            append(byteIDs[Int(scalar)], index, &scratch)
            return
        }
        scratch.utf8.removeAll(keepingCapacity: true)
        UTF8Encoding.append(scalar, to: &scratch.utf8)
        if let byteIDs {
            for byte in scratch.utf8 { append(byteIDs[Int(byte)], index, &scratch) }
        } else if let id = vocabulary.id(of: scratch.utf8) {
            append(id, index, &scratch)
        } else if let byteFallback, scratch.utf8.allSatisfy({ byteFallback[Int($0)] != nil }) {
            // As in the reference, an unknown character that still waits comes out behind these.
            for byte in scratch.utf8 { if let id = byteFallback[Int(byte)] { scratch.append(id, index, index) } }
        } else {
            append(nil, index, &scratch)
        }
    }

    /// Appends a known symbol, or an unknown one, which vanishes where the model has no token for it.
    private func append(_ id: Int32?, _ index: Int32, _ scratch: inout Scratch) {
        if let id {
            scratch.flushUnknown()
            scratch.append(id, index, index)
        } else if let unknownID {
            if fusesUnknown, let waiting = scratch.unknown {
                scratch.unknown = (unknownID, waiting.first, index)
            } else {
                scratch.flushUnknown()
                scratch.unknown = (unknownID, index, index)
            }
        }
    }

    /// Memory that the words of a text share.
    struct Scratch {
        fileprivate struct Symbol {
            /// -1 where it has been joined to the one before it.
            var id: Int32
            /// -1 before the first.
            var previous: Int32
            /// -1 behind the last.
            var next: Int32
            /// First and last scalar.
            var first: Int32
            var last: Int32
        }

        fileprivate var symbols: [Symbol] = []
        fileprivate var unknown: (id: Int32, first: Int32, last: Int32)?
        fileprivate var utf8: [UInt8] = []
        private var queue = MergeQueue()

        fileprivate mutating func begin(_ count: Int) {
            symbols.removeAll(keepingCapacity: true)
            symbols.reserveCapacity(count)
            unknown = nil
        }

        fileprivate mutating func append(_ id: Int32, _ first: Int32, _ last: Int32) {
            let index = Int32(truncatingIfNeeded: symbols.count)
            if index > 0 { symbols[Int(index) - 1].next = index }
            symbols.append(Symbol(id: id, previous: index - 1, next: -1, first: first, last: last))
        }

        fileprivate mutating func flushUnknown() {
            if let unknown { append(unknown.id, unknown.first, unknown.last) }
            unknown = nil
        }

        fileprivate mutating func merge(_ merges: MergeTable) {
            guard symbols.count > 1 else { return }
            queue.removeAll()
            for left in 0..<symbols.count - 1 {
                if let rank = merges.rank(of: symbols[left].id, symbols[left + 1].id) { queue.append(rank, left) }
            }
            queue.order()
            while let (rank, left) = queue.pop() {
                let symbol = symbols[left]
                guard symbol.id >= 0, symbol.next > 0 else { continue }
                let right = symbols[Int(symbol.next)]
                // What has been joined since the pair was found may have made another pair of it.
                guard let current = merges.rank(of: symbol.id, right.id), merges.result(current) == merges.result(rank)
                else { continue }
                symbols[Int(symbol.next)].id = -1
                symbols[left].id = merges.result(current)
                symbols[left].last = right.last
                symbols[left].next = right.next
                if right.next > 0 {
                    symbols[Int(right.next)].previous = Int32(truncatingIfNeeded: left)
                    find(merges, left, Int(right.next))
                }
                if symbol.previous >= 0 { find(merges, Int(symbol.previous), left) }
            }
        }

        private mutating func find(_ merges: MergeTable, _ left: Int, _ right: Int) {
            if let rank = merges.rank(of: symbols[left].id, symbols[right].id) { queue.push(rank, left) }
        }
    }
}

/// Pairs that wait to be joined, the first learned and leftmost first: a binary heap.
private struct MergeQueue {
    /// Rank in the high half, place of the left symbol in the low one.
    private var keys: [UInt64] = []

    mutating func removeAll() { keys.removeAll(keepingCapacity: true) }

    /// Appends without order.
    mutating func append(_ rank: UInt32, _ place: Int) {
        keys.append(UInt64(rank) << 32 | UInt64(UInt32(truncatingIfNeeded: place)))
    }

    mutating func order() {
        for index in stride(from: keys.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    mutating func push(_ rank: UInt32, _ place: Int) {
        append(rank, place)
        var index = keys.count - 1
        while index > 0, keys[index] < keys[(index - 1) / 2] {
            keys.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    mutating func pop() -> (rank: UInt32, place: Int)? {
        guard let first = keys.first, let last = keys.popLast() else { return nil }
        if !keys.isEmpty {
            keys[0] = last
            siftDown(0)
        }
        return (UInt32(truncatingIfNeeded: first >> 32), Int(first & 0xFFFF_FFFF))
    }

    private mutating func siftDown(_ start: Int) {
        let key = keys[start]
        var index = start
        while true {
            var child = 2 * index + 1
            guard child < keys.count else { break }
            if child + 1 < keys.count, keys[child + 1] < keys[child] { child += 1 }
            guard keys[child] < key else { break }
            keys[index] = keys[child]
            index = child
        }
        keys[index] = key
    }
}
