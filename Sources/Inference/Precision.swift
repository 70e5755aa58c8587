/// The numbers that a model's linear layers multiply. Everything between them is in single precision, and so are all
/// sums but those of bytes, which are exact integers.
public enum Precision: String, CaseIterable, Sendable {
    /// int8 where the CPU multiplies bytes several times as fast as floats, else fp32.
    case auto
    /// Weights as bytes with a scale for each output, activations as bytes with a scale and a zero for each token.
    case int8
    /// Weights and activations rounded to bfloat16. Needs a CPU that multiplies them.
    case bf16
    /// Single precision throughout: what the reference implementations compute.
    case fp32
}

extension Precision {
    /// Nil for single precision, and for `auto`, which is to be resolved first.
    package var narrowFormat: NarrowFormat? {
        switch self {
        case .int8: .int8
        case .bf16: .bf16
        case .auto, .fp32: nil
        }
    }
}
