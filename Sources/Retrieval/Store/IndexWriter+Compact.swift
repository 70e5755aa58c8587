import GRDB
public import Inference
public import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension IndexWriter {
    /// Removes what deletions left behind and joins the parts of every posting list, in one transaction of its own;
    /// then gives the free space back to the file system. Rankings and scores stay as they are, unless token vectors are
    /// converted.
    ///
    /// - Parameters:
    ///   - tokenVectors: Writes the token vectors in this form and with this pooling, from those that are stored: what they
    ///     were rounded to stays lost. Nil leaves them as they are.
    ///   - pool: Its threads do that.
    ///   - progress: Called with the share that is done, 0 ... 1.
    ///
    /// Throws `invalidInput` for a form with more bytes than the stored one, and for pooling what is pooled already.
    public func compact(
        tokenVectors converted: TokenVectorConversion? = nil, pool: ComputePool = .shared,
        progress: (Double) -> Void = { _ in }
    ) throws(RankingError) {
        try begin()
        do {
            let changed = try converted.map { conversion throws(RankingError) in
                try conversion.applied(to: settings.lateInteraction, path: path)
            }
            if let changed { try convertTokenVectors(to: changed, pool: pool, progress: progress) }
            try rewrite(progress: progress)
            try commit()
            if let changed { settings.lateInteraction = changed }
        } catch {
            try rollback()
            throw error
        }
        try IndexFile.reporting(path) {
            try queue.writeWithoutTransaction { db in
                try IndexFile.vacuum(db, path: path)
                _ = try db.checkpoint(.truncate)
            }
        }
    }

    /// The rewriting of `compact`, inside a transaction that has added and deleted nothing yet.
    func rewrite(progress: (Double) -> Void) throws(RankingError) {
        try IndexFile.reporting(path) {
            try queue.writeWithoutTransaction { db in
                let old = table
                if old.deletedCount > 0 {
                    let numbers = PassageNumbers(old)
                    table = numbers.table
                    try renumberDocuments(numbers, db)
                    try vectors?.renumber(numbers, db)
                    try tokenVectors?.renumber(numbers, db)
                    try rewritePostings(numbers, db, progress: progress)
                } else {
                    try rewritePostings(nil, db, progress: progress)
                }
            }
        }
    }

    /// Gives token vectors that wait for centroids their final form; see `TokenVectorWriter.train`.
    func trainTokenVectors(pool: ComputePool, progress: (Double) -> Void) throws(RankingError) {
        guard settings.lateInteraction != nil else { return }
        try IndexFile.reporting(path) {
            try pool.withLane { lane in
                try queue.writeWithoutTransaction { db in
                    try tokenVectors?.train(count: table.count, db, on: lane, progress: progress)
                }
            }
        }
    }

    private func convertTokenVectors(
        to changed: TokenVectorSettings, pool: ComputePool, progress: (Double) -> Void
    ) throws(RankingError) {
        try IndexFile.reporting(path) {
            try pool.withLane { lane in
                try queue.writeWithoutTransaction { db in
                    try tokenVectors?.convert(to: changed, count: table.count, db, on: lane, progress: progress)
                }
            }
        }
    }

    private func renumberDocuments(_ numbers: PassageNumbers, _ db: Database) throws {
        // Every number moves down or stays, so that in ascending order none meets one that is still in use.
        for first in try UInt32.fetchAll(db, sql: "SELECT first FROM document ORDER BY first") {
            guard let moved = numbers[first] else { throw IndexProperty.corrupt("has a document that is deleted") }
            if moved == first { continue }
            for table in ["document", "content"] {
                try db.cachedStatement(sql: "UPDATE \(table) SET first = ? WHERE first = ?")
                    .execute(arguments: [moved, first])
            }
        }
        let firsts = try UInt32.fetchAll(db, sql: "SELECT DISTINCT document FROM attribute ORDER BY document")
        try db.execute(sql: "CREATE TEMP TABLE moved (old INTEGER PRIMARY KEY, new INTEGER NOT NULL)")
        for first in firsts {
            guard let moved = numbers[first] else { throw IndexProperty.corrupt("has metadata of a deleted document") }
            try db.cachedStatement(sql: "INSERT INTO moved (old, new) VALUES (?, ?)").execute(arguments: [first, moved])
        }
        try db.execute(
            sql: """
                CREATE TEMP TABLE attribute_moved AS
                    SELECT field, kind, value, new AS document FROM attribute JOIN moved ON old = document;
                DELETE FROM attribute;
                INSERT INTO attribute (field, kind, value, document)
                    SELECT field, kind, value, document FROM attribute_moved ORDER BY 1, 2, 3, 4;
                DROP TABLE attribute_moved;
                DROP TABLE moved;
                DELETE FROM field WHERE number NOT IN (SELECT field FROM attribute);
                DELETE FROM passage_chunk;
                """)
        changedChunks = Set(0..<table.chunks)
    }

    /// - Parameter numbers: Nil where no passage moves; then lists of one part stay as they are.
    private func rewritePostings(_ numbers: PassageNumbers?, _ db: Database, progress: (Double) -> Void) throws {
        let terms = try Int64.fetchAll(db, sql: "SELECT number FROM term ORDER BY number")
        for (place, term) in terms.enumerated() {
            if place % 4096 == 0 { progress(Double(place) / Double(terms.count)) }
            let keys = PostingWriter.keys(of: term)
            if numbers == nil {
                let parts = try Int.fetchOne(
                    db.cachedStatement(sql: "SELECT count(*) FROM posting WHERE key BETWEEN ? AND ?"),
                    arguments: [keys.lowerBound, keys.upperBound])
                if parts == 1 { continue }
            }
            var postings: [Posting] = []
            for list in try PostingWriter.lists(of: term, db) {
                for var posting in try list.postings() {
                    if let numbers {
                        guard let moved = numbers[posting.document] else { continue }
                        posting.document = moved
                    }
                    postings.append(posting)
                }
            }
            try db.cachedStatement(sql: "DELETE FROM posting WHERE key BETWEEN ? AND ?")
                .execute(arguments: [keys.lowerBound, keys.upperBound])
            if postings.isEmpty {
                try db.execute(sql: "DELETE FROM term WHERE number = ?", arguments: [term])
            } else {
                try PostingWriter.insert(
                    Data(PostingList.encode(postings, lengths: table.lengths)), key: keys.lowerBound, db)
            }
        }
        progress(1)
    }
}

/// The numbers that passages get when the deleted ones are left out.
struct PassageNumbers {
    /// What the passage table is afterwards.
    private(set) var table = PassageTable()
    private var moved: [UInt32] = []

    init(_ old: PassageTable) {
        moved.reserveCapacity(old.count)
        for passage in 0..<UInt32(old.count) {
            if old.deleted.contains(passage) {
                moved.append(.max)
            } else {
                moved.append(UInt32(table.count))
                table.append(
                    length: old.lengths[Int(passage)], beginsDocument: old.beginnings.contains(passage))
            }
        }
    }

    /// Nil for a deleted passage, or one that never was.
    subscript(passage: UInt32) -> UInt32? {
        guard Int(passage) < moved.count, moved[Int(passage)] != .max else { return nil }
        return moved[Int(passage)]
    }
}

/// Another way to store the token vectors that an index has.
public struct TokenVectorConversion: Sendable, Equatable {
    /// Nil for the form that they have.
    public var form: TokenVectorForm?
    /// Nil for the pooling that they have.
    public var pooling: TokenPooling?

    public init(form: TokenVectorForm? = nil, pooling: TokenPooling? = nil) {
        self.form = form
        self.pooling = pooling
    }

    func applied(to stored: TokenVectorSettings?, path: String) throws(RankingError) -> TokenVectorSettings {
        guard var settings = stored else {
            throw RankingError(
                .invalidInput, what: "\(path) has no token vectors.",
                why: "It was built without a late-interaction model.",
                fix: "Build it again with --late-interaction MODEL.")
        }
        if let form {
            let dimension = settings.model.dimension
            guard form.bytesPerVector(dimension: dimension) <= settings.form.bytesPerVector(dimension: dimension)
            else {
                throw RankingError(
                    .invalidInput,
                    what: "\(path) has token vectors in \(settings.form.rawValue); \(form.rawValue) has more bytes.",
                    why: "What was rounded away does not come back.",
                    fix: "Build the index again with --token-vectors \(form.rawValue).")
            }
            settings.form = form
        }
        if let pooling, pooling != settings.pooling {
            guard settings.pooling.factor == 1 else {
                throw RankingError(
                    .invalidInput,
                    what: "The token vectors of \(path) are pooled by \(settings.pooling.factor) already.",
                    why: "Means of means are not what one pooling gives.",
                    fix: "Build the index again with --token-pooling \(pooling.factor).")
            }
            settings.pooling = pooling
        }
        return settings
    }
}
