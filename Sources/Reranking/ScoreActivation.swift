import OrderedJSON
public import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How raw logits become a score.
public enum ScoreActivation: String, CaseIterable, Sendable {
    /// The logit itself.
    case identity
    /// 1 / (1 + e^-x).
    case sigmoid
    /// e^x_i / Σ_j e^x_j over the labels.
    case softmax

    public var scoreKind: ScoreKind { self == .identity ? .logit : .normalizedRelevance }

    /// The scores of all labels. Computed in double precision, so that large logits stay apart.
    public func callAsFunction(_ logits: [Float]) -> [Float] {
        switch self {
        case .identity: return logits
        case .sigmoid: return logits.map { Float(1 / (1 + exp(-Double($0)))) }
        case .softmax:
            let peak = Double(logits.max() ?? 0)
            let powers = logits.map { exp(Double($0) - peak) }
            let sum = powers.reduce(0, +)
            return powers.map { Float($0 / sum) }
        }
    }

    /// The rule of sentence-transformers: what config.json names under `sentence_transformers.activation_fn` or the
    /// older `sbert_ce_default_activation_function`; where it names nothing, sigmoid for one label and identity for
    /// more.
    static func declared(in config: JSONObject, labels: Int, path: String) throws(RankingError) -> ScoreActivation {
        var name: String?
        if case .object(let section)? = config["sentence_transformers"],
            case .string(let value)? = section["activation_fn"]
        {
            name = value
        } else if case .string(let value)? = config["sbert_ce_default_activation_function"] {
            name = value
        }
        guard let name else { return labels == 1 ? .sigmoid : .identity }
        let known: [String: ScoreActivation] = [
            "torch.nn.modules.linear.Identity": .identity, "torch.nn.modules.activation.Sigmoid": .sigmoid,
        ]
        guard let activation = known[name] else {
            throw RankingError(
                .unsupportedModel, what: "\(path) names the activation \"\(name)\".",
                why: "Supported are \(known.keys.sorted().joined(separator: ", ")).",
                fix:
                    "Use another checkpoint, or set the entry to one of these if that is what the model was trained for."
            )
        }
        return activation
    }
}
