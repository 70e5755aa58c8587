import GRDB
package import Inference
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension IndexSnapshot {
    /// The search that finds the passages nearest to a query's vector; its scan needs the snapshot no more.
    ///
    /// Throws `invalidInput` where the index has no vectors.
    package func denseSearch(_ vector: [Float], limit: Int, in passages: DocumentSet?) throws -> DenseSearch {
        guard let embedder = settings.embedder else {
            throw RankingError(
                .invalidInput, what: "\(index.path) has no vectors to search.",
                why: "It was built without an embedding model.", fix: "Build it again with --embedder.")
        }
        let chunks = try vectorChunks(dimension: embedder.dimension)
        return DenseSearch(
            scan: try DenseScan(
                chunks: chunks.map(\.chunk), dimension: embedder.dimension, kernels: Kernels.forThisMachine()),
            vector: vector, limit: limit, allowed: scoped(passages), table: state.table)
    }

    /// All chunks of this commit; those that did not change since the last read are not read again.
    private func vectorChunks(dimension: Int) throws -> [VectorChunkRow] {
        if let loaded = state.vectors, loaded.generation == state.generation { return loaded.chunks }
        let known = state.vectors?.chunks ?? []
        var chunks: [VectorChunkRow] = []
        for row in try Row.fetchAll(db, sql: "SELECT number, generation FROM vector_chunk ORDER BY number") {
            let (number, generation) = (try row.integer(0), try row.integer(1))
            guard number == chunks.count else { throw IndexProperty.corrupt("lacks vector chunk \(chunks.count)") }
            if number < known.count, known[number].generation == generation {
                chunks.append(known[number])
            } else if let chunk = try VectorChunkRow.fetch(number: number, dimension: dimension, db) {
                chunks.append(chunk)
            } else {
                throw IndexProperty.corrupt("lacks vector chunk \(chunks.count)")
            }
        }
        let loaded = SearchIndex.LoadedVectors(generation: state.generation, chunks: chunks)
        index.update(state.generation) { $0.vectors = loaded }
        return chunks
    }

    /// The fp32 vectors of passages, row by row.
    private func vectors(of passages: [UInt32], dimension: Int) throws -> [Float] {
        var rows: [Float] = []
        rows.reserveCapacity(passages.count * dimension)
        let statement = try db.cachedStatement(sql: "SELECT components FROM vector WHERE passage = ?")
        for passage in passages {
            let row = try Row.fetchCursor(statement, arguments: [passage])
            try row.next()?.withUnsafeData(atIndex: 0) { data in
                data?.withUnsafeBytes { LittleEndian.append($0, to: &rows) }
            }
        }
        guard rows.count == passages.count * dimension else {
            throw IndexProperty.corrupt("lacks vectors of \(dimension) numbers of some passages")
        }
        return rows
    }

    /// The best documents of a scan by the exact similarity of their best passage, best first.
    package func hits(_ search: DenseSearch, _ candidates: DenseResult, on lane: Lane?) throws -> [DocumentHit] {
        let documents = try search.documents.collect { count in
            var candidates = candidates
            // More passages than the scan was asked for: some documents have several among the best.
            if count > search.scanLimit, !candidates.isComplete {
                candidates = try search.candidates(limit: count, on: lane)
            }
            let best = try search.scan.rescored(candidates.passages, query: search.query(limit: count)) { passages in
                try vectors(of: passages, dimension: search.scan.dimension)
            }
            return best.map { ScoredDocument(document: $0.passage, score: $0.score) }
        }
        return try hits(documents, limit: search.limit)
    }

    /// The best `limit` documents for a query's vector, best first; equal scores by document id, in byte order. A
    /// document's score is its best passage's: the dot product of the fp32 vectors. On the calling thread.
    ///
    /// Throws RankingError: `invalidInput` where the index has no vectors or they have another dimension.
    public func dense(_ vector: [Float], limit: Int, in passages: DocumentSet?) throws -> [DocumentHit] {
        let search = try denseSearch(vector, limit: limit, in: passages)
        return try hits(search, search.candidates(on: nil), on: nil)
    }
}

/// A dense search that has read all that its scan needs.
package struct DenseSearch: Sendable {
    let scan: DenseScan
    let vector: [Float]
    let limit: Int
    let allowed: DocumentSet?
    let table: PassageTable

    /// Similarities are rarely equal, so that documents of one passage need one passage more. Each costs two fp32
    /// vectors.
    var documents: BestDocuments {
        BestDocuments(table: table, limit: limit, surplus: table.hasSplitDocuments ? 32 : 1)
    }

    /// What `documents` asks for first.
    var scanLimit: Int { documents.firstCount }

    func query(limit: Int) -> DenseQuery {
        DenseQuery(
            vector: vector, limit: limit, allowed: allowed, deleted: table.deletedCount > 0 ? table.deleted : nil)
    }

    func candidates(limit: Int, on lane: Lane?) throws -> DenseResult {
        try scan.candidates(for: query(limit: limit), on: lane)
    }

    /// The best passages by their quantized vectors.
    package func candidates(on lane: Lane?) throws -> DenseResult { try candidates(limit: scanLimit, on: lane) }
}
