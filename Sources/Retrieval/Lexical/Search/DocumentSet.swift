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

    /// The documents 0 ..< count.
    init(upTo count: Int) {
        words = [UInt64](repeating: .max, count: count / 64)
        if count % 64 > 0 { words.append(1 << UInt64(count % 64) - 1) }
    }

    /// The documents 64 · index ..< 64 · (index + 1), lowest bit first.
    func word(_ index: Int) -> UInt64 { index < words.count ? words[index] : 0 }

    mutating func setWord(_ index: Int, _ word: UInt64) {
        if index >= words.count { words += [UInt64](repeating: 0, count: index + 1 - words.count) }
        words[index] = word
    }

    /// Calls `body` with the documents in a range, in ascending order.
    func forEach(in range: Range<UInt32>, _ body: (UInt32) -> Void) {
        guard !range.isEmpty else { return }
        for index in Int(range.lowerBound / 64)...Int((range.upperBound - 1) / 64) where index < words.count {
            var bits = words[index]
            while bits != 0 {
                let document = UInt32(index * 64 + bits.trailingZeroBitCount)
                if range.contains(document) { body(document) }
                bits &= bits - 1
            }
        }
    }

    mutating func formUnion(_ other: DocumentSet) {
        if other.words.count > words.count {
            words += [UInt64](repeating: 0, count: other.words.count - words.count)
        }
        for word in other.words.indices { words[word] |= other.words[word] }
    }

    mutating func formIntersection(_ other: DocumentSet) {
        for word in words.indices { words[word] &= word < other.words.count ? other.words[word] : 0 }
    }

    mutating func subtract(_ other: DocumentSet) {
        for word in 0..<min(words.count, other.words.count) { words[word] &= ~other.words[word] }
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
