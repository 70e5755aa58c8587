/// A set of document numbers, one bit each: the deleted documents, or those that a filter lets through.
public struct DocumentSet: Sendable, Hashable {
    private var words: [UInt64]

    /// An empty set with room for documents 0 ..< capacity; it grows where more are inserted.
    public init(capacity: Int = 0) { words = [UInt64](repeating: 0, count: (max(0, capacity) + 63) / 64) }

    public init(_ documents: some Sequence<UInt32>) {
        self.init()
        for document in documents { insert(document) }
    }

    @inline(__always)
    public func contains(_ document: UInt32) -> Bool {
        let word = Int(document >> 6)
        return word < words.count && words[word] >> UInt64(document & 63) & 1 == 1
    }

    public mutating func insert(_ document: UInt32) {
        let word = Int(document >> 6)
        if word >= words.count { words += [UInt64](repeating: 0, count: word + 1 - words.count) }
        words[word] |= 1 << UInt64(document & 63)
    }

    public mutating func remove(_ document: UInt32) {
        let word = Int(document >> 6)
        if word < words.count { words[word] &= ~(1 << UInt64(document & 63)) }
    }

    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }
    public var isEmpty: Bool { words.allSatisfy { $0 == 0 } }

    public static func == (a: DocumentSet, b: DocumentSet) -> Bool {
        let shared = min(a.words.count, b.words.count)
        return a.words[..<shared] == b.words[..<shared] && a.words[shared...].allSatisfy { $0 == 0 }
            && b.words[shared...].allSatisfy { $0 == 0 }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words[..<((words.lastIndex { $0 != 0 } ?? -1) + 1)])
    }
}
