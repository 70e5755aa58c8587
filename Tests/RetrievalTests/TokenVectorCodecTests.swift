import Foundation
import Inference
import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Forms of token vectors")
struct TokenVectorCodecTests {
    private func codec(
        _ form: TokenVectorForm, _ vectors: [Float], dimension: Int, centroids count: Int
    ) throws -> (TokenVectorCodec, [UInt16]) {
        let kernels = try Kernels.forThisMachine()
        let centroids = Centroids.train(vectors, count: count, dimension: dimension, kernels: kernels, on: nil)
        let nearest = centroids.nearest(to: vectors, on: nil)
        var levels: ResidualLevels?
        if let bits = form.residualBits {
            var residuals: [Float] = []
            for (row, number) in nearest.enumerated() {
                for place in 0..<dimension {
                    residuals.append(
                        vectors[row * dimension + place] - centroids.values[Int(number) * dimension + place])
                }
            }
            levels = ResidualLevels(training: residuals, bits: bits)
        }
        return (TokenVectorCodec(form, centroids, levels, kernels: kernels), nearest)
    }

    private func decoded(_ codec: TokenVectorCodec, _ bytes: [UInt8]) throws -> [Float] {
        let buffer = FloatBuffer(count: try codec.count(of: bytes.count) * codec.dimension)
        try bytes.withUnsafeBufferPointer { try codec.decode($0, into: buffer.writable) }
        return Array(UnsafeBufferPointer(start: buffer.base, count: buffer.count))
    }

    /// The largest mean squared error of a vector's direction that each form is allowed, over seeded vectors.
    private static let errors: [TokenVectorForm: Double] = [
        .float32: 0, .float16: 1e-6, .int8: 1e-4, .residual4: 5e-3, .residual2: 6e-2,
    ]

    @Test("vectors come back as near as the form promises", arguments: TokenVectorForm.allCases, [3, 30, 96, 128])
    func roundTrip(form: TokenVectorForm, dimension: Int) throws {
        var maker = TokenVectorMaker(dimension: dimension, topics: 6, seed: dimension)
        let vectors = (0..<60).flatMap { _ in maker.passage() }
        let (codec, nearest) = try codec(form, vectors, dimension: dimension, centroids: 8)
        let bytes = codec.encode(vectors, nearest: nearest)
        #expect(bytes.count == nearest.count * form.bytesPerVector(dimension: dimension))
        let back = try decoded(codec, bytes)
        var error = 0.0
        for (a, b) in zip(vectors, back) { error += Double((a - b) * (a - b)) }
        let mean = error / Double(nearest.count)
        #expect(mean <= Self.errors[form] ?? 0, "\(form) \(dimension): \(mean)")
        if form == .float32 { #expect(back == vectors) }
    }

    @Test("a residual row by hand: centroid 1, and the levels of codes 0, 3, 1, 2")
    func byHand() throws {
        let kernels = try Kernels.forThisMachine()
        let centroids = Centroids(values: [1, 0, 0, 0, 0, 0.6, 0.8, 0], dimension: 4, kernels: kernels)
        let levels = try #require(ResidualLevels(levels: [-0.2, -0.1, 0.1, 0.2], bits: 2))
        #expect(levels.bounds == [-0.15, 0, 0.15].map { Float($0) })
        let codec = TokenVectorCodec(.residual2, centroids, levels, kernels: kernels)
        // Differences -0.3, 0.2, -0.1, 0.14.
        let bytes = codec.encode([-0.3, 0.8, 0.7, 0.14], nearest: [1])
        #expect(bytes == [1, 0, 0b10_01_11_00])
        let expected = TokenVectorMaker.normalized([-0.2, 0.8, 0.7, 0.1])
        for (a, b) in zip(try decoded(codec, bytes), expected) { #expect(abs(a - b) < 1e-6) }
        #expect(codec.numbers(in: bytes) == [1])
    }

    @Test("float16 as IEEE 754 rounds: ties to even, subnormals, and what is too large")
    func halves() {
        let values: [Float] = [
            1, -2, 0.1, 65504, 65519.99, 65520, 1e9, -1e9, 6.1e-5, 5.96e-8, 2.98e-8, 2.99e-8, 1e-9, 0, -0.0,
            1.000_488_281_25, 1.001_464_843_75, .infinity, .nan,
        ]
        var halves = [UInt16](repeating: 0, count: values.count)
        values.withUnsafeBufferPointer { source in
            halves.withUnsafeMutableBufferPointer { out in
                if let out = out.baseAddress { Kernels.narrowF16(source, into: out) }
            }
        }
        let expected: [UInt16] = [
            0x3c00, 0xc000, 0x2e66, 0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0x03ff, 0x0001, 0x0000, 0x0001, 0x0000,
            0x0000, 0x8000, 0x3c00, 0x3c02, 0x7c00, 0x7e00,
        ]
        #expect(halves == expected)
    }

    @Test("MaxSim of a block is MaxSim of what it decodes to", arguments: TokenVectorForm.allCases)
    func block(form: TokenVectorForm) throws {
        let dimension = 32
        var maker = TokenVectorMaker(dimension: dimension, topics: 6, seed: 1)
        let passages = (0..<30).map { _ in maker.passage() }
        let vectors = passages.flatMap(\.self)
        let (codec, nearest) = try codec(form, vectors, dimension: dimension, centroids: 16)
        let bytes = codec.encode(vectors, nearest: nearest)
        let back = try decoded(codec, bytes)
        var starts = [0]
        for passage in passages { starts.append(starts[starts.count - 1] + passage.count / dimension) }
        let query = maker.passage(tokens: 8...8)
        let maxSim = MaxSim(query: query, dimension: dimension, kernels: try Kernels.forThisMachine())
        for inBytes in [false, true] {
            let scores = try bytes.withUnsafeBufferPointer {
                maxSim.scores(of: try codec.block($0, inBytes: inBytes), starts: starts)
            }
            for (place, score) in scores.enumerated() {
                let document = Array(back[starts[place] * dimension..<starts[place + 1] * dimension])
                let expected = TokenVectorMaker.maxSim(query, document, dimension: dimension)
                // In bytes the query is rounded too.
                #expect(abs(Double(score) - expected) < (inBytes && form == .int8 ? 0.1 : 1e-5), "\(form) \(place)")
            }
        }
    }

    @Test("bytes that are no vectors are errors", arguments: TokenVectorForm.allCases)
    func damaged(form: TokenVectorForm) throws {
        let dimension = 8
        var maker = TokenVectorMaker(dimension: dimension, topics: 3, seed: 2)
        let vectors = (0..<20).flatMap { _ in maker.passage() }
        let (codec, nearest) = try codec(form, vectors, dimension: dimension, centroids: 4)
        var bytes = codec.encode(vectors, nearest: nearest)
        #expect(throws: RankingError.self) { try decoded(codec, Array(bytes.dropLast())) }
        switch form {
        case .float32: bytes.replaceSubrange(0..<4, with: [0, 0, 0xc0, 0x7f])
        case .float16: bytes.replaceSubrange(0..<2, with: [0, 0x7c])
        case .int8: bytes.replaceSubrange(dimension..<dimension + 4, with: [0, 0, 0x80, 0x7f])
        case .residual4, .residual2: bytes[0] = 4
        }
        #expect(throws: RankingError.self) { try decoded(codec, bytes) }
        #expect(throws: RankingError.self) {
            try bytes.withUnsafeBufferPointer { _ = try codec.block($0, inBytes: true) }
        }
    }

    @Test("k-means finds separated directions, and gives the same on any number of threads")
    func kMeans() throws {
        let dimension = 16
        let kernels = try Kernels.forThisMachine()
        var maker = TokenVectorMaker(dimension: dimension, topics: 4, seed: 3)
        let vectors = (0..<200).flatMap { _ in maker.passage(noise: 0.1) }
        let serial = Centroids.train(vectors, count: 32, dimension: dimension, kernels: kernels, on: nil)
        let pool = ComputePool(threads: 3)
        defer { pool.shutDown() }
        let parallel = pool.withLane {
            Centroids.train(vectors, count: 32, dimension: dimension, kernels: kernels, on: $0)
        }
        #expect(serial.values == parallel.values)
        for (row, number) in serial.nearest(to: vectors, on: nil).enumerated() {
            let cosine = (0..<dimension).reduce(0.0) {
                $0 + Double(vectors[row * dimension + $1]) * Double(serial.values[Int(number) * dimension + $1])
            }
            #expect(cosine > 0.95)
        }
    }

    @Test("the nearest centroid is the one with the largest product, up to the rounding of bytes")
    func nearest() throws {
        let dimension = 24
        var maker = TokenVectorMaker(dimension: dimension, topics: 9, seed: 4)
        let centroids = Centroids(
            values: (0..<700).flatMap { _ in maker.passage(tokens: 1...1) }, dimension: dimension,
            kernels: try Kernels.forThisMachine())
        let vectors = (0..<100).flatMap { _ in maker.passage(tokens: 1...1) }
        for (row, number) in centroids.nearest(to: vectors, on: nil).enumerated() {
            let products = (0..<centroids.count).map { other in
                (0..<dimension).reduce(0.0) {
                    $0 + Double(vectors[row * dimension + $1]) * Double(centroids.values[other * dimension + $1])
                }
            }
            #expect(products[Int(number)] > (products.max() ?? 0) - 0.03)
        }
    }

    @Test("levels are the means of what is nearest to them")
    func levels() {
        var random = SeededGenerator(seed: 5)
        let sample = (0..<10_000).map { _ in
            (0..<6).reduce(Float(0)) { sum, _ in sum + Float.random(in: -0.1...0.1, using: &random) }
        }
        for bits in [2, 4] {
            let levels = ResidualLevels(training: sample, bits: bits)
            #expect(levels.levels == levels.levels.sorted() && levels.levels.count == 1 << bits)
            var sums = [Double](repeating: 0, count: 1 << bits)
            var counts = [Double](repeating: 0, count: 1 << bits)
            for value in sample {
                let code = levels.bounds.count { value > $0 }
                sums[code] += Double(value)
                counts[code] += 1
            }
            for code in sums.indices where counts[code] > 0 {
                #expect(abs(sums[code] / counts[code] - Double(levels.levels[code])) < 2e-3)
            }
        }
    }
}
