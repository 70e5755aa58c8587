// Gemma: a causal model whose embeddings are multiplied by √H, whose norms multiply by 1 + weight, with GeGLU.
//
// Paper: Gemma, 2024, <https://arxiv.org/abs/2403.08295>.
// Python original: transformers 4.57.6, models/gemma/modeling_gemma.py.
// Proven by conformance tests: the fixture gemma-reranker (bge-reranker-v2-gemma).
//
// Which GELU: a file that says "gelu" is computed with the exact form by transformers 4.57 and with the tanh form by
// 5.x. The models were trained with the tanh form, and that is what is computed here for both names.

package import OrderedJSON
package import Ranking

extension RotaryConfig {
    package static func gemma(_ config: JSONObject, path: String) throws(RankingError) -> RotaryConfig {
        let hasBias = try FieldReader(config, source: path).bool("attention_bias", default: false)
        let key = [JSONValue?.none, .null].contains(config["hidden_activation"]) ? "hidden_act" : "hidden_activation"
        var gemma = try causal(
            config, path: path, activation: key, default: "gelu_pytorch_tanh", normOffset: 1,
            projectionHasBias: hasBias, outputHasBias: hasBias, ties: true, headWidth: 256)
        if gemma.hiddenAct == .gelu { gemma.hiddenAct = .geluPyTorchTanh }
        gemma.embeddingScale = Float(gemma.hiddenSize).squareRoot()
        return gemma
    }
}
