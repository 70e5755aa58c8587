import Inference
import Ranking
import Testing

@testable import Retrieval

@Suite("Dense scan, by property")
struct DensePropertyTests {
    @Test(
        "candidates are those of a scan by brute force, scores included, in every kernel variant",
        arguments: 1...6 as ClosedRange<UInt64>)
    func candidatesAreExact(seed: UInt64) throws {
        let dimension = [1, 3, 17, 64, 129, 384][Int(seed - 1)]
        let data = try DenseVectors(count: 700, dimension: dimension, clusters: 9, rowsPerChunk: 97, seed: seed)
        let vector = data.query(seed: seed + 100)
        let expected = try data.approximate(vector).prefix(120)
        for name in Kernels.available {
            let found = try data.scan(kernels: name).candidates(for: DenseQuery(vector: vector, limit: 20))
            #expect(found.passages == Array(expected), "\(name)")
        }
    }

    @Test(
        "scores and order are those of the exact dot products where every passage is a candidate",
        arguments: 1...6 as ClosedRange<UInt64>)
    func rescoringIsExact(seed: UInt64) throws {
        let data = try DenseVectors(count: 500, dimension: 48, clusters: 5, rowsPerChunk: 64, seed: seed)
        let vector = data.query(seed: seed + 100)
        let query = DenseQuery(vector: vector, limit: 77, candidates: 500)
        let result = try data.scan().search(query, vectors: data.fetch)
        #expect(result.passages == Array(data.exact(vector).prefix(77)))
    }

    @Test(
        "a filter and deletions leave exactly the passages that they should, however many",
        arguments: 1...6 as ClosedRange<UInt64>)
    func filters(seed: UInt64) throws {
        let data = try DenseVectors(count: 600, dimension: 33, clusters: 5, rowsPerChunk: 100, seed: seed)
        var random = SplitMix(seed: seed)
        let vector = data.query(seed: seed + 100)
        for share: UInt64 in [1, 5, 30, 60, 99] {
            let allowed = DocumentSet((0..<600 as Range<UInt32>).filter { _ in random.next() % 100 < share })
            let deleted = DocumentSet((0..<600 as Range<UInt32>).filter { _ in random.next() % 100 < 20 })
            for (allow, delete) in [(allowed, deleted), (allowed, nil), (nil, deleted)]
                as [(DocumentSet?, DocumentSet?)]
            {
                let query = DenseQuery(vector: vector, limit: 40, candidates: 600, allowed: allow, deleted: delete)
                let expected = data.exact(vector) { query.accepts($0) }
                let result = try data.scan().search(query, vectors: data.fetch)
                #expect(result.passages == Array(expected.prefix(40)))
                #expect(result.allowedCount == expected.count && result.isComplete == (expected.count <= 40))
            }
        }
    }

    @Test("the result is the same bit for bit on any number of threads", arguments: [1, 2, 3, 8])
    func threads(threads: Int) async throws {
        // Vectors drawn from few values: many scores are equal, and only the order of ties decides.
        var data = try DenseVectors(count: 0, dimension: 3, clusters: 1, rowsPerChunk: 1, seed: 1)
        var random = SplitMix(seed: 5)
        for chunk in 0..<40 {
            let rows = (0..<50).map { _ in (0..<3).map { _ in Float(random.next() % 3) - 1 } }
            data.vectors += rows.map(Optional.some)
            data.chunks.append(
                try VectorChunk(
                    firstPassage: UInt32(50 * chunk), dimension: 3,
                    vectors: rows.map { try VectorQuantizer.quantize($0) }))
        }
        let sealed = data
        let pool = ComputePool(threads: threads)
        defer { pool.shutDown() }
        let scan = try sealed.scan(kernels: Kernels.available[0])
        for limit in [1, 10, 333] {
            let query = DenseQuery(vector: [0.3, 0.3, 0.7], limit: limit, candidates: limit)
            let alone = try scan.search(query, vectors: sealed.fetch)
            for _ in 0..<5 {
                let shared = try await scan.search(query, pool: pool, vectors: { sealed.fetch($0) })
                #expect(shared == alone)
            }
        }
    }

    @Test("a search whose task was cancelled throws CancellationError")
    func cancellation() async throws {
        let data = try DenseVectors(count: 10, dimension: 3, clusters: 1, rowsPerChunk: 5, seed: 1)
        let scan = try data.scan()
        let vector = data.query(seed: 2)
        let pool = ComputePool(threads: 1)
        defer { pool.shutDown() }
        // Awaited two lines below.
        let search = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await scan.search(DenseQuery(vector: vector, limit: 1), pool: pool, vectors: { data.fetch($0) })
        }
        search.cancel()
        await #expect(throws: CancellationError.self) { try await search.value }
    }

    @Test("of the exact best 100 in clustered vectors, at least 99.9 percent are found", arguments: [1, 2])
    func recall(seed: UInt64) throws {
        let data = try DenseVectors(count: 20_000, dimension: 64, clusters: 50, rowsPerChunk: 4_096, seed: seed)
        let scan = try data.scan(kernels: Kernels.available[0])
        var found = 0
        for query in 0..<20 as Range<UInt64> {
            let vector = data.query(seed: 1_000 * seed + query)
            let expected = Set(data.exact(vector).prefix(100).map(\.passage))
            let result = try scan.search(DenseQuery(vector: vector, limit: 100), vectors: data.fetch)
            #expect(result.passages.count == 100)
            found += result.passages.count { expected.contains($0.passage) }
        }
        #expect(found >= 1_998)
    }
}
