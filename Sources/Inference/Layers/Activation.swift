package import Ranking

/// The nonlinearity of a feed-forward block, named as `hidden_act` in config.json.
package enum Activation: String, CaseIterable, Sendable {
    /// x/2 (1 + erf(x/√2)).
    case gelu
    /// The tanh form of GELU, x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))).
    case geluNew = "gelu_new"
    /// The same formula under its PyTorch name.
    case geluPyTorchTanh = "gelu_pytorch_tanh"

    package init(configName name: String) throws(RankingError) {
        guard let activation = Activation(rawValue: name) else {
            throw RankingError(
                .unsupportedModel, what: "config.json asks for the activation \"\(name)\".",
                why: "Supported are \(Activation.allCases.map(\.rawValue).joined(separator: ", ")).",
                fix: "Use a checkpoint with one of these activations.")
        }
        self = activation
    }

    package var isTanhForm: Bool { self != .gelu }

    package func callAsFunction(_ x: MutableMatrixView, _ kernels: Kernels) {
        switch self {
        case .gelu: kernels.gelu(x)
        case .geluNew, .geluPyTorchTanh: kernels.geluTanh(x)
        }
    }
}
