// Qwen3: Qwen2 without the biases, with a norm over each head's queries and keys.
//
// Paper: Qwen3 Technical Report, 2025, <https://arxiv.org/abs/2505.09388>.
// Python original: transformers 4.57.6, models/qwen3/modeling_qwen3.py.
// Proven by conformance tests: the fixtures qwen3-reranker (answers yes and no) and qwen3-seq-cls (a head over the last
// token).

package import OrderedJSON
package import Ranking

extension RotaryConfig {
    package static func qwen3(_ config: JSONObject, path: String) throws(RankingError) -> RotaryConfig {
        let hasBias = try FieldReader(config, source: path).bool("attention_bias", default: false)
        var qwen3 = try causal(
            config, path: path, activation: "hidden_act", projectionHasBias: hasBias, outputHasBias: hasBias,
            ties: false, headWidth: 128)
        qwen3.hasQueryKeyNorm = true
        return qwen3
    }
}
