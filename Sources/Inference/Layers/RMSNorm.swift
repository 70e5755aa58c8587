package import Ranking

/// RMSNorm(x) = x / sqrt(mean(x²) + ε) ⊙ γ, over each row.
///
/// Source: Zhang & Sennrich, Root Mean Square Layer Normalization, NeurIPS 2019, <https://arxiv.org/abs/1910.07467>.
package struct RMSNorm: Sendable {
    private let gamma: FloatBuffer
    private let epsilon: Float

    /// Loads `name.weight`; γ is `offset` more than it (1 in Gemma, else 0).
    package static func load(
        _ checkpoint: Checkpoint, _ name: String, width: Int, epsilon: Float, offset: Float = 0
    ) throws(RankingError) -> RMSNorm {
        let weight = try checkpoint.floats(name + ".weight", shape: [width])
        return RMSNorm(gamma: FloatBuffer(weight.map { $0 + offset }), epsilon: epsilon)
    }

    /// out may be x.
    package func callAsFunction(_ x: MatrixView, into out: MutableMatrixView, _ kernels: Kernels) {
        kernels.rmsNorm(x, gamma: gamma, epsilon: epsilon, into: out)
    }
}
