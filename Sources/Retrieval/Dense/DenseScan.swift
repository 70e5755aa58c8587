package import Inference
package import Ranking

/// Dense retrieval by looking at every vector: exact over the quantized vectors, then exact over the real ones.
///
/// 1. Every allowed passage gets `(codes_q · codes_p) scale_q scale_p`, an approximation of `q · p` that differs from
///    it by rounding to eight bits only. The sum of codes is an exact integer.
/// 2. The best `DenseQuery.candidates` of them, equal ones by ascending passage, are scored again from their fp32
///    vectors: `Σᵢ qᵢ pᵢ`, i ascending, in double precision.
/// 3. These are sorted by that score, descending; equal scores by ascending passage. The first `limit` are returned.
///
/// The score is the plain dot product. It is the cosine where the vectors have unit length, which the model's
/// Normalize step, or the caller, takes care of. A passage is missed only where quantization moved it behind
/// `candidates` others.
///
/// No order or number of threads changes a bit of the result.
package struct DenseScan: Sendable {
    /// What a kernel can add up in 32 bits.
    package static let dimensions = 1...Kernels.maxInt8Dimension

    package let dimension: Int
    /// By ascending passage.
    package let chunks: [VectorChunk]
    /// Passages with a vector.
    package let count: Int
    private let kernels: Kernels

    /// - Parameter chunks: in any order.
    ///
    /// Throws RankingError: `invalidInput` for a dimension outside `dimensions`, `corruptFile` where a chunk has
    /// another dimension or two chunks hold the same passage.
    package init(chunks: [VectorChunk], dimension: Int, kernels: Kernels) throws(RankingError) {
        guard DenseScan.dimensions.contains(dimension) else {
            throw RankingError(
                .invalidInput, what: "Vectors of dimension \(dimension) cannot be searched.",
                why: "A dimension is in \(DenseScan.dimensions).", fix: "Use another embedding model.")
        }
        let sorted = chunks.sorted { $0.firstPassage < $1.firstPassage }
        if let chunk = sorted.first(where: { $0.dimension != dimension }) {
            throw DenseScan.corrupt(
                "The chunk of passage \(chunk.firstPassage) has vectors of \(chunk.dimension) numbers, not \(dimension)."
            )
        }
        for (chunk, next) in zip(sorted, sorted.dropFirst()) where chunk.passages.upperBound > next.firstPassage {
            throw DenseScan.corrupt("Passage \(next.firstPassage) is in two vector chunks.")
        }
        self.chunks = sorted
        self.dimension = dimension
        self.kernels = kernels
        count = sorted.reduce(0) { $0 + $1.count }
    }

    /// The best passages, on the threads of a pool. `vectors` is called once, on one of them, and may read a file.
    ///
    /// Throws what `search(_:on:vectors:)` throws.
    package func search(
        _ query: DenseQuery, pool: ComputePool, vectors: @escaping @Sendable ([UInt32]) throws -> [Float]
    ) async throws -> DenseResult {
        try await pool.run { lane in try search(query, on: lane, vectors: vectors) }
    }

    /// The best passages, on this thread or, with a lane, on the threads of its pool.
    ///
    /// - Parameter vectors: the fp32 vectors of passages, `[passages.count, dimension]` row by row, in the order asked
    ///   for, which is by ascending passage. Not called where no passage is allowed.
    ///
    /// Throws RankingError: `invalidInput` for a limit below 1 or a query of another dimension, `nonFiniteScore` for a
    /// query or a passage whose score is not a finite number, `corruptFile` where `vectors` returns too few or too many
    /// numbers; CancellationError where the lane's job is cancelled; and whatever `vectors` throws.
    package func search(
        _ query: DenseQuery, on lane: Lane? = nil, vectors: ([UInt32]) throws -> [Float]
    ) throws -> DenseResult {
        let found = try candidates(for: query, on: lane)
        return DenseResult(
            passages: try rescored(found.passages, query: query, vectors: vectors), allowedCount: found.allowedCount)
    }

    /// The first step alone: the best `query.candidates` passages by quantized vectors, best first, with their
    /// approximate scores.
    package func candidates(for query: DenseQuery, on lane: Lane? = nil) throws -> DenseResult {
        guard query.limit >= 1 else {
            throw RankingError(
                .invalidInput, what: "A search for \(query.limit) passages was asked for.",
                why: "A limit is at least 1.", fix: "Ask for one passage or more.")
        }
        guard query.vector.count == dimension else {
            throw RankingError(
                .invalidInput,
                what: "The query's vector has \(query.vector.count) numbers, those of the index have \(dimension).",
                why: "Vectors of different models cannot be compared.",
                fix: "Embed the query with the model that the index was built with.")
        }
        let quantized = try VectorQuantizer.quantize(query.vector)
        let workers = (0..<max(1, lane?.threads ?? 1)).map { _ in
            ScanWorker(query: query, codes: quantized.codes, limit: min(query.candidates, count), kernels: kernels)
        }
        if let lane {
            lane.parallelFor(chunks.count) { chunk, slot in
                // The others of a cancelled job are left out, and its result is never seen.
                if !lane.isCancelled { workers[slot].scan(chunks[chunk]) }
            }
            if lane.isCancelled { throw CancellationError() }
        } else {
            for chunk in chunks { workers[0].scan(chunk) }
        }
        let best = workers.flatMap(\.passages).sorted(by: ScoredDocument.precedes).prefix(query.candidates)
        // Multiplied in last: the product could make two scores equal, and their order depend on the threads.
        let scale = Double(quantized.scale)
        return DenseResult(
            passages: best.map { ScoredPassage(passage: $0.document, score: $0.score * scale) },
            allowedCount: workers.reduce(0) { $0 + $1.allowedCount })
    }

    /// The steps after the first: exact scores, sorted, the best `query.limit` of them.
    package func rescored(
        _ candidates: [ScoredPassage], query: DenseQuery, vectors: ([UInt32]) throws -> [Float]
    ) throws -> [ScoredPassage] {
        guard !candidates.isEmpty else { return [] }
        let passages = candidates.map(\.passage).sorted()
        let rows = try vectors(passages)
        guard rows.count == passages.count * dimension else {
            throw DenseScan.corrupt(
                "\(rows.count) numbers were stored for \(passages.count) vectors of dimension \(dimension).")
        }
        var scored: [ScoredPassage] = []
        scored.reserveCapacity(passages.count)
        for (index, passage) in passages.enumerated() {
            let score = DenseScan.dot(query.vector, rows[index * dimension..<(index + 1) * dimension])
            guard score.isFinite else {
                throw RankingError(
                    .nonFiniteScore, what: "The similarity of passage \(passage) to the query is \(score).",
                    why: "The passage's vector is not made of finite numbers.", fix: "Embed the passage again.")
            }
            scored.append(ScoredPassage(passage: passage, score: score))
        }
        return Array(scored.sorted(by: ScoredPassage.precedes).prefix(query.limit))
    }

    /// `Σᵢ aᵢ bᵢ`, i ascending. The product of two floats is exact in double precision.
    package static func dot(_ a: [Float], _ b: ArraySlice<Float>) -> Double {
        var sum = 0.0
        for (x, y) in zip(a, b) { sum += Double(x) * Double(y) }
        return sum
    }

    private static func corrupt(_ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: problem, why: "The index was damaged, or written by something else.",
            fix: "Build the index again.")
    }
}
