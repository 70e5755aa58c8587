// The only importer of CKernels. Above this file nothing knows which instructions the CPU has.

import CKernels
package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A read-only row-major matrix somewhere in memory that outlives the call it is passed to.
package struct MatrixView {
    package var base: UnsafePointer<Float>
    package var rows: Int
    package var columns: Int
    /// Elements from the start of one row to the start of the next.
    package var stride: Int

    package init(_ base: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    package subscript(row: Int) -> UnsafePointer<Float> { base + row * stride }

    package func rows(_ range: Range<Int>) -> MatrixView {
        MatrixView(self[range.lowerBound], rows: range.count, columns: columns, stride: stride)
    }
}

/// A writable row-major matrix.
package struct MutableMatrixView {
    package var base: UnsafeMutablePointer<Float>
    package var rows: Int
    package var columns: Int
    package var stride: Int

    package init(_ base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    package subscript(row: Int) -> UnsafeMutablePointer<Float> { base + row * stride }

    package var readOnly: MatrixView { MatrixView(base, rows: rows, columns: columns, stride: stride) }

    package func rows(_ range: Range<Int>) -> MutableMatrixView {
        MutableMatrixView(self[range.lowerBound], rows: range.count, columns: columns, stride: stride)
    }

    /// The rows as one array, without the gaps that a stride leaves.
    package var values: [Float] {
        [Float](unsafeUninitializedCapacity: rows * columns) { buffer, count in
            guard let start = buffer.baseAddress else { return }
            for row in 0..<rows { (start + row * columns).initialize(from: self[row], count: columns) }
            count = rows * columns
        }
    }

    package func columns(_ range: Range<Int>) -> MutableMatrixView {
        MutableMatrixView(base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }
}

/// The right-hand side of a matrix product, laid out for one kernel variant.
package struct PackedMatrix: Sendable {
    /// K, the width of the left-hand side's rows.
    package let inputs: Int
    /// N, the width of the product's rows.
    package let outputs: Int
    fileprivate let panels: FloatBuffer
}

/// The arithmetic of inference, done by the best instructions of this CPU or by those that a name asks for.
///
/// Each result element depends on its own row only, in a fixed order of summation (see CKernels.h).
package struct Kernels: Sendable {
    private nonisolated(unsafe) let table: UnsafePointer<resift_kernels>

    /// "scalar", "avx2", "avx512" or "neon".
    package var name: String { String(cString: table.pointee.name) }

    /// The names this machine can run, best first.
    package static var available: [String] {
        (0..<resift_kernels_count()).compactMap { resift_kernels_at($0).map { String(cString: $0.pointee.name) } }
    }

    /// The variant that the environment variable RESIFT_KERNELS names, or the best of this CPU.
    package static func forThisMachine() throws(RankingError) -> Kernels {
        guard let forced = getenv("RESIFT_KERNELS").map({ String(cString: $0) }), !forced.isEmpty else {
            return Kernels(table: resift_kernels_best())
        }
        return try named(forced)
    }

    package static func named(_ name: String) throws(RankingError) -> Kernels {
        guard let table = resift_kernels_named(name) else {
            throw RankingError(
                .invalidInput, what: "This machine has no kernels called \"\(name)\".",
                why: "RESIFT_KERNELS can name one of \(available.joined(separator: ", ")).",
                fix: "Unset RESIFT_KERNELS, or set it to one of these.")
        }
        return Kernels(table: table)
    }

    /// Packs the weight of a linear layer, [outputs, inputs] as PyTorch stores it.
    package func pack(weight: MatrixView) -> PackedMatrix {
        let count = resift_packed_count(table, weight.rows, weight.columns)
        let panels = FloatBuffer(count: count)
        table.pointee.pack_transposed(weight.base, weight.stride, weight.rows, weight.columns, panels.writable)
        return PackedMatrix(inputs: weight.columns, outputs: weight.rows, panels: panels)
    }

    /// c = a b + bias; a is [M, inputs], c is [M, outputs], bias is [outputs].
    package func matmul(_ a: MatrixView, _ b: PackedMatrix, bias: FloatBuffer?, into c: MutableMatrixView) {
        precondition(a.columns == b.inputs && c.columns == b.outputs && a.rows == c.rows)
        precondition(bias.map { $0.count == b.outputs } ?? true)
        table.pointee.matmul(
            a.base, a.stride, b.panels.base, bias?.base, c.base, c.stride, a.rows, b.outputs, b.inputs)
    }

    /// x += y, row by row.
    package func add(_ x: MutableMatrixView, _ y: MatrixView) {
        precondition(x.rows == y.rows && x.columns == y.columns)
        for row in 0..<x.rows { table.pointee.add(x[row], y[row], x.columns) }
    }

    package func gelu(_ x: MutableMatrixView) {
        for row in 0..<x.rows { table.pointee.gelu(x[row], x.columns) }
    }

    package func geluTanh(_ x: MutableMatrixView) {
        for row in 0..<x.rows { table.pointee.gelu_tanh(x[row], x.columns) }
    }

    /// out = LayerNorm(x + residual) * gamma + beta.
    package func layerNorm(
        _ x: MatrixView, residual: MatrixView?, gamma: FloatBuffer, beta: FloatBuffer, epsilon: Float,
        into out: MutableMatrixView
    ) {
        precondition(gamma.count == x.columns && beta.count == x.columns)
        precondition(out.rows == x.rows && out.columns == x.columns)
        precondition(residual.map { $0.rows == x.rows && $0.columns == x.columns } ?? true)
        table.pointee.layer_norm(
            x.base, x.stride, residual?.base, residual?.stride ?? 0, gamma.base, beta.base, epsilon, out.base,
            out.stride, x.rows, x.columns)
    }

    /// Floats of scratch that `attention` needs for a sequence of this length.
    package func attentionScratchCount(tokens: Int, headWidth: Int) -> Int {
        resift_attention_scratch_count(table, tokens, headWidth)
    }

    /// out = softmax(q kᵀ scale) v, for one head of one sequence. q and out are [queries, D], k and v [tokens, D].
    package func attention(
        query: MatrixView, key: MatrixView, value: MatrixView, scale: Float, into out: MutableMatrixView,
        scratch: UnsafeMutablePointer<Float>
    ) {
        precondition(query.columns == key.columns && key.columns == value.columns && out.columns == value.columns)
        precondition(key.rows == value.rows && query.rows == out.rows)
        resift_attention(
            table, query.base, query.stride, key.base, key.stride, value.base, value.stride, out.base, out.stride,
            query.rows, key.rows, query.columns, scale, scratch)
    }

    /// The largest dimension of `dotInt8`, where no sum leaves 32 bits.
    package static let maxInt8Dimension = Int(RESIFT_DOT_I8_MAX_DIMENSION)

    /// out[row] = rows[row] · query. `rows` is [out.count, query.count] without gaps. Every variant gives the same,
    /// exact integers.
    package func dotInt8(
        _ rows: UnsafeBufferPointer<Int8>, query: UnsafeBufferPointer<Int8>, into out: UnsafeMutableBufferPointer<Int32>
    ) {
        precondition(query.count <= Kernels.maxInt8Dimension && rows.count == out.count * query.count)
        guard let rows = rows.baseAddress, let queryStart = query.baseAddress, let sums = out.baseAddress else {
            return
        }
        table.pointee.dot_i8(rows, out.count, query.count, queryStart, sums)
    }

    // Conversions of stored weights. Exact, so that every variant gives the same bits.

    package static func convertF16(_ source: UnsafeBufferPointer<UInt16>, into out: UnsafeMutablePointer<Float>) {
        guard let base = source.baseAddress else { return }
        resift_kernels_best().pointee.convert_f16(base, out, source.count)
    }

    package static func convertBF16(_ source: UnsafeBufferPointer<UInt16>, into out: UnsafeMutablePointer<Float>) {
        guard let base = source.baseAddress else { return }
        resift_convert_bf16(base, out, source.count)
    }

    package static func convertI8(
        _ source: UnsafeBufferPointer<Int8>, scale: Float, into out: UnsafeMutablePointer<Float>
    ) {
        guard let base = source.baseAddress else { return }
        resift_convert_i8(base, scale, out, source.count)
    }

    package static func allFinite(_ values: UnsafeBufferPointer<Float>) -> Bool {
        guard let base = values.baseAddress else { return true }
        return resift_all_finite(base, values.count)
    }
}
