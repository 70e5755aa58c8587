// Qwen2: a causal model with RMSNorm, grouped-query attention, biases on queries, keys and values, SwiGLU.
//
// Paper: Qwen2 Technical Report, 2024, <https://arxiv.org/abs/2407.10671>.
// Python original: transformers 4.57.6, models/qwen2/modeling_qwen2.py.
// Proven by conformance tests: the fixture qwen2-mxbai-rerank-v2 (mxbai-rerank-base-v2, -large-v2).

package import OrderedJSON
package import Ranking

extension RotaryConfig {
    package static func qwen2(_ config: JSONObject, path: String) throws(RankingError) -> RotaryConfig {
        try causal(
            config, path: path, activation: "hidden_act", projectionHasBias: true, outputHasBias: false,
            ties: false)
    }

    /// What Qwen2, Qwen3 and Gemma have in common: names as in LLaMA. `ties` is what holds where the file says nothing.
    static func causal(
        _ config: JSONObject, path: String, activation key: String, default activation: String = "silu",
        normOffset: Float = 0, projectionHasBias: Bool, outputHasBias: Bool, ties: Bool,
        headWidth: Int? = nil
    ) throws(RankingError) -> RotaryConfig {
        let reader = FieldReader(config, source: path)
        func projection(_ name: String) -> LinearSource {
            LinearSource("self_attn.\(name)", hasBias: projectionHasBias)
        }
        func feedForward(_ name: String) -> LinearSource { LinearSource("mlp.\(name)", hasBias: false) }
        var causal = try RotaryConfig(
            config, path: path,
            hiddenAct: Activation(
                configName: reader.string(key, default: activation), among: Activation.gelus + [.silu]),
            norm: .rms(epsilon: reader.float("rms_norm_eps", in: 0...1, default: 1e-6), offset: normOffset),
            layout: RotaryLayout(
                embeddings: "embed_tokens", attentionNorm: "input_layernorm", query: projection("q_proj"),
                key: projection("k_proj"), value: projection("v_proj"),
                attentionOutput: LinearSource("self_attn.o_proj", hasBias: outputHasBias),
                feedForwardNorm: "post_attention_layernorm", gate: feedForward("gate_proj"), up: feedForward("up_proj"),
                down: feedForward("down_proj"), finalNorm: "norm"),
            headWidth: headWidth)
        causal.isCausal = true
        causal.tiesEmbeddings = try reader.bool("tie_word_embeddings", default: ties)
        let theta = try theta(config, path: path, default: 10_000)
        causal.layers = (0..<causal.numHiddenLayers).map { _ in Layer(theta: theta, window: nil) }
        guard try !reader.bool("use_sliding_window", default: false) else {
            throw RankingError(
                .unsupportedModel, what: "\(path) has use_sliding_window true.",
                why: "Resift's causal models see everything before a token.", fix: "Use another checkpoint.")
        }
        return causal
    }
}
