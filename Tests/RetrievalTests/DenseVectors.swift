import Inference
import Ranking

@testable import Retrieval

/// Seeded vectors, the chunks that hold them, and what a scan should find, computed the obvious way.
struct DenseVectors {
    let dimension: Int
    /// By passage; nil where a number between two chunks was never given.
    var vectors: [[Float]?] = []
    var chunks: [VectorChunk] = []

    /// Vectors around `clusters` random centres, of unit length.
    init(count: Int, dimension: Int, clusters: Int, rowsPerChunk: Int, seed: UInt64) throws {
        self.dimension = dimension
        var random = SplitMix(seed: seed)
        let centres = (0..<clusters).map { _ in (0..<dimension).map { _ in random.gaussian() } }
        for index in 0..<count {
            let centre = centres[index % clusters]
            vectors.append(DenseVectors.unit(centre.map { $0 + 0.7 * random.gaussian() }))
        }
        for start in stride(from: 0, to: count, by: rowsPerChunk) {
            let rows = vectors[start..<min(count, start + rowsPerChunk)].compactMap(\.self)
            try append(rows, firstPassage: UInt32(start))
        }
    }

    private mutating func append(_ rows: [[Float]], firstPassage: UInt32) throws {
        var quantized: [QuantizedVector] = []
        for row in rows { quantized.append(try VectorQuantizer.quantize(row)) }
        chunks.append(try VectorChunk(firstPassage: firstPassage, dimension: dimension, vectors: quantized))
    }

    func scan(kernels: String = "scalar") throws -> DenseScan {
        try DenseScan(chunks: chunks, dimension: dimension, kernels: .named(kernels))
    }

    func fetch(_ passages: [UInt32]) -> [Float] {
        passages.flatMap { vectors[Int($0)] ?? [] }
    }

    /// A query near one of the vectors.
    func query(seed: UInt64) -> [Float] {
        var random = SplitMix(seed: seed)
        let start = vectors[Int(random.next() % UInt64(vectors.count))] ?? []
        return DenseVectors.unit(start.map { $0 + 0.05 * random.gaussian() })
    }

    /// Every allowed passage by its exact dot product.
    func exact(_ query: [Float], where isAllowed: (UInt32) -> Bool = { _ in true }) -> [ScoredPassage] {
        var scored: [ScoredPassage] = []
        for (index, vector) in vectors.enumerated() {
            guard let vector, isAllowed(UInt32(index)) else { continue }
            var sum = 0.0
            for i in 0..<dimension { sum += Double(query[i]) * Double(vector[i]) }
            scored.append(ScoredPassage(passage: UInt32(index), score: sum))
        }
        return scored.sorted(by: ScoredPassage.precedes)
    }

    /// Every passage by the dot product of its codes, times both scales.
    func approximate(_ query: [Float]) throws -> [ScoredPassage] {
        let query = try VectorQuantizer.quantize(query)
        var scored: [(passage: UInt32, score: Double)] = []
        for chunk in chunks {
            for row in 0..<chunk.count {
                let vector = chunk.vector(row)
                var sum = 0
                for i in 0..<dimension { sum += Int(vector.codes[i]) * Int(query.codes[i]) }
                scored.append((chunk.firstPassage + UInt32(row), Double(sum) * Double(vector.scale)))
            }
        }
        scored.sort { $0.score != $1.score ? $0.score > $1.score : $0.passage < $1.passage }
        return scored.map { ScoredPassage(passage: $0.passage, score: $0.score * Double(query.scale)) }
    }

    static func unit(_ vector: [Float]) -> [Float] {
        let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return vector.map { $0 / max(length, 1e-12) }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }

    /// About normal, mean 0, variance 1: the sum of twelve uniform numbers, less its mean.
    mutating func gaussian() -> Float {
        var sum: Float = -6
        for _ in 0..<12 { sum += Float(next() >> 40) * 0x1p-24 }
        return sum
    }
}
