// ModernBERT: an encoder that normalizes before each block. Every few layers a token sees the whole sequence, in the
// others a window; both kinds turn queries and keys with bases of their own. The first layer has no norm before its
// attention. The head is norm(act(h W_d)) W_o + b_o over the first token's vector or the mean of all.
//
// Paper: Warner et al., Smarter, Better, Faster, Longer, 2024, <https://arxiv.org/abs/2412.13663>.
// Python original: transformers 4.57.6, models/modernbert/modeling_modernbert.py.
// Proven by conformance tests: the fixtures modernbert-cross-encoder-mean and -cls (gte-reranker-modernbert).

package import OrderedJSON
package import Ranking

extension RotaryConfig {
    package static func modernBERT(_ config: JSONObject, path: String) throws(RankingError) -> RotaryConfig {
        let reader = FieldReader(config, source: path)
        let epsilon = try reader.float("norm_eps", in: 0...1, default: 1e-5)
        let normHasBias = try reader.bool("norm_bias", default: false)
        let attentionHasBias = try reader.bool("attention_bias", default: false)
        let feedForwardHasBias = try reader.bool("mlp_bias", default: false)
        func projection(_ place: Int) -> LinearSource {
            LinearSource("attn.Wqkv", hasBias: attentionHasBias, place: place, of: 3)
        }
        func gated(_ place: Int) -> LinearSource {
            LinearSource("mlp.Wi", hasBias: feedForwardHasBias, place: place, of: 2)
        }
        var modern = try RotaryConfig(
            config, path: path,
            hiddenAct: Activation(configName: reader.string("hidden_activation", default: "gelu")),
            norm: .layer(epsilon: epsilon, hasBias: normHasBias),
            layout: RotaryLayout(
                embeddings: "embeddings.tok_embeddings", embeddingNorm: "embeddings.norm", attentionNorm: "attn_norm",
                layerWithoutAttentionNorm: 0, query: projection(0), key: projection(1), value: projection(2),
                attentionOutput: LinearSource("attn.Wo", hasBias: attentionHasBias), feedForwardNorm: "mlp_norm",
                gate: gated(0), up: gated(1), down: LinearSource("mlp.Wo", hasBias: feedForwardHasBias),
                finalNorm: "final_norm"))
        guard modern.numKeyValueHeads == modern.numAttentionHeads,
            modern.headWidth * modern.numAttentionHeads == modern.hiddenSize
        else { throw reader.corrupt("gives a ModernBERT heads that do not add up to its hidden_size") }

        let window = try reader.integer("local_attention", in: 1...1_048_576, default: 128) / 2
        let period = try reader.integer("global_attn_every_n_layers", in: 1...1_024, default: 3)
        let global = try theta(
            config, path: path, kind: "full_attention", older: "global_rope_theta", default: 160_000)
        let local = try theta(
            config, path: path, kind: "sliding_attention", older: "local_rope_theta", default: 10_000)
        modern.layers = (0..<modern.numHiddenLayers).map { index in
            index % period == 0 ? Layer(theta: global, window: nil) : Layer(theta: local, window: window)
        }
        // Since transformers 5 the file lists the kinds themselves.
        if case .array(let kinds)? = config["layer_types"] {
            guard kinds.count == modern.numHiddenLayers,
                kinds.allSatisfy({ $0 == .string("full_attention") || $0 == .string("sliding_attention") })
            else { throw reader.corrupt("has layer_types that do not name the attention of each layer") }
            modern.layers = kinds.map {
                $0 == .string("full_attention")
                    ? Layer(theta: global, window: nil) : Layer(theta: local, window: window)
            }
        }
        modern.pooling =
            switch try reader.string("classifier_pooling", default: "cls") {
            case "cls": .firstToken
            case "mean": .mean
            case let other:
                throw RankingError(
                    .unsupportedModel, what: "\(path) has classifier_pooling \"\(other)\".",
                    why: "Supported are cls and mean.", fix: "Use another checkpoint.")
            }
        modern.head = ClassificationHead.Layout(
            dense: LinearSource("head.dense", hasBias: try reader.bool("classifier_bias", default: false)),
            activation: try Activation(
                configName: reader.string("classifier_activation", default: "gelu"),
                among: Activation.gelus + [.silu, .relu, .tanh]), norm: "head.norm", normEpsilon: epsilon,
            normHasBias: normHasBias, classifier: LinearSource("classifier"))
        return modern
    }
}
