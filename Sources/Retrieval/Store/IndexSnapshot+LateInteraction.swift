import GRDB
public import Inference
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A document's late-interaction score from its stored token vectors.
public struct StoredMaxSim: Sendable, Equatable {
    /// `Σᵢ maxⱼ qᵢ · dⱼ`; of several passages, the best one's.
    public var score: Float
    /// The passage that it comes from; of equal ones the first.
    public var passage: UInt32
    /// Passages that were compared.
    public var passages: Int
    /// Token vectors that were compared.
    public var vectors: Int
}

extension IndexSnapshot {
    // MARK: Search

    /// The search that finds the passages nearest to a query's token vectors; its first steps need the snapshot no more.
    ///
    /// - Parameter query: [tokens, dimension], of unit length.
    ///
    /// Throws `invalidInput` where the index has no token vectors, or those of the query have another dimension.
    package func lateInteractionSearch(
        _ query: [Float], limit: Int, probing: LateInteractionProbing = LateInteractionProbing(),
        in passages: DocumentSet?
    ) throws -> LateInteractionSearch {
        try check(query)
        let stored = try storedCentroids()
        return LateInteractionSearch(
            query: query, centroids: stored.centroids,
            chunks: try tokenChunks(centroidCount: stored.centroids.count).map(\.chunk), limit: limit,
            probing: probing, allowed: scoped(passages), table: state.table, kernels: try Kernels.forThisMachine())
    }

    /// The best documents of a search's candidates by their exact scores, best first.
    package func hits(
        _ search: LateInteractionSearch, _ candidates: LateInteractionCandidates, on lane: Lane?
    ) throws -> [DocumentHit] {
        let codec = try storedCentroids().codec
        let documents = try search.documents.collect { count in
            var candidates = candidates
            // More passages than were scored: some documents have several among the best.
            if count > search.documents.firstCount { candidates = try search.candidates(count: count, on: lane) }
            func scored(_ passages: [UInt32], inBytes: Bool = false) throws -> [ScoredDocument] {
                let passages = passages.sorted()
                let compared = try StoredTokenVectors.compare(
                    passages.map { [$0] }, search.query, codec, inBytes: inBytes, db, on: lane)
                return zip(passages, compared).map { ScoredDocument(document: $0, score: Double($1.scores[0])) }
                    .sorted(by: ScoredDocument.precedes)
            }
            // Bytes tell which of many are worth the exact score.
            let kept = LateInteractionSearch.keptByBytes(of: count)
            if codec.form == .int8, candidates.passages.count > 2 * kept {
                candidates.passages = try scored(candidates.passages, inBytes: true).prefix(kept).map(\.document)
            }
            return Array(try scored(candidates.passages).prefix(count))
        }
        return try hits(documents, limit: search.limit)
    }

    /// The best `limit` documents of a search's candidates for a query's token vectors, best first; equal scores by document id, in byte order. A
    /// document's score is its best passage's: `Σᵢ maxⱼ qᵢ · dⱼ`. On the calling thread and the free ones of the pool.
    ///
    /// - Parameters:
    ///   - query: [tokens, dimension], of unit length: `LateInteractionEncoder.encode(queries:)`.
    ///   - passages: What may be found, from `passages(matching:)`; nil for all.
    ///
    /// Throws RankingError: `invalidInput` where the index has no token vectors, or they have another dimension.
    public func lateInteraction(
        _ query: [Float], limit: Int, probing: LateInteractionProbing = LateInteractionProbing(),
        in passages: DocumentSet?, pool: ComputePool = .shared
    ) throws -> [DocumentHit] {
        let search = try lateInteractionSearch(query, limit: limit, probing: probing, in: passages)
        return try pool.withLane { lane in try hits(search, search.candidates(on: lane), on: lane) }
    }

    // MARK: Reranking

    /// The late-interaction scores of documents, in the order of their ids; nil for those that the index does not have,
    /// in this handle's scope. On the calling thread and the free ones of the pool.
    ///
    /// - Parameter query: [tokens, dimension], of unit length: `LateInteractionEncoder.encode(queries:)`.
    ///
    /// Throws RankingError: `invalidInput` where the index has no token vectors, or they have another dimension.
    public func maxSim(
        _ query: [Float], documents ids: [String], pool: ComputePool = .shared
    ) throws -> [StoredMaxSim?] {
        try pool.withLane { lane in try maxSim(query, documents: ids, on: lane) }
    }

    private func maxSim(_ query: [Float], documents ids: [String], on lane: Lane) throws -> [StoredMaxSim?] {
        try check(query)
        let stored = try storedCentroids()
        let maxSim = MaxSim(
            query: query, dimension: stored.centroids.dimension, kernels: try Kernels.forThisMachine())
        let firsts = try ids.map { id in try first(ofDocument: id) }
        let passages = firsts.compactMap(\.self).map { Array(state.table.passages(ofDocument: $0)) }
        let compared = try StoredTokenVectors.compare(passages, maxSim, stored.codec, db, on: lane)
        var found = zip(passages, compared).makeIterator()
        return firsts.map { first in
            guard first != nil, let (passages, compared) = found.next() else { return nil }
            let scores = compared.scores
            let best = scores.indices.reduce(0) { scores[$1] > scores[$0] ? $1 : $0 }
            return StoredMaxSim(
                score: scores[best], passage: passages[best], passages: passages.count, vectors: compared.vectors)
        }
    }

    /// The number of a document's first passage; nil where the index does not have it, in this handle's scope.
    private func first(ofDocument id: String) throws -> UInt32? {
        guard
            let number = try Int64.fetchOne(
                db.cachedStatement(sql: "SELECT first FROM document WHERE id = ?"), arguments: [Data(id.utf8)])
        else { return nil }
        guard let first = UInt32(exactly: number), Int(first) < state.table.count else {
            throw IndexProperty.corrupt("has a document beyond its passages")
        }
        if let scope = state.scope, !scope.contains(first) { return nil }
        return first
    }

    // MARK: What is kept between reads

    private func check(_ query: [Float]) throws(RankingError) {
        guard let settings = settings.lateInteraction else {
            throw RankingError(
                .invalidInput, what: "\(index.path) has no token vectors.",
                why: "It was built without a late-interaction model.",
                fix: "Build it again with --late-interaction MODEL.")
        }
        let dimension = settings.model.dimension
        guard !query.isEmpty, query.count % dimension == 0, query.withUnsafeBufferPointer(Kernels.allFinite) else {
            throw RankingError(
                .invalidInput, what: "The query's \(query.count) numbers are no finite token vectors of \(dimension).",
                why: "Vectors of different models cannot be compared.",
                fix: "Encode the query with the late-interaction model that the index was built with.")
        }
    }

    /// Centroids never change once an index is built.
    private func storedCentroids() throws -> StoredCentroids {
        if let known = state.centroids { return known }
        let kernels = try Kernels.forThisMachine()
        guard let settings = state.lateInteraction else { throw IndexProperty.corrupt("has no token vectors") }
        guard let stored = try StoredCentroids(settings, kernels: kernels, db) else {
            guard state.table.liveCount == 0 else { throw IndexProperty.corrupt("has no centroids") }
            return StoredCentroids(ofNothing: settings, kernels: kernels)
        }
        index.update(state.generation) { $0.centroids = stored }
        return stored
    }

    /// All chunks of this commit; those that did not change since the last read are not read again.
    private func tokenChunks(centroidCount: Int) throws -> [TokenChunkRow] {
        if let loaded = state.tokenChunks, loaded.generation == state.generation { return loaded.chunks }
        let known = state.tokenChunks?.chunks ?? []
        var chunks: [TokenChunkRow] = []
        for row in try Row.fetchAll(db, sql: "SELECT number, generation FROM token_chunk ORDER BY number") {
            let (number, generation) = (try row.integer(0), try row.integer(1))
            guard number == chunks.count else { throw IndexProperty.corrupt("lacks token chunk \(chunks.count)") }
            if number < known.count, known[number].generation == generation {
                chunks.append(known[number])
            } else if let chunk = try TokenChunkRow.fetch(number: number, centroidCount: centroidCount, db) {
                chunks.append(chunk)
            } else {
                throw IndexProperty.corrupt("lacks token chunk \(chunks.count)")
            }
        }
        let passages = chunks.reduce(0) { $0 + $1.chunk.count }
        guard passages == state.table.count || (chunks.isEmpty && state.table.liveCount == 0) else {
            throw IndexProperty.corrupt("has token vectors of other passages than it has")
        }
        let loaded = SearchIndex.LoadedTokenChunks(generation: state.generation, chunks: chunks)
        index.update(state.generation) { $0.tokenChunks = loaded }
        return chunks
    }
}
