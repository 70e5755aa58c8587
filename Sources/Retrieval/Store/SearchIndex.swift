import GRDB
import Inference
public import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An index file, open for searches. Any number of tasks can use it at the same time, while another process writes.
///
/// Each `read` sees one commit of the file. What it loads (the passage table, posting lists, vectors) is kept for the
/// reads after it until a commit changes the file.
public final class SearchIndex: Sendable {
    public let path: String
    public let settings: IndexSettings
    /// Nothing outside this can be seen through this handle.
    public let scope: Filter?
    private let pool: DatabasePool
    private let state: Monitor<State>

    struct State: Sendable {
        /// Of the commit that the rest was read at; nil before the first read.
        var generation: Int?
        var table = PassageTable()
        var fields: [UTF8Key: Int64] = [:]
        var fieldNames: [String] = []
        var documents = 0
        /// Of the settings, what a compaction can change.
        var lateInteraction: TokenVectorSettings?
        var scope: DocumentSet?
        let postings = Monitor(PostingCache())
        /// Empty until a search asks for them.
        let luceneLengths = Monitor<[UInt32]>([])
        /// Nil until a dense search needs them.
        var vectors: LoadedVectors?
        /// Nil until late interaction needs them.
        var centroids: StoredCentroids?
        var tokenChunks: LoadedTokenChunks?
    }

    struct LoadedVectors: Sendable {
        var generation: Int?
        var chunks: [VectorChunkRow]
    }

    struct LoadedTokenChunks: Sendable {
        var generation: Int?
        var chunks: [TokenChunkRow]
    }

    /// Opens an index.
    ///
    /// - Parameter scope: A filter that every search through this handle obeys, on top of its own: another tenant's
    ///   documents cannot appear, whatever is searched for.
    ///
    /// Throws `notFound`, `corruptFile`, and `invalidInput` where the index demands a tenant (`IndexSettings.tenantField`)
    /// and the scope does not name one.
    public static func open(path: String, scope: Filter? = nil) throws(RankingError) -> SearchIndex {
        let index = try openUnscoped(path: path, scope: scope)
        if let field = index.settings.tenantField, !(scope?.demandsOneValue(of: field) ?? false) {
            throw RankingError(
                .invalidInput, what: "\(path) holds the documents of several tenants, and none was named.",
                why: "It was built so that every search sees one value of \"\(field)\".",
                fix: "Name the tenant: --tenant VALUE, or the scope `\(field) = VALUE`.")
        }
        return index
    }

    /// Opens an index for one tenant: only documents whose tenant field has this value can be seen.
    ///
    /// Throws as `open(path:scope:)` does, and `invalidInput` for an index without a tenant field.
    public static func open(path: String, tenant: String) throws(RankingError) -> SearchIndex {
        guard let field = try openUnscoped(path: path).settings.tenantField else {
            throw RankingError(
                .invalidInput, what: "\(path) has no tenant field.", why: "It was built for one tenant.",
                fix: "Search it without a tenant, or build it again with --tenant-field.")
        }
        return try open(path: path, scope: .compare(field: field, .equal, .string(tenant)))
    }

    /// For what looks at the index as a whole, and shows none of its documents.
    static func openUnscoped(path: String, scope: Filter? = nil) throws(RankingError) -> SearchIndex {
        try IndexFile.checkIsThere(path: path)
        return try IndexFile.reporting(path) {
            let pool = try IndexFile.readable(path: path)
            let settings = try pool.read { db in
                try IndexFile.checkSchema(db, path: path)
                return try IndexSettings(db)
            }
            return SearchIndex(path: path, settings: settings, scope: scope, pool: pool)
        }
    }

    private init(path: String, settings: IndexSettings, scope: Filter?, pool: DatabasePool) {
        self.path = path
        self.settings = settings
        self.scope = scope
        self.pool = pool
        state = Monitor(State())
    }

    /// Calls `body` with one commit of the index. Throws what `body` throws, RankingError, or CancellationError.
    public func read<Result: Sendable>(
        _ body: @escaping @Sendable (borrowing IndexSnapshot) throws -> Result
    ) async throws -> Result {
        do {
            return try await pool.read { db in
                let snapshot = IndexSnapshot(index: self, db: db, state: try self.currentState(db))
                return try body(snapshot)
            }
        } catch let error as DatabaseError {
            throw IndexFile.error(error, path: path)
        } catch let error as RowDecodingError {
            throw IndexFile.error(error)
        }
    }

    /// The state that belongs to the commit that `db` sees.
    private func currentState(_ db: Database) throws -> State {
        let generation = try IndexProperty.generation.count(db)
        let known = state.withLock { $0 }
        if known.generation == generation { return known }
        let stored = try IndexSettings(db)
        guard stored.agrees(with: settings) else { throw IndexSettings.changed(path) }
        var fresh = State(generation: generation, documents: try IndexProperty.documents.count(db))
        fresh.lateInteraction = stored.lateInteraction
        fresh.table = try PassageTable(db)
        for row in try Row.fetchAll(db, sql: "SELECT number, name FROM field ORDER BY name") {
            let name = String(decoding: try row.blob(1), as: UTF8.self)
            fresh.fields[UTF8Key(name)] = try row.int64(0)
            fresh.fieldNames.append(name)
        }
        // Chunks that did not change since are kept.
        fresh.vectors = known.vectors
        if fresh.lateInteraction == known.lateInteraction {
            fresh.tokenChunks = known.tokenChunks
            fresh.centroids = known.centroids
        }
        if let scope { fresh.scope = try FilterEvaluation(state: fresh, db: db).passages(matching: scope) }
        let loaded = fresh
        state.withLock { if ($0.generation ?? -1) < generation { $0 = loaded } }
        return fresh
    }

    /// Changes what is kept, as long as it is of this generation.
    func update(_ generation: Int?, _ change: (inout State) -> Void) {
        state.withLock { if $0.generation == generation { change(&$0) } }
    }
}

/// One commit of an index, for the time of one read.
public struct IndexSnapshot: ~Copyable {
    let index: SearchIndex
    let db: Database
    let state: SearchIndex.State

    public var settings: IndexSettings {
        var settings = index.settings
        settings.lateInteraction = state.lateInteraction
        return settings
    }
    /// Documents that are not deleted, of all tenants.
    public var documentCount: Int { state.documents }
    /// Passages that are not deleted, of all tenants.
    public var passageCount: Int { state.table.liveCount }
    /// N and the mean length that BM25 computes with.
    public var collection: CollectionStatistics { state.table.collection }
    /// The metadata fields that documents have, by name.
    public var fieldNames: [String] { state.fieldNames }

    init(index: SearchIndex, db: Database, state: SearchIndex.State) {
        self.index = index
        self.db = db
        self.state = state
    }

    /// The passages that a filter and the handle's scope let through; nil where that is all of them. Throws
    /// `invalidInput` for a field that no document has.
    public func passages(matching filter: Filter?) throws -> DocumentSet? {
        scoped(try filter.map { try FilterEvaluation(state: state, db: db).passages(matching: $0) })
    }

    /// Of these passages, or of all where nil, those inside the handle's scope; nil where that is all of them.
    func scoped(_ passages: DocumentSet?) -> DocumentSet? {
        guard let scope = state.scope, var passages else { return passages ?? state.scope }
        passages.formIntersection(scope)
        return passages
    }

    /// The document with an id; nil where there is none in this handle's scope.
    public func document(id: String) throws -> StoredDocument? {
        guard
            let row = try Row.fetchOne(
                db.cachedStatement(sql: "\(StoredDocument.query) WHERE id = ?"),
                arguments: [Data(id.utf8)])
        else { return nil }
        let stored = try StoredDocument(row)
        if let scope = state.scope, !scope.contains(stored.first) { return nil }
        return stored
    }

    /// The documents that begin with these passages, in the same order. Throws `notFound` for one outside the handle's
    /// scope.
    public func documents(_ firsts: [UInt32]) throws -> [StoredDocument] {
        try firsts.map { first in
            if let scope = state.scope, !scope.contains(first) {
                throw RankingError(
                    .notFound, what: "Passage \(first) begins no document that can be seen here.",
                    why: "The index was opened for a part of its documents.", fix: "Look up what a search found.")
            }
            guard
                let row = try Row.fetchOne(
                    db.cachedStatement(sql: "\(StoredDocument.query) WHERE document.first = ?"),
                    arguments: [first])
            else { throw IndexProperty.corrupt("lacks the document of passage \(first)") }
            return try StoredDocument(row)
        }
    }

    /// The ids of documents, in the same order; many at a time, because every search needs a hundred.
    func ids(ofDocuments firsts: [UInt32]) throws -> [String] {
        let batch = 64
        let places = Array(repeating: "?", count: batch).joined(separator: ", ")
        let statement = try db.cachedStatement(sql: "SELECT first, id FROM document WHERE first IN (\(places))")
        var ids: [UInt32: String] = [:]
        ids.reserveCapacity(firsts.count)
        for start in stride(from: 0, to: firsts.count, by: batch) {
            let own = firsts[start..<min(firsts.count, start + batch)]
            // The last number fills the places that are left.
            let padded = Array(own) + Array(repeating: own[own.endIndex - 1], count: batch - own.count)
            let rows = try Row.fetchCursor(statement, arguments: StatementArguments(padded))
            while let row = try rows.next() {
                guard let first = UInt32(exactly: try row.int64(0)) else { continue }
                ids[first] = String(decoding: try row.blob(1), as: UTF8.self)
            }
        }
        return try firsts.map { first in
            guard let id = ids[first] else { throw IndexProperty.corrupt("lacks the document of passage \(first)") }
            return id
        }
    }
}
