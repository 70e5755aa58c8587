package import Ranking

/// LayerNorm(x) = (x - mean) / sqrt(variance + ε) ⊙ γ + β, over each row.
package struct LayerNorm: Sendable {
    private let gamma: FloatBuffer
    private let beta: FloatBuffer
    private let epsilon: Float

    /// Loads `name.weight` (γ) and `name.bias` (β, 0 where the model has none).
    package static func load(
        _ checkpoint: Checkpoint, _ name: String, width: Int, epsilon: Float, hasBias: Bool = true
    ) throws(RankingError) -> LayerNorm {
        LayerNorm(
            gamma: FloatBuffer(try checkpoint.floats(name + ".weight", shape: [width])),
            beta: FloatBuffer(
                hasBias
                    ? try checkpoint.floats(name + ".bias", shape: [width]) : [Float](repeating: 0, count: width)),
            epsilon: epsilon)
    }

    /// out = LayerNorm(x + residual); out may be x or residual.
    package func callAsFunction(
        _ x: MatrixView, adding residual: MatrixView? = nil, into out: MutableMatrixView, _ kernels: Kernels
    ) {
        kernels.layerNorm(x, residual: residual, gamma: gamma, beta: beta, epsilon: epsilon, into: out)
    }
}
