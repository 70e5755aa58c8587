import Inference
import Ranking
import Testing

@testable import Retrieval

@Suite("Dense scan")
struct DenseScanTests {
    /// Passages 0, 1, 2 and 10: unit vectors along x, y, and the diagonal, and a zero vector.
    private func byHand() throws -> (scan: DenseScan, fetch: ([UInt32]) -> [Float]) {
        let vectors: [UInt32: [Float]] = [0: [1, 0], 1: [0, 1], 2: [0.6, 0.8], 10: [0, 0]]
        let low = try VectorChunk(
            firstPassage: 0, dimension: 2, vectors: (0...2).map { try VectorQuantizer.quantize(vectors[$0] ?? []) })
        let high = try VectorChunk(firstPassage: 10, dimension: 2, vectors: [VectorQuantizer.quantize([0, 0])])
        let scan = try DenseScan(chunks: [high, low], dimension: 2, kernels: .forThisMachine())
        return (scan, { passages in passages.flatMap { vectors[$0] ?? [] } })
    }

    @Test("passages come by their dot product with the query, the largest first")
    func order() throws {
        let (scan, fetch) = try byHand()
        let result = try scan.search(DenseQuery(vector: [2, 1], limit: 10), vectors: fetch)
        #expect(result.passages.map(\.passage) == [2, 0, 1, 10])
        // 2 * 0.6 + 1 * 0.8, with 0.6 and 0.8 as floats
        #expect(abs(result.passages[0].score - 2.0) < 1e-7)
        #expect(result.passages[1...].map(\.score) == [2, 1, 0])
        #expect(result.isComplete)
    }

    @Test("equal scores are ordered by ascending passage, at the limit too")
    func ties() throws {
        let (scan, fetch) = try byHand()
        let all = try scan.search(DenseQuery(vector: [0, 0], limit: 4), vectors: fetch)
        #expect(all.passages.map(\.passage) == [0, 1, 2, 10])
        let two = try scan.search(DenseQuery(vector: [0, 0], limit: 2, candidates: 2), vectors: fetch)
        #expect(two.passages.map(\.passage) == [0, 1])
        #expect(!two.isComplete)
    }

    @Test("a limit beyond the collection finds all that is allowed, and says that there is no more")
    func largeLimit() throws {
        let (scan, fetch) = try byHand()
        let query = DenseQuery(
            vector: [1, 0], limit: .max, allowed: DocumentSet([1, 2, 3, 99]), deleted: DocumentSet([1]))
        let result = try scan.search(query, vectors: fetch)
        #expect(result.passages.map(\.passage) == [2])
        #expect(result.isComplete && result.allowedCount == 1)
    }

    @Test("where no passage is allowed, or there is none, nothing is found and no vector is read")
    func nothing() throws {
        let (scan, _) = try byHand()
        let query = DenseQuery(vector: [1, 0], limit: 3, allowed: DocumentSet())
        #expect(try scan.search(query, vectors: { _ in fatalVectors() }).passages.isEmpty)
        let empty = try DenseScan(chunks: [], dimension: 2, kernels: .forThisMachine())
        let result = try empty.search(DenseQuery(vector: [1, 0], limit: 3), vectors: { _ in fatalVectors() })
        #expect(result.passages.isEmpty && result.isComplete)
    }

    private func fatalVectors() -> [Float] {
        Issue.record("vectors were asked for")
        return []
    }

    @Test("a query of another dimension, a limit of 0, and a query that is not finite are errors")
    func refusedQueries() throws {
        let (scan, fetch) = try byHand()
        let cases: [(DenseQuery, RankingError.Code)] = [
            (DenseQuery(vector: [1, 0, 0], limit: 1), .invalidInput), (DenseQuery(vector: [], limit: 1), .invalidInput),
            (DenseQuery(vector: [1, 0], limit: 0), .invalidInput),
            (DenseQuery(vector: [1, 0], limit: .min), .invalidInput),
            (DenseQuery(vector: [1, .nan], limit: 1), .nonFiniteScore),
        ]
        for (query, code) in cases {
            let error = #expect(throws: RankingError.self) { try scan.search(query, vectors: fetch) }
            #expect(error?.code == code)
        }
    }

    @Test("stored vectors of the wrong size are a corrupt file, and one that is not finite is named")
    func damagedVectors() throws {
        let (scan, _) = try byHand()
        let query = DenseQuery(vector: [1, 0], limit: 1)
        let short = #expect(throws: RankingError.self) { try scan.search(query, vectors: { _ in [1, 2, 3] }) }
        #expect(short?.code == .corruptFile)
        let notFinite = #expect(throws: RankingError.self) {
            try scan.search(query, vectors: { $0.flatMap { [$0 == 2 ? Float.nan : 1, 1] } })
        }
        #expect(notFinite?.code == .nonFiniteScore && notFinite?.what.contains("passage 2") == true)
    }

    @Test("chunks of another dimension, and chunks that share a passage, are a corrupt file")
    func damagedChunks() throws {
        let one = try VectorChunk(firstPassage: 0, dimension: 1, vectors: [VectorQuantizer.quantize([1])])
        let two = try VectorChunk(firstPassage: 1, dimension: 2, vectors: [VectorQuantizer.quantize([1, 1])])
        for chunks in [[one, two], [one, one]] {
            let error = #expect(throws: RankingError.self) {
                try DenseScan(chunks: chunks, dimension: 1, kernels: .forThisMachine())
            }
            #expect(error?.code == .corruptFile)
        }
    }

    @Test("by default max(2 limit, limit + 100) candidates are scored again")
    func candidateCount() {
        #expect(DenseQuery(vector: [], limit: 10).candidates == 110)
        #expect(DenseQuery(vector: [], limit: 100).candidates == 200)
        #expect(DenseQuery(vector: [], limit: 10, candidates: 3).candidates == 10)
    }
}
