import Ranking
import TextFiles

/// A run in little memory, for large ones: about 25 bytes a candidate, where a `Run` has a hundred.
public struct CompactRun: Sendable {
    /// The candidates of one query, in the order they were read.
    struct Ranking: Sendable {
        /// The ids, one after the other.
        var ids: [UInt8] = []
        /// Where each id ends in `ids`.
        var ends: [UInt32] = []
        var scores: [Double] = []
        /// The line that each came from.
        var lines: [UInt32] = []

        func id(_ place: Int) -> Range<Int> { (place == 0 ? 0 : Int(ends[place - 1]))..<Int(ends[place]) }
    }

    var rankings: [Ranking] = []
    private var places: [String: Int] = [:]

    public var queryIDs: Set<String> { Set(places.keys) }

    init() {}

    func ranking(of queryID: String) -> Ranking? { places[queryID].map { rankings[$0] } }

    /// The place in `rankings` of a query; a new one where it has none yet.
    mutating func place(of queryID: String) -> Int {
        if let place = places[queryID] { return place }
        places[queryID] = rankings.count
        rankings.append(Ranking())
        return rankings.count - 1
    }

    /// The run as dictionaries.
    public var run: Run {
        places.mapValues { place in
            let ranking = rankings[place]
            var scores: [String: Double] = [:]
            for candidate in ranking.scores.indices {
                scores[String(decoding: ranking.ids[ranking.id(candidate)], as: UTF8.self)] = ranking.scores[candidate]
            }
            return scores
        }
    }

    /// Throws `invalidInput` with the line of a document that a query has a second time.
    func checkDocuments(of file: String) throws(RankingError) {
        var table = IDTable()
        for (queryID, place) in places.sorted(by: { $0.value < $1.value }) {
            let ranking = rankings[place]
            guard let candidate = table.firstRepeated(ranking) else { continue }
            let id = String(decoding: ranking.ids[ranking.id(candidate)], as: UTF8.self)
            throw InputBytes(name: file, bytes: []).error(
                line: Int(ranking.lines[candidate]), "repeats document \"\(id)\" for query \"\(queryID)\"",
                why: "A document has one place in a ranking.", fix: "Remove one of the two lines.")
        }
    }
}

extension CompactRun.Ranking {
    /// The grade of each candidate, in trec_eval's order (see `JudgedRanking`).
    ///
    /// - Parameter passedOver: An id that does not count.
    func grades(_ grades: [String: Int], passingOver passedOver: String?) -> [Int?] {
        var table = IDTable()
        table.fill(grades)
        let skipped = passedOver.map { Array($0.utf8) }
        return ids.withUnsafeBufferPointer { bytes in
            var result: [Int?] = []
            result.reserveCapacity(scores.count)
            for place in order(bytes) {
                let id = UnsafeBufferPointer(rebasing: bytes[self.id(place)])
                if let skipped, id.elementsEqual(skipped) { continue }
                result.append(table.grade(of: id))
            }
            return result
        }
    }

    /// Places by score descending, equal scores by id descending. Most runs are written in that order.
    private func order(_ bytes: UnsafeBufferPointer<UInt8>) -> [Int] {
        func precedes(_ a: Int, _ b: Int) -> Bool {
            if scores[a] != scores[b] { return scores[a] > scores[b] }
            return bytes[id(b)].lexicographicallyPrecedes(bytes[id(a)])
        }
        let places = Array(scores.indices)
        let isSorted = places.dropFirst().allSatisfy { precedes($0 - 1, $0) }
        return isSorted ? places : places.sorted(by: precedes)
    }
}

/// Ids by their bytes in a table with open addressing: FNV-1a, linear probing, at most half full.
private struct IDTable {
    /// 1 + the number of the id; 0 for a free slot.
    private var slots: [UInt32] = []
    private var keys: [[UInt8]] = []
    private var values: [Int] = []

    private static func hash(_ id: UnsafeBufferPointer<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in id { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int(truncatingIfNeeded: (hash ^ (hash >> 29)) & 0x7fff_ffff)
    }

    private mutating func clear(for count: Int) {
        var size = 16
        while size < 2 * count { size *= 2 }
        if slots.count == size {
            for place in slots.indices { slots[place] = 0 }
        } else {
            slots = [UInt32](repeating: 0, count: size)
        }
    }

    /// The place of the first id that was there before, nil where all are different.
    mutating func firstRepeated(_ ranking: CompactRun.Ranking) -> Int? {
        clear(for: ranking.scores.count)
        let mask = slots.count - 1
        return ranking.ids.withUnsafeBufferPointer { bytes in
            for place in ranking.scores.indices {
                let id = UnsafeBufferPointer(rebasing: bytes[ranking.id(place)])
                var slot = IDTable.hash(id) & mask
                while slots[slot] != 0 {
                    let other = bytes[ranking.id(Int(slots[slot]) - 1)]
                    if other.count == id.count, other.elementsEqual(id) { return place }
                    slot = (slot + 1) & mask
                }
                slots[slot] = UInt32(place + 1)
            }
            return nil
        }
    }

    mutating func fill(_ grades: [String: Int]) {
        clear(for: grades.count)
        let mask = slots.count - 1
        for (id, grade) in grades {
            let key = Array(id.utf8)
            var slot = key.withUnsafeBufferPointer { IDTable.hash($0) } & mask
            while slots[slot] != 0 { slot = (slot + 1) & mask }
            keys.append(key)
            values.append(grade)
            slots[slot] = UInt32(keys.count)
        }
    }

    func grade(of id: UnsafeBufferPointer<UInt8>) -> Int? {
        let mask = slots.count - 1
        var slot = IDTable.hash(id) & mask
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            if keys[number].count == id.count, keys[number].elementsEqual(id) { return values[number] }
            slot = (slot + 1) & mask
        }
        return nil
    }
}
