/// Opened posting lists of terms, by their text: reading and checking those of frequent words takes longer than
/// searching them. The terms that came first leave first.
struct PostingCache: Sendable {
    struct Entry: Sendable {
        /// By ascending passages.
        var parts: [PostingList]
        /// Passages that are not deleted and have the term.
        var passages: Int
    }

    static let byteLimit = 128 << 20

    private var entries: [UTF8Key: Entry] = [:]
    private var order: [UTF8Key] = []
    private var byteCount = 0

    subscript(term: UTF8Key) -> Entry? { entries[term] }

    mutating func insert(_ entry: Entry, for term: UTF8Key) {
        let size = PostingCache.size(entry)
        guard entries[term] == nil, size <= PostingCache.byteLimit else { return }
        entries[term] = entry
        order.append(term)
        byteCount += size
        var leaving = 0
        while byteCount > PostingCache.byteLimit {
            if let evicted = entries.removeValue(forKey: order[leaving]) { byteCount -= PostingCache.size(evicted) }
            leaving += 1
        }
        order.removeFirst(leaving)
    }

    private static func size(_ entry: Entry) -> Int { entry.parts.reduce(64) { $0 + $1.byteCount } }
}
