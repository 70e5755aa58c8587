/// Token texts to ids: an open-addressing table over UTF-8 bytes that are stored end to end.
struct Vocabulary: Sendable {
    private var bytes: [UInt8] = []
    private var entries: [Entry] = []
    /// Positions in `entries`, plus one; 0 is free. A power of two, at most half full.
    private var slots: [Int32]
    private let mask: Int

    private struct Entry {
        var start: Int32
        var count: Int32
        var id: Int32
    }

    init(capacity: Int) {
        var size = 16
        while size < capacity * 2 { size *= 2 }
        slots = [Int32](repeating: 0, count: size)
        mask = size - 1
    }

    var count: Int { entries.count }

    /// Inserts a token; false where the text is there already. At most `capacity` tokens fit.
    mutating func insert(_ text: some Collection<UInt8>, id: Int32) -> Bool {
        var slot = Int(truncatingIfNeeded: Vocabulary.hash(text)) & mask
        while slots[slot] != 0 {
            if matches(entries[Int(slots[slot]) - 1], text) { return false }
            slot = (slot + 1) & mask
        }
        guard entries.count < slots.count / 2 else { return false }
        entries.append(Entry(start: Int32(bytes.count), count: Int32(text.count), id: id))
        bytes.append(contentsOf: text)
        slots[slot] = Int32(entries.count)
        return true
    }

    func id(of text: some Collection<UInt8>) -> Int32? {
        var slot = Int(truncatingIfNeeded: Vocabulary.hash(text)) & mask
        while slots[slot] != 0 {
            let entry = entries[Int(slots[slot]) - 1]
            if matches(entry, text) { return entry.id }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private func matches(_ entry: Entry, _ text: some Collection<UInt8>) -> Bool {
        guard Int(entry.count) == text.count else { return false }
        var position = Int(entry.start)
        for byte in text {
            guard bytes[position] == byte else { return false }
            position += 1
        }
        return true
    }

    /// FNV-1a with a final mix, so that the low bits depend on every byte.
    private static func hash(_ text: some Collection<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash ^ (hash >> 29)
    }
}
