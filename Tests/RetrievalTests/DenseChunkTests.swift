import Ranking
import Testing

@testable import Retrieval

@Suite("Vectors in eight bits")
struct DenseQuantizerTests {
    @Test("the largest component becomes 127, the others their share of it")
    func byHand() throws {
        // 127 / 2.54 = 50: -1 is -50, 0.5 is 25, 0.01 is 0.5, which rounds to the even 0.
        let quantized = try VectorQuantizer.quantize([2.54, -1, 0.5, 0, -2.54])
        #expect(quantized.codes == [127, -50, 25, 0, -127])
        #expect(abs(quantized.scale - 2.54 / 127) < 1e-9)
    }

    @Test("halves round to the even code")
    func halves() throws {
        #expect(try VectorQuantizer.quantize([127, 0.5, 1.5, 2.5, -0.5, -1.5]).codes == [127, 0, 2, 2, 0, -2])
    }

    @Test("a vector of zeros has codes and scale 0, and so has none at all")
    func zeros() throws {
        #expect(try VectorQuantizer.quantize([0, -0.0]) == QuantizedVector(codes: [0, 0], scale: 0))
        #expect(try VectorQuantizer.quantize([]) == QuantizedVector(codes: [], scale: 0))
    }

    @Test("the smallest and the largest floats are quantized as any others")
    func extremes() throws {
        for size in [Float.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude] {
            #expect(try VectorQuantizer.quantize([size, -size, 0]).codes == [127, -127, 0])
        }
    }

    @Test("a component that is not a finite number is an error that names it", arguments: [Float.nan, .infinity])
    func notFinite(value: Float) throws {
        let error = try #require(throws: RankingError.self) { try VectorQuantizer.quantize([0, value]) }
        #expect(error.code == .nonFiniteScore && error.what.contains("Component 1"))
    }

    @Test("each component errs by at most half a scale", arguments: 0..<20 as Range<UInt64>)
    func errorBound(seed: UInt64) throws {
        var random = SplitMix(seed: seed)
        let vector = (0..<384).map { _ in random.gaussian() }
        let quantized = try VectorQuantizer.quantize(vector)
        for (value, code) in zip(vector, quantized.codes) {
            #expect(abs(value - Float(code) * quantized.scale) <= quantized.scale * 0.50001)
        }
    }
}

@Suite("Vector chunks")
struct DenseChunkTests {
    private func chunk() throws -> VectorChunk {
        try VectorChunk(
            firstPassage: 7, dimension: 3,
            vectors: [
                QuantizedVector(codes: [1, -2, 127], scale: 0.5), QuantizedVector(codes: [0, 0, -127], scale: 2),
            ])
    }

    @Test("codes are two's complement bytes row by row, scales little-endian floats")
    func bytes() throws {
        let chunk = try chunk()
        #expect(chunk.codes == [1, 254, 127, 0, 0, 129])
        // 0.5 is 0x3f000000, 2 is 0x40000000.
        #expect(chunk.scaleBytes == [0, 0, 0, 0x3f, 0, 0, 0, 0x40])
        #expect(chunk.passages == 7..<9)
    }

    @Test("what was encoded is decoded")
    func roundTrip() throws {
        let chunk = try chunk()
        let decoded = try VectorChunk(firstPassage: 7, dimension: 3, codes: chunk.codes, scales: chunk.scaleBytes)
        #expect(decoded == chunk)
        #expect(decoded.vector(1) == QuantizedVector(codes: [0, 0, -127], scale: 2))
    }

    @Test("a blob that is cut short, too long or empty is a corrupt file")
    func damagedSizes() throws {
        let chunk = try chunk()
        for codes in [Array(chunk.codes.dropLast()), chunk.codes + [0], []] {
            expectCorrupt {
                try VectorChunk(firstPassage: 7, dimension: 3, codes: codes, scales: chunk.scaleBytes)
            }
        }
        let bytes = chunk.scaleBytes
        for scales in [Array(bytes.dropLast()), bytes + [0], Array(bytes.dropLast(4)), []] {
            expectCorrupt { try VectorChunk(firstPassage: 7, dimension: 3, codes: chunk.codes, scales: scales) }
        }
    }

    @Test("a code of -128, a scale that is negative or not finite, and numbers out of range are a corrupt file")
    func damagedValues() throws {
        let chunk = try chunk()
        expectCorrupt {
            try VectorChunk(firstPassage: 7, dimension: 3, codes: [0, 0, 0, 0, 0, 128], scales: chunk.scaleBytes)
        }
        for bits: UInt32 in [0xbf00_0000, 0x7f80_0000, 0x7fc0_0000] {
            let scale = withUnsafeBytes(of: bits.littleEndian) { Array($0) }
            expectCorrupt { try VectorChunk(firstPassage: 7, dimension: 3, codes: [0, 0, 0], scales: scale) }
        }
        for dimension in [0, -3, Int.max, 65_537] {
            expectCorrupt {
                try VectorChunk(firstPassage: 7, dimension: dimension, codes: chunk.codes, scales: chunk.scaleBytes)
            }
        }
        expectCorrupt {
            try VectorChunk(firstPassage: .max, dimension: 3, codes: chunk.codes, scales: chunk.scaleBytes)
        }
        let many = VectorChunk.maxCount + 1
        expectCorrupt {
            try VectorChunk(
                firstPassage: 0, dimension: 1, codes: [UInt8](repeating: 0, count: many),
                scales: [UInt8](repeating: 0, count: 4 * many))
        }
    }

    @Test("vectors of another dimension, none, or too many are refused")
    func refused() {
        let vector = QuantizedVector(codes: [1], scale: 1)
        for (dimension, vectors) in [(2, [vector]), (1, []), (1, Array(repeating: vector, count: 4_097))] {
            let error = #expect(throws: RankingError.self) {
                try VectorChunk(firstPassage: 0, dimension: dimension, vectors: vectors)
            }
            #expect(error?.code == .invalidInput)
        }
    }

    private func expectCorrupt(
        _ body: () throws -> VectorChunk, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let error = #expect(throws: RankingError.self, sourceLocation: sourceLocation, performing: { _ = try body() })
        #expect(error?.code == .corruptFile, sourceLocation: sourceLocation)
    }
}
