/// The distinct terms of an index under construction, numbered in the order of their arrival: a hash table with open
/// addressing over one run of bytes. The seed of the hash is random, so that nobody can prepare texts whose terms
/// collide; no result depends on it.
struct TermTable {
    private var keys: [UInt8] = []
    /// Where each term ends in `keys`.
    private var ends: [Int] = []
    private var hashes: [UInt32] = []
    /// Term number plus one; 0 is free.
    private var slots = [UInt32](repeating: 0, count: 1 << 12)
    private let seed = UInt64.random(in: 0 ... .max)

    var count: Int { ends.count }
    var byteCount: Int { keys.capacity + 12 * ends.capacity + 4 * slots.count }

    func bytes(of term: Int) -> ArraySlice<UInt8> { keys[(term > 0 ? ends[term - 1] : 0)..<ends[term]] }

    /// The number of a term, and whether it is new.
    mutating func number(of term: UnsafeBufferPointer<UInt8>) -> (term: Int, isNew: Bool) {
        let hash = hash(of: term)
        var slot = Int(hash) & (slots.count - 1)
        while slots[slot] != 0 {
            let number = Int(slots[slot]) - 1
            if hashes[number] == hash, isEqual(number, term) { return (number, false) }
            slot = (slot + 1) & (slots.count - 1)
        }
        keys += term
        ends.append(keys.count)
        hashes.append(hash)
        slots[slot] = UInt32(ends.count)
        if ends.count * 2 > slots.count { grow() }
        return (ends.count - 1, true)
    }

    @inline(__always)
    private func isEqual(_ number: Int, _ term: UnsafeBufferPointer<UInt8>) -> Bool {
        let start = number > 0 ? ends[number - 1] : 0
        guard ends[number] - start == term.count else { return false }
        for index in 0..<term.count where keys[start + index] != term[index] { return false }
        return true
    }

    /// Multiplies and folds eight bytes at a time.
    @inline(__always)
    private func hash(of term: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var state = seed ^ UInt64(term.count)
        var index = 0
        while index < term.count {
            var word: UInt64 = 0
            let end = min(index + 8, term.count)
            while index < end {
                word = word << 8 | UInt64(term[index])
                index += 1
            }
            let product = (state ^ word).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
            state = product.high ^ product.low ^ seed
        }
        return UInt32(truncatingIfNeeded: state ^ state >> 32)
    }

    private mutating func grow() {
        slots = [UInt32](repeating: 0, count: slots.count * 2)
        for (number, hash) in hashes.enumerated() {
            var slot = Int(hash) & (slots.count - 1)
            while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
            slots[slot] = UInt32(number + 1)
        }
    }

    /// The numbers of all terms, by ascending bytes.
    func sorted() -> [Int] {
        keys.withUnsafeBufferPointer { keys in
            (0..<count).sorted { a, b in
                let first = UnsafeBufferPointer(rebasing: keys[(a > 0 ? ends[a - 1] : 0)..<ends[a]])
                let second = UnsafeBufferPointer(rebasing: keys[(b > 0 ? ends[b - 1] : 0)..<ends[b]])
                return first.lexicographicallyPrecedes(second)
            }
        }
    }
}
