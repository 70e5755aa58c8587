// DistilBERT: BERT's body without token types; the head is relu(h₀ W_d + b_d) W_o + b_o.
//
// Paper: Sanh et al., DistilBERT, 2019, <https://arxiv.org/abs/1910.01108>.
// Python original: transformers 4.57.6, models/distilbert/modeling_distilbert.py.
// Proven by conformance tests: the fixture distilbert-cross-encoder.

package import OrderedJSON
package import Ranking

extension BERTConfig {
    package static func distilBERT(_ config: JSONObject, path: String) throws(RankingError) -> BERTConfig {
        var distil = try BERTConfig(
            config, path: path,
            keys: Keys(
                hiddenSize: "dim", numHiddenLayers: "n_layers", numAttentionHeads: "n_heads",
                intermediateSize: "hidden_dim", hiddenAct: "activation", layerNormEps: nil))
        distil.types = .none
        distil.layout = BERTLayout(
            prefix: "distilbert.", layers: "transformer.layer", query: LinearSource("attention.q_lin"),
            key: LinearSource("attention.k_lin"), value: LinearSource("attention.v_lin"),
            attentionOutput: "attention.out_lin", attentionNorm: "sa_layer_norm", intermediate: "ffn.lin1",
            output: "ffn.lin2", outputNorm: "output_layer_norm")
        distil.head = ClassificationHead.Layout(
            dense: LinearSource("pre_classifier"), activation: .relu, classifier: LinearSource("classifier"))
        return distil
    }
}
