package import Inference
import Ranking

/// How far a late-interaction search looks.
public struct LateInteractionProbing: Sendable, Hashable {
    /// The nearest centroids of each token of the query, whose passages are looked at.
    public let centroids: Int
    /// How many of the best passages by centroids are scored exactly; never fewer than four times the limit.
    public let exact: Int

    public init(centroids: Int = 8, exact: Int = 1_024) {
        self.centroids = max(1, centroids)
        self.exact = max(1, exact)
    }
}

/// Late-interaction retrieval in three steps, after PLAID:
///
/// 1. The passages that have a token of one of the nearest centroids of a token of the query.
/// 2. Their MaxSim with every token's vector replaced by its centroid, in whole numbers: `Σᵢ maxⱼ round(127.5 (1 + qᵢ · cⱼ))`.
///    The best `LateInteractionProbing.exact` of them, equal ones by ascending passage, go on.
///    Of vectors in int8, a comparison in bytes takes the best of these, twice as many as are wanted.
/// 3. Their MaxSim from the stored vectors: `Σᵢ maxⱼ qᵢ · dⱼ`, sorted by it, descending; equal scores by ascending passage.
///
/// A passage is missed where no token of it is near a token of the query, or where centroids put others before it. No order
/// or number of threads changes a bit of the result.
///
/// Source: Santhanam et al., PLAID, CIKM 2022, <https://arxiv.org/abs/2205.09707>.
package struct LateInteractionSearch: Sendable {
    let query: MaxSim
    let limit: Int
    let chunks: [TokenChunk]
    let allowed: DocumentSet?
    let table: PassageTable
    private let probing: LateInteractionProbing
    private let centroidCount: Int
    /// [centroids, width], from 0 for -1 to 255 for 1; columns beyond the query's tokens are 0.
    private let similarities: [UInt8]
    private let width: Int
    /// The nearest centroids of the query's tokens, each once, ascending.
    private let nearest: [Int]

    /// - Parameter query: [tokens, dimension].
    init(
        query: [Float], centroids: Centroids, chunks: [TokenChunk], limit: Int, probing: LateInteractionProbing,
        allowed: DocumentSet?, table: PassageTable, kernels: Kernels
    ) {
        let tokens = query.count / centroids.dimension
        self.query = MaxSim(query: query, dimension: centroids.dimension, kernels: kernels)
        self.limit = limit
        self.chunks = chunks
        self.allowed = allowed
        self.table = table
        self.probing = probing
        centroidCount = centroids.count
        let lanes = Kernels.centroidLanes
        width = (tokens + lanes - 1) / lanes * lanes
        let products = LateInteractionSearch.products(query, tokens, centroids, kernels)
        similarities = LateInteractionSearch.rounded(products, tokens: tokens, width: width)
        nearest = LateInteractionSearch.nearest(
            products, tokens: tokens, count: min(probing.centroids, centroids.count))
    }

    /// Each centroid with each token of the query, [centroids, tokens].
    private static func products(
        _ query: [Float], _ tokens: Int, _ centroids: Centroids, _ kernels: Kernels
    ) -> [Float] {
        let buffer = FloatBuffer(query)
        let packed = kernels.pack(weight: MatrixView(buffer.base, rows: tokens, columns: centroids.dimension))
        return [Float](unsafeUninitializedCapacity: centroids.count * tokens) { out, initialized in
            initialized = centroids.count * tokens
            guard let base = out.baseAddress else { return }
            centroids.values.withUnsafeBufferPointer { values in
                guard let rows = values.baseAddress else { return }
                kernels.matmul(
                    MatrixView(rows, rows: centroids.count, columns: centroids.dimension), packed, bias: nil,
                    into: MutableMatrixView(base, rows: centroids.count, columns: tokens))
            }
        }
    }

    private static func rounded(_ products: [Float], tokens: Int, width: Int) -> [UInt8] {
        var rounded = [UInt8](repeating: 0, count: tokens == 0 ? 0 : products.count / tokens * width)
        rounded.withUnsafeMutableBufferPointer { rounded in
            products.withUnsafeBufferPointer { products in
                for (row, start) in stride(from: 0, to: products.count, by: max(1, tokens)).enumerated() {
                    for token in 0..<tokens {
                        let scaled = (products[start + token] + 1) * 127.5
                        rounded[row * width + token] = UInt8(max(0, min(255, scaled.rounded())))
                    }
                }
            }
        }
        return rounded
    }

    private static func nearest(_ products: [Float], tokens: Int, count: Int) -> [Int] {
        var found: Set<Int> = []
        var best: [(product: Float, centroid: Int)] = []
        for token in 0..<tokens {
            best.removeAll(keepingCapacity: true)
            for (centroid, place) in stride(from: token, to: products.count, by: tokens).enumerated() {
                let product = products[place]
                if best.count == count, product <= best[count - 1].product { continue }
                if best.count == count { best.removeLast() }
                let position = best.firstIndex { $0.product < product } ?? best.count
                best.insert((product, centroid), at: position)
            }
            found.formUnion(best.map(\.centroid))
        }
        return found.sorted()
    }

    /// Similarities are rarely equal, so that documents of one passage need one passage more.
    var documents: BestDocuments {
        BestDocuments(table: table, limit: limit, surplus: table.hasSplitDocuments ? 32 : 1)
    }

    /// Of passages in int8, how many are scored exactly when so many are wanted.
    static func keptByBytes(of count: Int) -> Int { count > Int.max / 8 ? Int.max / 4 : 2 * count }

    /// Steps 1 and 2: passages to score exactly, for the best `limit` of them.
    package func candidates(on lane: Lane?) throws -> LateInteractionCandidates {
        try candidates(count: documents.firstCount, on: lane)
    }

    /// Where the nearest centroids lead to fewer passages than are wanted, all passages are looked at.
    func candidates(count: Int, on lane: Lane?) throws -> LateInteractionCandidates {
        let exact = max(probing.exact, count > Int.max / 4 ? Int.max : 4 * count)
        let found = try scan(nearest, limit: exact, on: lane)
        if found.passages.count >= count || nearest.count == centroidCount { return found }
        return try scan(Array(0..<centroidCount), limit: exact, on: lane)
    }

    private func scan(_ centroids: [Int], limit: Int, on lane: Lane?) throws -> LateInteractionCandidates {
        let passages = chunks.reduce(0) { $0 + $1.count }
        let slots = max(1, lane?.threads ?? 1)
        var workers: [CentroidScan] = []
        for _ in 0..<slots {
            workers.append(CentroidScan(limit: max(1, min(limit, passages)), allowed: allowed, table: table))
        }
        if let lane {
            let workers = workers
            lane.parallelFor(chunks.count) { chunk, slot in
                // The others of a cancelled job are left out, and its result is never seen.
                if !lane.isCancelled {
                    workers[slot].scan(chunks[chunk], centroids, similarities: similarities, width: width)
                }
            }
            if lane.isCancelled { throw CancellationError() }
        } else {
            for chunk in chunks { workers[0].scan(chunk, centroids, similarities: similarities, width: width) }
        }
        let best = workers.flatMap(\.best).sorted(by: ScoredDocument.precedes).prefix(limit)
        return LateInteractionCandidates(
            passages: best.map(\.document), seen: workers.reduce(0) { $0 + $1.seen })
    }
}

/// Passages that a late-interaction search scores exactly.
package struct LateInteractionCandidates: Sendable, Equatable {
    /// Best first, by their centroids.
    package var passages: [UInt32]
    /// Passages that were compared by their centroids.
    package var seen: Int
}

/// What one thread keeps while it looks at chunks.
private final class CentroidScan {
    private let allowed: DocumentSet?
    private let table: PassageTable
    private var documents: TopDocuments
    private(set) var seen = 0
    private var isFound = [Bool](repeating: false, count: TokenChunk.maxCount)
    private var places: [UInt16] = []
    private var sums = [UInt32](repeating: 0, count: TokenChunk.maxCount)

    var best: [ScoredDocument] { documents.sorted() }

    init(limit: Int, allowed: DocumentSet?, table: PassageTable) {
        documents = TopDocuments(limit: limit)
        self.allowed = allowed
        self.table = table
    }

    func scan(_ chunk: TokenChunk, _ centroids: [Int], similarities: [UInt8], width: Int) {
        isFound.withUnsafeMutableBufferPointer { isFound in
            isFound.update(repeating: false)
            for centroid in centroids {
                for place in chunk.passages(of: centroid) { isFound[Int(place)] = true }
            }
        }
        places.removeAll(keepingCapacity: true)
        for place in 0..<chunk.count where isFound[place] {
            let passage = chunk.firstPassage + UInt32(place)
            if table.deletedCount > 0, table.deleted.contains(passage) { continue }
            if let allowed, !allowed.contains(passage) { continue }
            places.append(UInt16(place))
        }
        seen += places.count
        Kernels.centroidMaxSim(
            chunk.centroids, starts: chunk.starts, passages: places, similarities: similarities, width: width,
            into: &sums)
        var threshold = documents.threshold
        for (index, place) in places.enumerated() {
            let score = Double(sums[index])
            guard score > threshold else { continue }
            documents.insert(chunk.firstPassage + UInt32(place), score)
            threshold = documents.threshold
        }
    }
}
