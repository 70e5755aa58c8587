package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A nonlinearity, named as in config.json.
package enum Activation: String, CaseIterable, Sendable {
    /// x/2 (1 + erf(x/√2)).
    case gelu
    /// The tanh form of GELU, x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))).
    case geluNew = "gelu_new"
    /// The same formula under its PyTorch name.
    case geluPyTorchTanh = "gelu_pytorch_tanh"
    /// x / (1 + e^-x).
    case silu
    /// max(x, 0).
    case relu
    case tanh

    /// What a feed-forward block of an encoder may have.
    package static let gelus: [Activation] = [.gelu, .geluNew, .geluPyTorchTanh]

    package init(
        configName name: String, among supported: [Activation] = Activation.gelus
    ) throws(RankingError) {
        guard let activation = Activation(rawValue: name), supported.contains(activation) else {
            throw RankingError(
                .unsupportedModel, what: "config.json asks for the activation \"\(name)\".",
                why: "Supported are \(supported.map(\.rawValue).joined(separator: ", ")).",
                fix: "Use a checkpoint with one of these activations.")
        }
        self = activation
    }

    /// Of the GELUs.
    package var isTanhForm: Bool { self != .gelu }

    package func callAsFunction(_ x: MutableMatrixView, _ kernels: Kernels) {
        switch self {
        case .gelu: kernels.gelu(x)
        case .geluNew, .geluPyTorchTanh: kernels.geluTanh(x)
        case .silu: kernels.silu(x)
        case .relu: Activation.apply(x) { $0 < 0 ? 0 : $0 }
        case .tanh: Activation.apply(x, tanhf)
        }
    }

    /// For a head's few rows.
    private static func apply(_ x: MutableMatrixView, _ function: (Float) -> Float) {
        for row in 0..<x.rows {
            for column in 0..<x.columns { x[row][column] = function(x[row][column]) }
        }
    }
}
