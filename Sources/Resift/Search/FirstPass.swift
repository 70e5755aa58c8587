import Inference
import Ranking
import Retrieval

/// The first pass of one search, on one commit of the index.
struct FirstPass: Sendable {
    let query: String
    /// Nil where no pool is dense.
    let vector: [Float]?
    /// [tokens, dimension]; nil where no pool is of late interaction.
    let tokenVectors: [Float]?
    let pools: [CandidatePool]
    let options: SearchOptions
    let compute: ComputePool

    struct Found: Sendable {
        /// In the order of the fusion, at most the pool size.
        var results: [SearchResult]
        var pools: [PoolReport]
        var fusedCandidates: Int
        /// In the whole index.
        var passages: Int
    }

    func run(_ snapshot: borrowing IndexSnapshot) throws -> Found {
        let hits = try search(snapshot)
        let fused = try fuse(hits)
        let places = hits.map { pool in
            Dictionary(uniqueKeysWithValues: pool.documents.enumerated().map { (Array($1.id.utf8), $0) })
        }
        let kept = fused.prefix(options.poolSize)
        var found: [(FusedDocument, [DocumentHit?])] = []
        for document in kept {
            let id = Array(document.documentID.utf8)
            found.append((document, zip(hits, places).map { pool, places in places[id].map { pool.documents[$0] } }))
        }
        let documents = try snapshot.documents(found.compactMap { $1.lazy.compactMap(\.self).first?.first })
        var results: [SearchResult] = []
        for (place, (stored, (fused, hits))) in zip(documents, found).enumerated() {
            results.append(try result(stored, fused, hits, rank: place + 1, snapshot))
        }
        let reports = zip(pools, hits).map { pool, hits in
            PoolReport(
                name: pool.name, stage: pool.stage, candidates: hits.documents.count, searched: hits.searched,
                milliseconds: hits.milliseconds)
        }
        return Found(results: results, pools: reports, fusedCandidates: fused.count, passages: snapshot.passageCount)
    }

    // MARK: Searching

    private struct PoolHits {
        var documents: [DocumentHit]
        var searched: Bool
        var milliseconds: Double
    }

    /// A search that has read what it needs, and, afterwards, what it found.
    private enum Search {
        case bm25(LexicalSearch, depth: Int)
        case dense(DenseSearch)
        case lateInteraction(LateInteractionSearch)
    }

    private enum Outcome {
        case bm25(LexicalSearch, [PassageHit], depth: Int)
        case dense(DenseSearch, DenseResult)
        case lateInteraction(LateInteractionSearch, LateInteractionCandidates)
    }

    private func search(_ snapshot: borrowing IndexSnapshot) throws -> [PoolHits] {
        let clock = ContinuousClock()
        // Only this thread may read the index. The searches need it no more, until they look documents up.
        var searches: [Search] = []
        var milliseconds: [Double] = []
        for pool in pools {
            let begin = clock.now
            let passages = try snapshot.passages(matching: filter(of: pool))
            switch pool.stage {
            case .bm25:
                searches.append(
                    .bm25(try snapshot.lexicalSearch(query, bm25: options.bm25, in: passages), depth: pool.depth))
            case .dense:
                searches.append(.dense(try snapshot.denseSearch(vector ?? [], limit: pool.depth, in: passages)))
            case .colbert:
                searches.append(
                    .lateInteraction(
                        try snapshot.lateInteractionSearch(tokenVectors ?? [], limit: pool.depth, in: passages)))
            }
            milliseconds.append((clock.now - begin).milliseconds)
        }
        let outcomes = compute.withLane { lane in
            var outcomes = [(Result<Outcome, any Error>, Double)?](repeating: nil, count: searches.count)
            let prepared = searches
            outcomes.withUnsafeMutableBufferPointer { buffer in
                let slots = buffer
                lane.parallelFor(prepared.count) { place, _ in
                    let begin = clock.now
                    let outcome = Result { try FirstPass.run(prepared[place], on: lane) }
                    slots[place] = (outcome, (clock.now - begin).milliseconds)
                }
            }
            return outcomes
        }
        var hits: [PoolHits] = []
        for (place, outcome) in outcomes.enumerated() {
            guard let (result, spent) = outcome else { continue }
            let begin = clock.now
            let (documents, searched) = try self.documents(result.get(), snapshot)
            milliseconds[place] += spent + (clock.now - begin).milliseconds
            hits.append(PoolHits(documents: documents, searched: searched, milliseconds: milliseconds[place]))
        }
        return hits
    }

    private func filter(of pool: CandidatePool) -> Filter? {
        switch (options.filter, pool.filter) {
        case (let common?, let own?): .all([common, own])
        case (let only, nil), (nil, let only): only
        }
    }

    private static func run(_ search: Search, on lane: Lane) throws -> Outcome {
        switch search {
        case .bm25(let search, let depth): .bm25(search, try search.documents(limit: depth), depth: depth)
        case .dense(let search): .dense(search, try search.candidates(on: lane))
        case .lateInteraction(let search): .lateInteraction(search, try search.candidates(on: lane))
        }
    }

    private func documents(
        _ outcome: Outcome, _ snapshot: borrowing IndexSnapshot
    ) throws -> ([DocumentHit], searched: Bool) {
        switch outcome {
        case .bm25(let search, let hits, let depth): (try snapshot.hits(hits, limit: depth), search.hasTerms)
        case .dense(let search, let candidates):
            (try compute.withLane { lane in try snapshot.hits(search, candidates, on: lane) }, true)
        case .lateInteraction(let search, let candidates):
            (try compute.withLane { lane in try snapshot.hits(search, candidates, on: lane) }, true)
        }
    }

    // MARK: Fusing

    private func fuse(_ hits: [PoolHits]) throws -> [FusedDocument] {
        var runs: [RankedRun] = []
        for (pool, hits) in zip(pools, hits) {
            runs.append(
                try RankedRun(
                    name: pool.name,
                    entries: hits.documents.map { RankedRun.Entry(documentID: $0.id, score: $0.score) }))
        }
        let weights = pools.map(\.weight)
        switch options.fusion {
        case .reciprocalRank(let rankConstant):
            return try ReciprocalRankFusion(rankConstant: rankConstant).fuse(runs, weights: weights)
        case .convexCombination(let normalization):
            return try ConvexCombination(normalization: normalization).fuse(runs, weights: weights)
        }
    }

    private var fusedKind: SearchScoreKind {
        switch options.fusion {
        case .reciprocalRank: .reciprocalRankFusion
        case .convexCombination: .convexCombination
        }
    }

    // MARK: Results

    private func result(
        _ stored: StoredDocument, _ fused: FusedDocument, _ hits: [DocumentHit?], rank: Int,
        _ snapshot: borrowing IndexSnapshot
    ) throws -> SearchResult {
        // The passage that the pool with the best rank found; with one pool its own.
        let best = zip(fused.ranks, hits).compactMap { rank, hit in
            rank.flatMap { rank in hit.map { (rank, $0.passage) } }
        }.min { $0.0 < $1.0 }
        let number = best?.1 ?? stored.first
        let only = pools.count == 1 ? hits[0] : nil
        var result = SearchResult(
            document: stored.document, passage: nil, score: only?.score ?? fused.score,
            scoreKind: only == nil ? fusedKind : pools[0].stage.scoreKind, firstStageRank: rank,
            fusedScore: fused.score,
            poolRanks: zip(fused.ranks, hits).map { rank, hit in
                rank.flatMap { rank in hit.map { PoolRank(rank: rank, score: $0.score) } }
            })
        if stored.passages.count > 1, let range = stored.passage(number) {
            result.passage = stored.document.passage(range)
        }
        if options.explain, pools.contains(where: { $0.stage == .bm25 }) {
            result.explanation = try snapshot.explain(query, passage: number, of: stored, bm25: options.bm25)
        }
        return result
    }
}

extension FirstStage {
    fileprivate var scoreKind: SearchScoreKind {
        switch self {
        case .bm25: .bm25
        case .dense: .similarity
        case .colbert: .maxSim
        }
    }
}

extension IndexDocument {
    /// A passage by its UTF-8 offsets, as callers see it: by Unicode code points.
    fileprivate func passage(_ range: Range<Int>) -> Passage {
        let utf8 = text.utf8
        let start = utf8.index(utf8.startIndex, offsetBy: min(range.lowerBound, utf8.count))
        let end = utf8.index(utf8.startIndex, offsetBy: min(range.upperBound, utf8.count))
        let before = text.unicodeScalars.distance(from: text.startIndex, to: start)
        return Passage(
            start: before, end: before + text.unicodeScalars.distance(from: start, to: end),
            text: String(decoding: utf8[start..<end], as: UTF8.self))
    }
}
