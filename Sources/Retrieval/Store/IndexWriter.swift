import GRDB
import OrderedJSON
public import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Changes an index file, in transactions: what happens between two commits happens whole or not at all, even if the
/// process is killed. Readers of the file see it from their next read on. Not for several threads.
///
/// Postings of new documents are kept in memory until the commit, about 3 bytes each.
public final class IndexWriter {
    public let path: String
    public internal(set) var settings: IndexSettings
    let queue: DatabaseQueue
    var table = PassageTable()
    /// Postings of the passages that this transaction added.
    var pending: InvertedIndexBuilder?
    /// Passages of each term that this transaction deleted.
    var removals: [UTF8Key: (term: [UInt8], passages: Int)] = [:]
    var changedChunks: Set<Int> = []
    var documentCount = 0
    var vectors: VectorWriter?
    var tokenVectors: TokenVectorWriter?
    /// False while an index is built, whose vectors wait for centroids until all of them are there.
    var learnsCentroids = true
    private var fields: [UTF8Key: Int64] = [:]
    private var isOpen = false

    /// Opens an index to change it. Throws `notFound`, `corruptFile` or `busy`.
    public static func open(path: String) throws(RankingError) -> IndexWriter {
        try IndexFile.checkIsThere(path: path)
        return try IndexFile.reporting(path) {
            let queue = try IndexFile.writable(path: path)
            let settings = try queue.read { db in
                try IndexFile.checkSchema(db, path: path)
                return try IndexSettings(db)
            }
            return IndexWriter(path: path, settings: settings, queue: queue)
        }
    }

    /// Writes an empty index where no file is.
    static func create(path: String, settings: IndexSettings) throws(RankingError) -> IndexWriter {
        try IndexFile.reporting(path) {
            let queue = try IndexFile.writable(path: path, isNew: true)
            try queue.write { db in
                try IndexSchema.create(in: db)
                try settings.write(db)
                for property in [IndexProperty.generation, .documents, .nextTerm] { try property.set(0, db) }
            }
            return IndexWriter(path: path, settings: settings, queue: queue)
        }
    }

    private init(path: String, settings: IndexSettings, queue: DatabaseQueue) {
        self.path = path
        self.settings = settings
        self.queue = queue
    }

    /// Keeps every other connection out until this process ends.
    func lockFile() throws(RankingError) {
        try IndexFile.reporting(path) {
            try queue.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; BEGIN IMMEDIATE; COMMIT")
            }
        }
    }

    /// Documents in the index, those of this transaction included. Only inside a transaction.
    public var documents: Int { documentCount }

    /// Begins a transaction. Throws `busy` where another process is in one.
    public func begin() throws(RankingError) {
        try IndexFile.reporting(path) {
            try queue.writeWithoutTransaction { db in
                let before = FileIdentity(path: path)
                try db.beginTransaction(.immediate)
                do {
                    guard before == FileIdentity(path: path) else {
                        throw RankingError(
                            .busy, what: "\(path) was replaced just now.", why: "Another process built it anew.",
                            fix: "Run the command again.")
                    }
                    try load(db)
                } catch {
                    try db.rollback()
                    throw error
                }
            }
            isOpen = true
        }
    }

    private func load(_ db: Database) throws {
        let stored = try IndexSettings(db)
        guard stored.agrees(with: settings) else { throw IndexSettings.changed(path) }
        settings = stored
        table = try PassageTable(db)
        documentCount = try IndexProperty.documents.count(db)
        pending = nil
        removals = [:]
        changedChunks = []
        fields = [:]
        for row in try Row.fetchAll(db, sql: "SELECT number, name FROM field") {
            fields[UTF8Key(String(decoding: try row.blob(1), as: UTF8.self))] = try row.int64(0)
        }
        vectors = try settings.embedder.map { try VectorWriter(dimension: $0.dimension, count: table.count, db) }
        tokenVectors = try settings.lateInteraction.map { try TokenVectorWriter($0, count: table.count, db) }
    }

    /// Forgets everything since `begin()`.
    public func rollback() throws(RankingError) {
        guard isOpen else { return }
        isOpen = false
        try IndexFile.reporting(path) {
            try queue.writeWithoutTransaction { db in if db.isInsideTransaction { try db.rollback() } }
        }
    }

    /// Closes the file. The writer cannot be used any more.
    public func close() throws(RankingError) { try IndexFile.reporting(path) { try queue.close() } }

    /// Adds a document. Throws `invalidInput` where the index has its id, or where it does not fit the index; nothing
    /// of it is in the transaction then.
    public func add(_ entry: IndexEntry) throws(RankingError) {
        try entry.check(settings)
        try IndexFile.reporting(path) {
            try queue.writeWithoutTransaction { db in try add(entry, db) }
        }
    }

    private func add(_ entry: IndexEntry, _ db: Database) throws {
        let document = entry.document
        let first = table.count
        guard first + entry.passages.count < Int(UInt32.max) else {
            throw RankingError(
                .invalidInput, what: "\(path) is full: it has \(first) passages.", why: "Passage numbers have 32 bits.",
                fix: "Use several indexes, or `resift index compact` after deletions.")
        }
        let quantized = try vectors?.quantized(entry.vectors) ?? []
        let metadata = document.metadata.members.isEmpty ? nil : Data(JSONValue.object(document.metadata).compact.utf8)
        let spans = entry.passages.count > 1 ? Data(PassageSpans.encode(entry.passages)) : nil
        do {
            try db.cachedStatement(
                sql: "INSERT INTO document (first, id, title, metadata, spans) VALUES (?, ?, ?, ?, ?)"
            ).execute(arguments: [first, Data(document.id.utf8), Data(document.title.utf8), metadata, spans])
            try db.cachedStatement(sql: "INSERT INTO content (first, text) VALUES (?, ?)")
                .execute(arguments: [first, Data(document.text.utf8)])
        } catch let error as DatabaseError where error.extendedResultCode == .SQLITE_CONSTRAINT_UNIQUE {
            throw RankingError(
                .invalidInput, what: "There are two documents with the id \"\(document.id)\".",
                why: "An index holds each id once.", fix: "Remove one, or replace the old one with --existing update.",
                cause: error)
        }
        var builder = pending ?? InvertedIndexBuilder(analyzer: settings.analyzer, after: table.lengths)
        pending = nil
        for (place, passage) in entry.passages.enumerated() {
            let number = try builder.add(document.passageText(passage))
            table.append(length: builder.lengths[Int(number)], beginsDocument: place == 0)
            changedChunks.insert(Int(number) / PassageTable.chunkCount)
        }
        pending = builder
        for (field, value) in MetadataValue.entries(of: document.metadata) {
            try insertAttribute(field, value, document: first, db)
        }
        try vectors?.append(quantized, entry.vectors, first: first, db)
        try tokenVectors?.append(entry.tokenVectors, first: first, db)
        documentCount += 1
    }

    private func insertAttribute(_ name: String, _ value: MetadataValue, document: Int, _ db: Database) throws {
        let key = UTF8Key(name)
        var field = fields[key]
        if field == nil {
            try db.execute(sql: "INSERT INTO field (name) VALUES (?)", arguments: [Data(name.utf8)])
            field = db.lastInsertedRowID
            fields[key] = field
        }
        // A list can hold a value twice.
        try db.cachedStatement(
            sql: "INSERT OR IGNORE INTO attribute (field, kind, value, document) VALUES (?, ?, ?, ?)"
        ).execute(arguments: [field, value.storedKind, value.storedValue, document])
    }

    public func contains(id: String) throws(RankingError) -> Bool {
        try IndexFile.reporting(path) {
            try queue.read { db in
                try Int.fetchOne(db, sql: "SELECT 1 FROM document WHERE id = ?", arguments: [Data(id.utf8)]) != nil
            }
        }
    }

    /// Deletes a document; false where the index does not have it.
    @discardableResult
    public func delete(id: String) throws(RankingError) -> Bool {
        try IndexFile.reporting(path) { try queue.writeWithoutTransaction { db in try delete(id: id, db) } }
    }

    /// Deletes documents in a transaction of its own, and returns how many there were. Throws `notFound`, and deletes
    /// none, where the index lacks one of them, unless `ignoringMissing`.
    public func delete(ids: [String], ignoringMissing: Bool) throws(RankingError) -> Int {
        try begin()
        do throws(RankingError) {
            var deleted = 0
            for id in ids {
                if try delete(id: id) {
                    deleted += 1
                } else if !ignoringMissing {
                    throw RankingError(
                        .notFound, what: "\(path) has no document \"\(id)\".",
                        why: "It was never added, or is deleted already. Nothing was deleted now.",
                        fix: "Leave it out, or pass over such ids with --ignore-missing.")
                }
            }
            try commit()
            return deleted
        } catch {
            try rollback()
            throw error
        }
    }

    private func delete(id: String, _ db: Database) throws -> Bool {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "\(StoredDocument.query) WHERE id = ?"), arguments: [Data(id.utf8)])
        else { return false }
        let stored = try StoredDocument(row)
        for (place, passage) in stored.passages.enumerated() {
            let number = stored.first + UInt32(place)
            table.delete(number)
            changedChunks.insert(Int(number) / PassageTable.chunkCount)
            var seen: Set<UTF8Key> = []
            settings.analyzer.forEachTerm(of: stored.document.passageText(passage)) { bytes, _ in
                let key = UTF8Key(bytes)
                if seen.insert(key).inserted {
                    removals[key, default: (Array(bytes), 0)].passages += 1
                }
            }
            for table in ["vector", "token_vector"] {
                try db.cachedStatement(sql: "DELETE FROM \(table) WHERE passage = ?").execute(arguments: [number])
            }
        }
        for (field, value) in MetadataValue.entries(of: stored.document.metadata) {
            try db.cachedStatement(
                sql: "DELETE FROM attribute WHERE field = ? AND kind = ? AND value = ? AND document = ?"
            ).execute(arguments: [fields[UTF8Key(field)], value.storedKind, value.storedValue, stored.first])
        }
        for table in ["document", "content"] {
            try db.cachedStatement(sql: "DELETE FROM \(table) WHERE first = ?").execute(arguments: [stored.first])
        }
        documentCount -= 1
        return true
    }

    /// Ends the transaction: from here on all of it is in the file, on the disk. `settingProperties` can write more
    /// into the same transaction.
    public func commit() throws(RankingError) { try commit { _ in } }

    func commit(_ writeMore: (Database) throws -> Void) throws(RankingError) {
        try IndexFile.reporting(path) {
            try queue.writeWithoutTransaction { db in
                try flush(db)
                try writeMore(db)
                try db.commit()
            }
            isOpen = false
        }
    }

    /// Writes what is only in memory yet.
    func flush(_ db: Database) throws {
        if let pending {
            try PostingWriter(lengths: table.lengths).append(pending.finish(), db)
            self.pending = nil
        }
        for (_, removal) in removals {
            try db.cachedStatement(sql: "UPDATE term SET passages = passages - ? WHERE text = ?")
                .execute(arguments: [removal.passages, Data(removal.term)])
        }
        removals = [:]
        for chunk in changedChunks.sorted() {
            try db.cachedStatement(sql: "INSERT OR REPLACE INTO passage_chunk (number, passages) VALUES (?, ?)")
                .execute(arguments: [chunk, Data(table.encodeChunk(chunk))])
        }
        changedChunks = []
        let generation = try IndexProperty.generation.count(db) + 1
        try vectors?.flush(db)
        if learnsCentroids {
            // Of an index that was built without documents.
            try tokenVectors?.train(count: table.count, db, on: nil) { _ in }
        }
        try tokenVectors?.flush(db)
        try IndexProperty.generation.set(generation, db)
        try IndexProperty.documents.set(documentCount, db)
    }
}

extension PassageTable {
    init(_ db: Database) throws {
        let last = try Int.fetchOne(db, sql: "SELECT max(number) FROM passage_chunk") ?? -1
        // A number that is too high for the file is found out below.
        self.init(capacity: min(max(0, last + 1), 1 << 16) * PassageTable.chunkCount)
        let chunks = try Row.fetchCursor(db, sql: "SELECT number, passages FROM passage_chunk ORDER BY number")
        while let row = try chunks.next() {
            let number = try row.integer(0)
            guard number == self.chunks else { throw IndexProperty.corrupt("lacks passage chunk \(self.chunks)") }
            try row.withUnsafeData(atIndex: 1) { data in
                try (data ?? Data()).withUnsafeBytes { bytes in try appendChunk(bytes) }
            }
        }
    }
}
