import GRDB
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Adds the postings of new passages to the term dictionary and the posting lists of an index.
///
/// A term's new postings become one more part of its list. Parts that are not larger than twice the new one, or than
/// 8 KB, are joined with it, so that a list of n bytes has O(log n) parts however many small additions made it.
struct PostingWriter {
    private static let smallPart = 8192

    /// Of all passages, by number.
    let lengths: [UInt32]

    /// - Parameter part: The lists of new passages; all their numbers are higher than those in the index.
    func append(_ part: InvertedIndex, _ db: Database) throws {
        var nextTerm = try IndexProperty.nextTerm.count(db)
        let isFirst = nextTerm == 0
        for rank in 0..<part.termCount {
            let (term, bytes) = part[rank]
            let list = try PostingList(bytes: bytes)
            let text = Data(term)
            let known =
                isFirst
                ? nil
                : try Int64.fetchOne(
                    db.cachedStatement(sql: "SELECT number FROM term WHERE text = ?"), arguments: [text])
            if let known {
                try db.cachedStatement(sql: "UPDATE term SET passages = passages + ? WHERE text = ?")
                    .execute(arguments: [list.count, text])
                try append(list, bytes, to: known, db)
            } else {
                try db.cachedStatement(sql: "INSERT INTO term (text, number, passages) VALUES (?, ?, ?)")
                    .execute(arguments: [text, nextTerm, list.count])
                try PostingWriter.insert(Data(bytes), key: Int64(nextTerm) << IndexSchema.partBits, db)
                nextTerm += 1
            }
        }
        try IndexProperty.nextTerm.set(nextTerm, db)
    }

    private func append(_ list: PostingList, _ bytes: ArraySlice<UInt8>, to term: Int64, _ db: Database) throws {
        let keys = PostingWriter.keys(of: term)
        let parts = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT key, length(list) FROM posting WHERE key BETWEEN ? AND ? ORDER BY key DESC"),
            arguments: [keys.lowerBound, keys.upperBound])
        var joined: [Int64] = []
        var size = bytes.count
        for part in parts {
            let count = try part.integer(1)
            guard count <= max(PostingWriter.smallPart, 2 * size) else { break }
            joined.append(try part.int64(0))
            size += count
        }
        guard let key = joined.last else {
            let last = try parts.first?.int64(0) ?? keys.lowerBound - 1
            guard last < keys.upperBound else { throw IndexProperty.corrupt("has a term with too many parts") }
            return try PostingWriter.insert(Data(bytes), key: last + 1, db)
        }
        var postings: [Posting] = []
        for part in joined.reversed() { postings += try PostingWriter.list(key: part, db).postings() }
        postings += try list.postings()
        try db.cachedStatement(sql: "DELETE FROM posting WHERE key BETWEEN ? AND ?")
            .execute(arguments: [key, keys.upperBound])
        try PostingWriter.insert(Data(PostingList.encode(postings, lengths: lengths)), key: key, db)
    }

    /// The keys that the parts of a term can have.
    static func keys(of term: Int64) -> ClosedRange<Int64> {
        let first = term << IndexSchema.partBits
        return first...first + (1 << IndexSchema.partBits) - 1
    }

    static func insert(_ list: Data, key: Int64, _ db: Database) throws {
        try db.cachedStatement(sql: "INSERT INTO posting (key, list) VALUES (?, ?)").execute(arguments: [key, list])
    }

    static func list(key: Int64, _ db: Database) throws -> PostingList {
        let bytes = try Data.fetchOne(
            db.cachedStatement(sql: "SELECT list FROM posting WHERE key = ?"), arguments: [key])
        return try PostingList(bytes: Array(bytes ?? Data()))
    }

    /// The parts of a term's list, by ascending passages.
    static func lists(of term: Int64, _ db: Database) throws -> [PostingList] {
        let keys = keys(of: term)
        return try Data.fetchAll(
            db.cachedStatement(sql: "SELECT list FROM posting WHERE key BETWEEN ? AND ? ORDER BY key"),
            arguments: [keys.lowerBound, keys.upperBound]
        ).map { try PostingList(bytes: Array($0)) }
    }
}
