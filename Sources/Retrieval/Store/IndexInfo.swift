import GRDB
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What is in an index.
public struct IndexInfo: Sendable {
    public var settings: IndexSettings
    public var documents: Int
    public var passages: Int
    /// Passages that are deleted, and still take space until the index is compacted.
    public var deletedPassages: Int
    public var terms: Int
    /// Bytes of all posting lists.
    public var postingBytes: Int
    /// Nil for an index without token vectors.
    public var tokenVectors: TokenVectorInfo?
    /// In terms.
    public var meanPassageLength: Double
    public var fieldNames: [String]
    /// Commits that changed the index since it was made.
    public var generation: Int
    /// Of the file, without its write-ahead log.
    public var fileBytes: Int

    /// Throws RankingError. An index that demands a tenant is described without one: nothing of its documents is shown.
    public static func read(path: String) async throws -> IndexInfo {
        try await SearchIndex.openUnscoped(path: path).read { snapshot in
            let db = snapshot.db
            func number(_ sql: String) throws -> Int { try Int.fetchOne(db, sql: sql) ?? 0 }
            return IndexInfo(
                settings: snapshot.settings, documents: snapshot.documentCount, passages: snapshot.passageCount,
                deletedPassages: snapshot.state.table.deletedCount, terms: try number("SELECT count(*) FROM term"),
                postingBytes: try number("SELECT sum(length(list)) FROM posting"),
                tokenVectors: try snapshot.settings.lateInteraction.map { settings in
                    let bytes = try number("SELECT sum(length(vectors)) FROM token_vector")
                    return TokenVectorInfo(
                        vectors: bytes / settings.form.bytesPerVector(dimension: settings.model.dimension),
                        bytes: bytes, centroids: try number("SELECT count(*) FROM centroid"))
                },
                meanPassageLength: snapshot.collection.averageLength, fieldNames: snapshot.fieldNames,
                generation: snapshot.state.generation ?? 0,
                fileBytes: try number("PRAGMA page_count") * number("PRAGMA page_size"))
        }
    }
}

/// What an index has of token vectors.
public struct TokenVectorInfo: Sendable, Equatable {
    public var vectors: Int
    /// Of the vectors, centroids and their lists not counted.
    public var bytes: Int
    public var centroids: Int
}
