// RoBERTa: BERT's body. Positions begin behind the padding id, there is one token type, and the head is
// tanh(h₀ W_d + b_d) W_o + b_o.
//
// Paper: Liu et al., RoBERTa, 2019, <https://arxiv.org/abs/1907.11692>.
// Python original: transformers 4.57.6, models/roberta/modeling_roberta.py.
// Proven by conformance tests: the fixture roberta-cross-encoder.

package import OrderedJSON
package import Ranking

extension BERTConfig {
    package static func roberta(_ config: JSONObject, path: String) throws(RankingError) -> BERTConfig {
        let reader = FieldReader(config, source: path)
        var roberta = try BERTConfig(config, path: path)
        let padding = try reader.integer("pad_token_id", in: 0...16_777_215, default: 1)
        guard padding + 1 < roberta.maxPositionEmbeddings else {
            throw reader.corrupt(
                "has pad_token_id \(padding), which leaves no position of \(roberta.maxPositionEmbeddings)")
        }
        roberta.positions = .behindPadding(id: padding)
        roberta.types = .first
        roberta.layout.prefix = "roberta."
        roberta.head = ClassificationHead.Layout(
            dense: LinearSource("classifier.dense"), activation: .tanh, classifier: LinearSource("classifier.out_proj"))
        return roberta
    }
}
