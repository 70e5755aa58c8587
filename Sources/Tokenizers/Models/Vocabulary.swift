import OrderedJSON
import Ranking

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

    /// Reads `vocab`: `{"token": id, ...}`.
    init(_ model: JSONObject, source: String) throws(RankingError) {
        let reader = FieldReader(model, source: source)
        guard case .object(let tokens)? = model["vocab"] else { throw reader.corrupt("has no vocab object") }
        let members = tokens.members
        self.init(capacity: members.count)
        for member in members {
            guard let id = TokenizerFile.id(member.value) else {
                throw reader.corrupt("gives the token \"\(member.key)\" something else than an id from 0")
            }
            _ = insert(member.key.utf8, id: id)
        }
    }

    var count: Int { entries.count }

    /// In the order of the file.
    var tokens: some Sequence<(ArraySlice<UInt8>, Int32)> {
        entries.lazy.map { (bytes[Int($0.start)..<Int($0.start + $0.count)], $0.id) }
    }

    /// Inserts a token; false where the text is there already. At most `capacity` tokens fit.
    mutating func insert(_ text: some Collection<UInt8>, id: Int32) -> Bool {
        let start = bytes.count
        bytes.append(contentsOf: text)
        let slot = bytes.withUnsafeBufferPointer { self.slot(of: UnsafeBufferPointer(rebasing: $0[start..<$0.count])) }
        guard slots[slot] == 0, entries.count < slots.count / 2 else {
            bytes.removeSubrange(start...)
            return false
        }
        entries.append(Entry(start: Int32(start), count: Int32(bytes.count - start), id: id))
        slots[slot] = Int32(entries.count)
        return true
    }

    func id(of text: some Collection<UInt8>) -> Int32? {
        text.withContiguousStorageIfAvailable { look(up: $0) } ?? Array(text).withUnsafeBufferPointer { look(up: $0) }
    }

    private func look(up text: UnsafeBufferPointer<UInt8>) -> Int32? {
        let entry = slots[slot(of: text)]
        return entry == 0 ? nil : entries[Int(entry) - 1].id
    }

    /// The slot that holds a text, or the free one where it belongs.
    private func slot(of text: UnsafeBufferPointer<UInt8>) -> Int {
        var slot = Int(truncatingIfNeeded: Vocabulary.hash(text)) & mask
        while slots[slot] != 0, !matches(entries[Int(slots[slot]) - 1], text) { slot = (slot + 1) & mask }
        return slot
    }

    private func matches(_ entry: Entry, _ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard Int(entry.count) == text.count else { return false }
        let start = Int(entry.start)
        for index in text.indices where bytes[start + index] != text[index] { return false }
        return true
    }

    /// FNV-1a with a final mix, so that the low bits depend on every byte.
    private static func hash(_ text: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return hash ^ (hash >> 29)
    }
}
