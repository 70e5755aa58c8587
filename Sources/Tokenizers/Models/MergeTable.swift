import OrderedJSON
import Ranking

/// The pairs that a BPE joins, in the order they were learned: an open-addressing table from pairs of ids to ranks.
struct MergeTable: Sendable {
    private struct Entry {
        /// Two ids; `free` where the slot is.
        var pair: UInt64
        var rank: UInt32
    }

    private static let free = UInt64.max

    /// A power of two, at most half full.
    private var entries: [Entry]
    private let shift: UInt64
    /// By rank, the id of what the pair makes.
    private var results: [Int32] = []

    /// Reads `merges`: `["a b", ...]` or `[["a", "b"], ...]`.
    init(_ model: JSONObject, _ vocabulary: Vocabulary, source: String) throws(RankingError) {
        let reader = FieldReader(model, source: source)
        guard case .array(let merges)? = model["merges"] else { throw reader.corrupt("has no list of merges") }
        guard merges.count <= TokenizerFile.maxID else { throw reader.corrupt("has \(merges.count) merges") }
        var bits: UInt64 = 4
        while 1 << bits < merges.count * 2 { bits += 1 }
        entries = [Entry](repeating: Entry(pair: MergeTable.free, rank: 0), count: 1 << bits)
        shift = 64 - bits
        results.reserveCapacity(merges.count)
        var joined: [UInt8] = []
        for merge in merges {
            guard let (left, right) = MergeTable.halves(merge) else {
                throw reader.corrupt("has a merge \(results.count) that is not two tokens")
            }
            joined.removeAll(keepingCapacity: true)
            joined.append(contentsOf: left.utf8)
            joined.append(contentsOf: right.utf8)
            guard let leftID = vocabulary.id(of: left.utf8), let rightID = vocabulary.id(of: right.utf8),
                let result = vocabulary.id(of: joined)
            else {
                throw reader.corrupt("has a merge \(results.count), \(left) and \(right), of tokens not in vocab")
            }
            insert(MergeTable.pair(leftID, rightID), rank: UInt32(truncatingIfNeeded: results.count))
            results.append(result)
        }
    }

    private static func halves(_ merge: JSONValue) -> (left: Substring, right: Substring)? {
        switch merge {
        case .array(let halves):
            guard halves.count == 2, case .string(let left) = halves[0], case .string(let right) = halves[1] else {
                return nil
            }
            return (left[...], right[...])
        case .string(let text):
            guard let space = text.utf8.firstIndex(of: 0x20) else { return nil }
            let right = text[text.utf8.index(after: space)...]
            return right.utf8.contains(0x20) ? nil : (text[..<space], right)
        default: return nil
        }
    }

    /// The last of two equal pairs counts, as in the reference.
    private mutating func insert(_ pair: UInt64, rank: UInt32) {
        var slot = self.slot(pair)
        while entries[slot].pair != MergeTable.free, entries[slot].pair != pair {
            slot = (slot + 1) & (entries.count - 1)
        }
        entries[slot] = Entry(pair: pair, rank: rank)
    }

    func rank(of left: Int32, _ right: Int32) -> UInt32? {
        let pair = MergeTable.pair(left, right)
        var slot = self.slot(pair)
        while entries[slot].pair != MergeTable.free {
            if entries[slot].pair == pair { return entries[slot].rank }
            slot = (slot + 1) & (entries.count - 1)
        }
        return nil
    }

    func result(_ rank: UInt32) -> Int32 { results[Int(rank)] }

    private static func pair(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Multiplication by 2^64 over the golden ratio; the high bits depend on all of the pair.
    private func slot(_ pair: UInt64) -> Int { Int((pair &* 0x9E37_79B9_7F4A_7C15) >> shift) }
}
