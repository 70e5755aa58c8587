package import Ranking

/// y = x Wᵀ + b; the weight is stored [outputs, inputs].
package struct Linear: Sendable {
    private let weight: PackedMatrix
    private let bias: FloatBuffer

    package var outputs: Int { weight.outputs }

    /// Loads `name.weight` and `name.bias`.
    package static func load(
        _ checkpoint: Checkpoint, _ name: String, inputs: Int, outputs: Int, kernels: Kernels
    ) throws(RankingError) -> Linear {
        try load(checkpoint, stacked: [LinearSource(name)], inputs: inputs, outputs: outputs, kernels: kernels)
    }

    /// Loads several layers of the same input as one, their outputs side by side.
    package static func load(
        _ checkpoint: Checkpoint, stacked sources: [LinearSource], inputs: Int, outputs: Int, kernels: Kernels
    ) throws(RankingError) -> Linear {
        // All shapes are right before memory is taken for any of them.
        var stored: [Checkpoint.StoredLinear] = []
        for source in sources { stored.append(try checkpoint.linear(source, inputs: inputs, outputs: outputs)) }
        let weight = FloatBuffer(count: sources.count * outputs * inputs)
        for (index, layer) in stored.enumerated() {
            let base = weight.writable + index * outputs * inputs
            for output in 0..<outputs { layer.read(output: output, into: base + output * inputs) }
            guard Kernels.allFinite(UnsafeBufferPointer(start: base, count: outputs * inputs)) else {
                throw checkpoint.notFinite(sources[index].name + ".weight")
            }
        }
        return Linear(
            weight: kernels.pack(
                weight: MatrixView(weight.base, rows: outputs * sources.count, columns: inputs)),
            bias: FloatBuffer(stored.flatMap(\.bias)))
    }

    /// A layer whose outputs are rows of an embedding table, without bias.
    package static func load(
        _ checkpoint: Checkpoint, rows: [Int], of table: StoredMatrix, named name: String, kernels: Kernels
    ) throws(RankingError) -> Linear {
        let weight = FloatBuffer(count: rows.count * table.columns)
        for (index, row) in rows.enumerated() { table.read(row: row, into: weight.writable + index * table.columns) }
        guard Kernels.allFinite(UnsafeBufferPointer(start: weight.base, count: weight.count)) else {
            throw checkpoint.notFinite(name)
        }
        return Linear(
            weight: kernels.pack(weight: MatrixView(weight.base, rows: rows.count, columns: table.columns)),
            bias: FloatBuffer([Float](repeating: 0, count: rows.count)))
    }

    package func callAsFunction(_ x: MatrixView, into y: MutableMatrixView, _ kernels: Kernels) {
        kernels.matmul(x, weight, bias: bias, into: y)
    }
}
