import GRDB
package import Inference
import Ranking

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
            if number < known.count, known[number].generation == generation {
                chunks.append(known[number])
            } else if number == chunks.count,
                let chunk = try VectorChunkRow.fetch(number: number, dimension: dimension, db)
            {
                chunks.append(chunk)
            } else {
                throw IndexProperty.corrupt("lacks vector chunk \(chunks.count)")
            }
        }
        let loaded = SearchIndex.LoadedVectors(generation: state.generation, chunks: chunks)
        index.update(state.generation) { $0.vectors = loaded }
        return chunks
    }

    /// The best documents of a scan by the exact similarity of their best passage, best first.
    package func hits(_ search: DenseSearch, _ candidates: DenseResult, on lane: Lane?) throws -> [DocumentHit] {
        let documents = try BestDocuments(table: state.table, limit: search.limit).collect { count in
            var candidates = candidates
            // More passages than the scan was asked for: some documents have several among the best.
            if count > search.scanLimit, !candidates.isComplete {
                candidates = try search.candidates(limit: count, on: lane)
            }
            let best = try search.scan.rescored(candidates.passages, query: search.query(limit: count)) { passages in
                var rows: [Float] = []
                rows.reserveCapacity(passages.count * search.scan.dimension)
                for passage in passages {
                    guard let vector = try VectorCheck.vector(of: passage, dimension: search.scan.dimension, db) else {
                        throw IndexProperty.corrupt("lacks the vector of passage \(passage)")
                    }
                    rows += vector
                }
                return rows
            }
            return best.map { ScoredDocument(document: $0.passage, score: $0.score) }
        }
        return try hits(documents, limit: search.limit)
    }

    /// The best `limit` documents for a query's vector, best first; equal scores by document id, in byte order. A
    /// document's score is its best passage's. Throws RankingError.
    package func dense(_ vector: [Float], limit: Int, in passages: DocumentSet?, on lane: Lane? = nil) throws
        -> [DocumentHit]
    {
        let search = try denseSearch(vector, limit: limit, in: passages)
        return try hits(search, search.candidates(on: lane), on: lane)
    }
}

/// A dense search that has read all that its scan needs.
package struct DenseSearch: Sendable {
    let scan: DenseScan
    let vector: [Float]
    let limit: Int
    let allowed: DocumentSet?
    let table: PassageTable

    /// What `BestDocuments` asks for first.
    var scanLimit: Int { BestDocuments.firstCount(limit: limit) }

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
