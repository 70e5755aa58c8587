// CKernels is imported here, in Kernels+MaxSim.swift and in Kernels+TokenVectors.swift alone. Above them nothing knows which
// instructions the CPU has.

import CKernels
package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The right-hand side of a matrix product, laid out for one kernel variant.
package struct PackedMatrix: Sendable {
    /// K, the width of the left-hand side's rows.
    package let inputs: Int
    /// N, the width of the product's rows.
    package let outputs: Int
    let panels: FloatBuffer
}

/// A number format of 8 or 16 bits, for the operands of linear layers.
package enum NarrowFormat: Sendable {
    case int8, bf16

    fileprivate var itemSize: Int { self == .int8 ? 1 : 2 }
}

/// Rows of activations as the left-hand side of a narrow product: bytes with a scale and a zero for each row, or
/// bfloat16.
package struct NarrowRows {
    package let columns: Int
    package private(set) var count: Int
    let format: NarrowFormat
    let stride: Int
    private var first = 0
    private let values: ByteBuffer
    private let rowScales: ByteBuffer

    package init(_ format: NarrowFormat, rows: Int, columns: Int) {
        self.format = format
        self.columns = columns
        count = rows
        stride = HalfMatrixView.paddedWidth(columns)
        values = ByteBuffer(count: rows * stride * format.itemSize)
        rowScales = ByteBuffer(count: rows * MemoryLayout<resift_row_scale>.stride)
    }

    package func rows(_ range: Range<Int>) -> NarrowRows {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        var part = self
        part.first += range.lowerBound
        part.count = range.count
        return part
    }

    var bytes: UnsafeMutablePointer<UInt8> {
        values.writable.assumingMemoryBound(to: UInt8.self) + first * stride
    }
    var halves: UnsafeMutablePointer<UInt16> {
        values.writable.assumingMemoryBound(to: UInt16.self) + first * stride
    }
    var scales: UnsafeMutablePointer<resift_row_scale> {
        rowScales.writable.assumingMemoryBound(to: resift_row_scale.self) + first
    }
}

/// The weight and bias of a linear layer in a narrow format, laid out for one kernel variant.
package struct NarrowMatrix: Sendable {
    /// What `bytes` holds, one after the other, each on a boundary of 64: the panels, and for each output, up to the end
    /// of the last panel, the sum of its integers, their scale and its bias.
    package struct Layout: Sendable, Equatable {
        package let inputs: Int
        package let outputs: Int
        fileprivate let format: NarrowFormat
        fileprivate let sums: Int
        fileprivate let scales: Int
        fileprivate let bias: Int
        package let byteCount: Int

        fileprivate init(format: NarrowFormat, inputs: Int, outputs: Int, panelBytes: Int, panelWidth: Int) {
            self.format = format
            self.inputs = inputs
            self.outputs = outputs
            func padded(_ count: Int) -> Int { (count + 63) / 64 * 64 }
            let byOutput = padded(4 * ((outputs + panelWidth - 1) / panelWidth * panelWidth))
            sums = padded(panelBytes)
            scales = sums + byOutput
            bias = scales + byOutput
            byteCount = bias + byOutput
        }
    }

    package let layout: Layout
    package let bytes: ConstantBytes

    /// `bytes` are those of another matrix of this layout.
    package init(layout: Layout, bytes: ConstantBytes) {
        precondition(bytes.count == layout.byteCount)
        self.layout = layout
        self.bytes = bytes
    }

    package var inputs: Int { layout.inputs }
    package var outputs: Int { layout.outputs }
    fileprivate var format: NarrowFormat { layout.format }
    var bytePanels: UnsafePointer<Int8> { bytes.start.assumingMemoryBound(to: Int8.self) }
    var halfPanels: UnsafePointer<UInt16> { bytes.start.assumingMemoryBound(to: UInt16.self) }
    var sums: UnsafePointer<Int32> { (bytes.start + layout.sums).assumingMemoryBound(to: Int32.self) }
    var scales: UnsafePointer<Float> { (bytes.start + layout.scales).assumingMemoryBound(to: Float.self) }
    var bias: UnsafePointer<Float> { (bytes.start + layout.bias).assumingMemoryBound(to: Float.self) }
}

/// The arithmetic of inference, done by the best instructions of this CPU or by those that a name asks for.
///
/// Each result element depends on its own row only, in a fixed order of summation (see CKernels.h).
package struct Kernels: Sendable {
    nonisolated(unsafe) let table: UnsafePointer<resift_kernels>
    nonisolated(unsafe) let int8: UnsafePointer<resift_int8_product>
    /// nil where the CPU has no instructions for it.
    private nonisolated(unsafe) let bf16: UnsafePointer<resift_bf16_product>?

    private init(table: UnsafePointer<resift_kernels>) {
        self.table = table
        int8 = resift_int8_for(table)
        bf16 = resift_bf16_for(table)
    }

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

    /// x ⊙= y, row by row.
    package func multiply(_ x: MutableMatrixView, _ y: MatrixView) {
        precondition(x.rows == y.rows && x.columns == y.columns)
        for row in 0..<x.rows { table.pointee.multiply(x[row], y[row], x.columns) }
    }

    package func silu(_ x: MutableMatrixView) {
        for row in 0..<x.rows { table.pointee.silu(x[row], x.columns) }
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

    /// out = x / sqrt(mean(x²) + ε) ⊙ gamma, over each row; out may be x.
    package func rmsNorm(_ x: MatrixView, gamma: FloatBuffer, epsilon: Float, into out: MutableMatrixView) {
        precondition(gamma.count == x.columns && out.rows == x.rows && out.columns == x.columns)
        table.pointee.rms_norm(x.base, x.stride, gamma.base, epsilon, out.base, out.stride, x.rows, x.columns)
    }

    /// Turns each pair (x[i], x[i + half]) of `heads` stretches of 2 * half numbers by the angle whose cosine and sine
    /// are given.
    package func rotate(
        _ x: UnsafeMutablePointer<Float>, heads: Int, half: Int, cosines: UnsafePointer<Float>,
        sines: UnsafePointer<Float>
    ) {
        table.pointee.rotate(x, heads, half, cosines, sines)
    }

    /// Floats of scratch that `attention` needs for so many keys.
    package func attentionScratchCount(tokens: Int, headWidth: Int, relativePositions: Int = 0) -> Int {
        resift_attention_scratch_count(table, tokens, headWidth, relativePositions)
    }

    /// out = softmax(scale q kᵀ) v for each of the heads that share these keys and values.
    ///
    /// q and out are [queries, heads * D], and may be the same matrix. The keys are those of `before`, then `own`. Without
    /// `reach` every query sees every key.
    package func attention(
        query: MatrixView, before: KeysValues? = nil, own: KeysValues, scale: Float, reach: Reach? = nil,
        relative: RelativePositions? = nil, into out: MutableMatrixView, scratch: UnsafeMutablePointer<Float>
    ) {
        let width = own.key.columns
        let tokens = own.key.rows + (before?.key.rows ?? 0)
        precondition(query.columns % width == 0 && out.columns == query.columns && out.rows == query.rows)
        precondition(before.map { $0.key.columns == width } ?? true)
        precondition(
            reach.map { $0.first >= 0 && $0.before >= 0 && $0.first + query.rows - tokens <= $0.before } ?? true)
        precondition(relative.map { $0.keys.inputs == width && query.rows <= tokens } ?? true)
        var earlier = before?.raw ?? resift_keys_values()
        var range = resift_reach(first: reach?.first ?? 0, before: reach?.before ?? 0, after: reach?.after ?? 0)
        var positions = resift_relative_positions(
            packed_keys: relative?.keys.panels.base, packed_queries: relative?.queries.panels.base,
            count: relative?.keys.outputs ?? 0, buckets: relative?.buckets)
        withUnsafePointer(to: &earlier) { earlier in
            withUnsafePointer(to: &range) { range in
                withUnsafePointer(to: &positions) { positions in
                    var task = resift_attention_task(
                        q: query.base, out: out.base, ldq: query.stride, ldo: out.stride, heads: query.columns / width,
                        queries: query.rows, head_width: width, scale: scale, before: before == nil ? nil : earlier,
                        own: own.raw, reach: reach == nil ? nil : range, relative: relative == nil ? nil : positions)
                    resift_attention(table, &task, scratch)
                }
            }
        }
    }

    // MARK: Narrow formats

    /// What `precision` comes down to on this CPU; never `auto`.
    package func resolve(_ precision: Precision) throws(RankingError) -> Precision {
        switch precision {
        case .auto: return int8.pointee.is_fast ? .int8 : .fp32
        case .bf16 where bf16 == nil:
            throw RankingError(
                .invalidInput, what: "This CPU does not multiply bfloat16 (with its \(name) kernels).",
                why: "In other instructions it would be slower than fp32, and no more precise.",
                fix: "Choose int8, fp32 or auto.")
        case .int8, .bf16, .fp32: return precision
        }
    }

    /// Rows of narrow operands are filled up to a multiple of this.
    static let operandStep = Int(RESIFT_OPERAND_STEP)

    /// The widest input of a linear layer in int8, whose sums fit 32 bits.
    package static let maxInt8Inputs = Int(RESIFT_INT8_MAX_WIDTH)

    /// A weight in the making: outputs are added in order.
    package struct NarrowPacker {
        private let kernels: Kernels
        private let layout: NarrowMatrix.Layout
        private let buffer: ByteBuffer
        private var integers: [Int8]
        private var halves: [UInt16]
        private var next = 0

        fileprivate init(_ kernels: Kernels, _ layout: NarrowMatrix.Layout) {
            self.kernels = kernels
            self.layout = layout
            buffer = ByteBuffer(count: layout.byteCount)
            integers = [Int8](repeating: 0, count: layout.format == .int8 ? layout.inputs : 0)
            halves = [UInt16](
                repeating: 0, count: layout.format == .bf16 ? HalfMatrixView.paddedWidth(layout.inputs) : 0)
        }

        /// The weights of the next output, [inputs].
        package mutating func add(_ weights: UnsafePointer<Float>, bias: Float) {
            switch layout.format {
            case .int8:
                let scale = integers.withUnsafeMutableBufferPointer {
                    resift_quantize_weights(weights, layout.inputs, $0.baseAddress)
                }
                integers.withUnsafeBufferPointer { if let base = $0.baseAddress { put(base, scale) } }
            case .bf16:
                let panels = buffer.writable.assumingMemoryBound(to: UInt16.self)
                halves.withUnsafeMutableBufferPointer {
                    kernels.table.pointee.round_bf16(weights, 0, $0.baseAddress, 0, 1, layout.inputs)
                    resift_bf16_pack(kernels.bf16Product, $0.baseAddress, layout.inputs, next, panels)
                }
            }
            finish(bias)
        }

        /// The same for weights that are stored as integers: they are used as they are. For int8 alone.
        package mutating func add(_ integers: UnsafePointer<Int8>, scale: Float, bias: Float) {
            precondition(layout.format == .int8)
            put(integers, scale)
            finish(bias)
        }

        private func put(_ integers: UnsafePointer<Int8>, _ scale: Float) {
            let panels = buffer.writable.assumingMemoryBound(to: Int8.self)
            (buffer.writable + layout.sums).assumingMemoryBound(to: Int32.self)[next] = resift_int8_pack(
                kernels.int8, integers, layout.inputs, next, panels)
            (buffer.writable + layout.scales).assumingMemoryBound(to: Float.self)[next] = scale
        }

        private mutating func finish(_ bias: Float) {
            precondition(next < layout.outputs)
            (buffer.writable + layout.bias).assumingMemoryBound(to: Float.self)[next] = bias
            next += 1
        }

        package func packed() -> NarrowMatrix {
            precondition(next == layout.outputs)
            return NarrowMatrix(layout: layout, bytes: ConstantBytes(buffer))
        }
    }

    /// The instructions that multiply this format, which decide how a weight is laid out.
    package func productName(_ format: NarrowFormat) -> String {
        String(cString: format == .int8 ? int8.pointee.name : bf16Product.pointee.name)
    }

    package func layout(_ format: NarrowFormat, inputs: Int, outputs: Int) -> NarrowMatrix.Layout {
        switch format {
        case .int8:
            NarrowMatrix.Layout(
                format: format, inputs: inputs, outputs: outputs,
                panelBytes: resift_int8_panel_bytes(int8, outputs, inputs), panelWidth: int8.pointee.panel_width)
        case .bf16:
            NarrowMatrix.Layout(
                format: format, inputs: inputs, outputs: outputs,
                panelBytes: 2 * resift_bf16_panel_count(bf16Product, outputs, inputs),
                panelWidth: bf16Product.pointee.panel_width)
        }
    }

    package var multipliesBF16: Bool { bf16 != nil }

    /// Weights in bfloat16 exist only where `resolve` let the precision through.
    var bf16Product: UnsafePointer<resift_bf16_product> {
        guard let bf16 else { preconditionFailure("bf16 operands on a CPU without bf16 products") }
        return bf16
    }

    package func packer(_ layout: NarrowMatrix.Layout) -> NarrowPacker {
        precondition(layout.format == .bf16 || layout.inputs <= Kernels.maxInt8Inputs)
        return NarrowPacker(self, layout)
    }

    /// c = a b + bias.
    package func matmul(_ a: NarrowRows, _ b: NarrowMatrix, into c: MutableMatrixView) {
        precondition(a.columns == b.inputs && c.columns == b.outputs && a.count == c.rows && a.format == b.format)
        switch b.format {
        case .int8:
            var matrix = resift_int8_matrix(
                n: b.outputs, k: b.inputs, panels: b.bytePanels, sums: b.sums, scales: b.scales, bias: b.bias)
            int8.pointee.matmul(a.bytes, a.stride, a.scales, &matrix, c.base, c.stride, a.count)
        case .bf16:
            bf16Product.pointee.matmul(
                a.halves, a.stride, b.halfPanels, b.bias, c.base, c.stride, a.count, b.outputs, b.inputs)
        }
    }

    /// out = x in out's format.
    package func narrow(_ x: MatrixView, into out: NarrowRows) {
        precondition(x.columns == out.columns && x.rows == out.count)
        switch out.format {
        case .int8: table.pointee.quantize(x.base, x.stride, out.bytes, out.stride, out.scales, x.rows, x.columns)
        case .bf16: table.pointee.round_bf16(x.base, x.stride, out.halves, out.stride, x.rows, x.columns)
        }
    }

    /// out = GELU(x) in out's format, by an approximation that suits it; x is overwritten.
    package func narrowGELU(_ x: MutableMatrixView, tanhForm: Bool, into out: NarrowRows) {
        precondition(x.columns == out.columns && x.rows == out.count)
        switch out.format {
        case .int8:
            table.pointee.gelu_quantize(
                x.base, x.stride, tanhForm, out.bytes, out.stride, out.scales, x.rows, x.columns)
        case .bf16:
            table.pointee.gelu_bf16(x.base, x.stride, tanhForm, out.halves, out.stride, x.rows, x.columns)
        }
    }

    /// Whole rows of `out`, whose stride leaves room for `HalfMatrixView.paddedWidth`.
    package func roundToBF16(_ x: MatrixView, into out: HalfMatrixView) {
        precondition(x.columns == out.columns && x.rows == out.rows)
        precondition(out.stride >= HalfMatrixView.paddedWidth(out.columns))
        table.pointee.round_bf16(x.base, x.stride, out.base, out.stride, x.rows, x.columns)
    }

    /// out = x, exactly.
    package func widen(_ x: HalfMatrixView, into out: MutableMatrixView) {
        precondition(x.rows == out.rows && x.columns == out.columns)
        for row in 0..<x.rows { resift_convert_bf16(x.base + row * x.stride, out[row], x.columns) }
    }

    package func attentionBF16ScratchCount(tokens: Int, headWidth: Int) -> Int {
        resift_attention_bf16_scratch_count(table, tokens, headWidth)
    }

    /// `attention` on bfloat16 operands.
    package func attention(
        query: HalfMatrixView, key: HalfMatrixView, value: HalfMatrixView, scale: Float, into out: MutableMatrixView,
        scratch: UnsafeMutablePointer<Float>
    ) {
        precondition(query.columns == key.columns && key.columns == value.columns && out.columns == value.columns)
        precondition(key.rows == value.rows && query.rows == out.rows)
        resift_attention_bf16(
            table, query.base, query.stride, key.base, key.stride, value.base, value.stride, out.base, out.stride,
            query.rows, key.rows, query.columns, scale, scratch)
    }

    /// One output's weights as bytes, by which their scale is multiplied: what `NarrowPacker` does too.
    package static func quantize(_ weights: UnsafeBufferPointer<Float>, into integers: UnsafeMutableBufferPointer<Int8>)
        -> Float
    {
        precondition(integers.count == weights.count)
        return resift_quantize_weights(weights.baseAddress, weights.count, integers.baseAddress)
    }

    // MARK: Dot products of bytes

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

extension Kernels.KeysValues {
    fileprivate var raw: resift_keys_values {
        resift_keys_values(k: key.base, v: value.base, ldk: key.stride, ldv: value.stride, tokens: key.rows)
    }
}
