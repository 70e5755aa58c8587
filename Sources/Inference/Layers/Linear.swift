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
        try load(checkpoint, stacked: [name], inputs: inputs, outputs: outputs, kernels: kernels)
    }

    /// Loads several layers of the same input as one, their outputs side by side.
    package static func load(
        _ checkpoint: Checkpoint, stacked names: [String], inputs: Int, outputs: Int, kernels: Kernels
    ) throws(RankingError) -> Linear {
        var weight: [Float] = []
        var bias: [Float] = []
        for name in names {
            weight += try checkpoint.floats(name + ".weight", shape: [outputs, inputs])
            bias += try checkpoint.floats(name + ".bias", shape: [outputs])
        }
        let packed = weight.withUnsafeBufferPointer { buffer -> PackedMatrix? in
            guard let base = buffer.baseAddress else { return nil }
            return kernels.pack(weight: MatrixView(base, rows: outputs * names.count, columns: inputs))
        }
        guard let packed else {
            throw RankingError(
                .corruptFile, what: "\(names.joined(separator: ", ")) has no values.",
                why: "A layer of the model has width 0.", fix: "Download config.json and the weights again.")
        }
        return Linear(weight: packed, bias: FloatBuffer(bias))
    }

    package func callAsFunction(_ x: MatrixView, into y: MutableMatrixView, _ kernels: Kernels) {
        kernels.matmul(x, weight, bias: bias, into: y)
    }
}
