// MaxSim: the second of the three files that import CKernels.

import CKernels

/// Token vectors of documents, end to end, in a form that a query can be compared with.
package enum TokenVectorBlock {
    /// [tokens, dimension] in single precision.
    case single(FloatBuffer)
    /// As `Kernels.narrow` writes them.
    case narrow(NarrowRows)

    /// Vectors that there is room for.
    fileprivate func tokens(dimension: Int) -> Int {
        switch self {
        case .single(let buffer): buffer.count / dimension
        case .narrow(let rows): rows.columns == dimension ? rows.count : 0
        }
    }
}

/// One query's token vectors, laid out for one kernel variant: score(q, d) = Σᵢ maxⱼ qᵢ · dⱼ.
///
/// A document's score depends on its own vectors and the query alone, so that its bits are the same in any block and on
/// any number of threads. Nothing is padded and nothing is clamped: a document whose best similarities are negative keeps
/// its negative score.
///
/// Source: Khattab & Zaharia, ColBERT, SIGIR 2020, <https://arxiv.org/abs/2004.12832>.
package struct MaxSim: Sendable {
    package let dimension: Int
    /// The query's vectors.
    package let count: Int
    private let kernels: Kernels
    private let single: PackedMatrix
    private let int8: NarrowMatrix
    private let bf16: NarrowMatrix?

    /// - Parameter query: [count, dimension].
    package init(query: [Float], dimension: Int, kernels: Kernels) {
        precondition(dimension > 0 && query.count % dimension == 0 && dimension <= Kernels.maxInt8Inputs)
        let count = query.count / dimension
        self.dimension = dimension
        self.count = count
        self.kernels = kernels
        let buffer = FloatBuffer(query)
        single = kernels.pack(weight: MatrixView(buffer.base, rows: count, columns: dimension))
        func narrow(_ format: NarrowFormat) -> NarrowMatrix {
            var packer = kernels.packer(kernels.layout(format, inputs: dimension, outputs: count))
            for row in 0..<count { packer.add(buffer.base + row * dimension, bias: 0) }
            return packer.packed()
        }
        int8 = narrow(.int8)
        bf16 = kernels.multipliesBF16 ? narrow(.bf16) : nil
    }

    /// True if blocks of this format can be compared on this CPU.
    package func takes(_ format: NarrowFormat) -> Bool { format == .int8 || bf16 != nil }

    /// The score of each document of the block. Document d has the rows starts[d] ..< starts[d + 1]; one without rows
    /// scores -∞.
    package func scores(of block: TokenVectorBlock, starts: [Int]) -> [Float] {
        let documents = starts.count - 1
        guard documents > 0 else { return [] }
        precondition(zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 } && starts[0] >= 0)
        precondition(starts[documents] <= block.tokens(dimension: dimension))
        var maxima = [Float](repeating: 0, count: count)
        return [Float](unsafeUninitializedCapacity: documents) { scores, initialized in
            initialized = documents
            guard let out = scores.baseAddress else { return }
            maxima.withUnsafeMutableBufferPointer { maxima in
                starts.withUnsafeBufferPointer { starts in
                    compare(block, starts.baseAddress, documents, maxima.baseAddress, out)
                }
            }
        }
    }

    /// The same, with the documents shared out over the lane's threads in blocks.
    package func scores(of block: TokenVectorBlock, starts: [Int], on lane: Lane) -> [Float] {
        let documents = starts.count - 1
        guard documents > 0 else { return [] }
        let size = MaxSim.blockDocuments
        var scores = [Float](repeating: 0, count: documents)
        scores.withUnsafeMutableBufferPointer { scores in
            guard let out = scores.baseAddress else { return }
            lane.parallelFor((documents + size - 1) / size) { index, _ in
                let range = index * size..<min((index + 1) * size, documents)
                let part = self.scores(of: block, starts: Array(starts[range.lowerBound...range.upperBound]))
                (out + range.lowerBound).update(from: part, count: part.count)
            }
        }
        return scores
    }

    /// Documents of one block: enough work that taking the next one costs nothing.
    private static let blockDocuments = 16

    private func compare(
        _ block: TokenVectorBlock, _ starts: UnsafePointer<Int>?, _ documents: Int,
        _ maxima: UnsafeMutablePointer<Float>?, _ out: UnsafeMutablePointer<Float>
    ) {
        switch block {
        case .single(let vectors):
            resift_max_sim(
                kernels.table, vectors.base, starts, documents, single.panels.base, count, dimension, maxima, out)
        case .narrow(let rows):
            switch rows.format {
            case .int8:
                var query = resift_int8_matrix(
                    n: count, k: dimension, panels: int8.bytePanels, sums: int8.sums, scales: int8.scales,
                    bias: int8.bias)
                resift_max_sim_int8(
                    kernels.int8, rows.bytes, rows.stride, rows.scales, starts, documents, &query, maxima, out)
            case .bf16:
                guard let bf16 else { preconditionFailure("bf16 vectors on a CPU without bf16 products") }
                resift_max_sim_bf16(
                    kernels.bf16Product, rows.halves, rows.stride, starts, documents, bf16.halfPanels, count,
                    dimension, maxima, out)
            }
        }
    }
}
