import Inference
import TestSupport
import Testing

@Suite("MaxSim of one query with many documents")
struct MaxSimTests {
    private static let dimension = 20

    /// Vectors of unit length; documents of 0 to 30 of them.
    private struct Problem {
        var query: [Float]
        var documents: [Float] = []
        var starts = [0]

        init(seed: UInt64) {
            var random = SeededGenerator(seed: seed)
            func unit() -> [Float] {
                let values = (0..<MaxSimTests.dimension).map { _ in Float(random.int(in: -1_000...1_000)) }
                let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
                return values.map { $0 / max(length, 1) }
            }
            query = (0..<32).flatMap { _ in unit() }
            for document in 0..<100 {
                let count = document == 7 ? 0 : random.int(in: 1...30)
                for _ in 0..<count { documents += unit() }
                starts.append(documents.count / MaxSimTests.dimension)
            }
        }

        /// By the formula, in double precision.
        var expected: [Double] {
            let width = MaxSimTests.dimension
            return zip(starts, starts.dropFirst()).map { start, end in
                (0..<32).reduce(0.0) { sum, token in
                    let best = (start..<end).map { row in
                        (0..<width).reduce(0.0) {
                            $0 + Double(query[token * width + $1]) * Double(documents[row * width + $1])
                        }
                    }.max()
                    return sum + (best ?? -.infinity)
                }
            }
        }
    }

    /// The documents in each form that this CPU compares, and how far a score of 32 similarities may be off.
    private static func blocks(
        _ buffer: FloatBuffer, rows: Int, _ maxSim: MaxSim, _ kernels: Kernels
    ) -> [(name: String, block: TokenVectorBlock, tolerance: Double)] {
        let matrix = MatrixView(buffer.base, rows: rows, columns: dimension)
        func narrow(_ format: NarrowFormat) -> TokenVectorBlock {
            let narrow = NarrowRows(format, rows: rows, columns: dimension)
            kernels.narrow(matrix, into: narrow)
            return .narrow(narrow)
        }
        // Bytes are off by a step of at most 2/255 in each of 20 products, mostly by far less; bfloat16 by 2^-9 of each.
        return [("fp32", .single(buffer), 1e-5), ("int8", narrow(.int8), 0.3)]
            + (maxSim.takes(.bf16) ? [("bf16", narrow(.bf16), 0.2)] : [])
    }

    @Test(
        "scores are the formula's, in every form; a document without vectors scores -∞", arguments: [1, 2] as [UInt64])
    func formula(seed: UInt64) throws {
        let problem = Problem(seed: seed)
        for name in Kernels.available {
            let kernels = try Kernels.named(name)
            let maxSim = MaxSim(query: problem.query, dimension: Self.dimension, kernels: kernels)
            let buffer = FloatBuffer(problem.documents)
            let rows = problem.starts.last ?? 0
            for (form, block, tolerance) in Self.blocks(buffer, rows: rows, maxSim, kernels) {
                let scores = maxSim.scores(of: block, starts: problem.starts)
                #expect(scores.count == 100 && scores[7] == -.infinity)
                for (score, expected) in zip(scores, problem.expected) where expected.isFinite {
                    #expect(abs(Double(score) - expected) < tolerance, "\(name), \(form)")
                }
            }
        }
    }

    @Test("the bits do not depend on threads, nor on the documents beside it", arguments: [1, 2, 3])
    func identity(threads: Int) throws {
        let problem = Problem(seed: 3)
        let kernels = try Kernels.forThisMachine()
        let maxSim = MaxSim(query: problem.query, dimension: Self.dimension, kernels: kernels)
        let buffer = FloatBuffer(problem.documents)
        let pool = ComputePool(threads: threads)
        defer { pool.shutDown() }
        for (form, block, _) in Self.blocks(buffer, rows: problem.starts.last ?? 0, maxSim, kernels) {
            let whole = maxSim.scores(of: block, starts: problem.starts)
            let shared = pool.withLane { maxSim.scores(of: block, starts: problem.starts, on: $0) }
            #expect(whole.map(\.bitPattern) == shared.map(\.bitPattern), "\(form)")
            for document in [0, 7, 50, 99] {
                let alone = maxSim.scores(of: block, starts: Array(problem.starts[document...document + 1]))
                #expect(alone.map(\.bitPattern) == [whole[document].bitPattern], "\(form)")
            }
        }
        #expect(maxSim.scores(of: .single(buffer), starts: [0]).isEmpty)
    }
}
