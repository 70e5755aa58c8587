// ELECTRA: BERT's body over embeddings of a width of their own, without a pooler; the head is
// gelu(h₀ W_d + b_d) W_o + b_o.
//
// Paper: Clark et al., ELECTRA, ICLR 2020, <https://arxiv.org/abs/2003.10555>.
// Python original: transformers 4.57.6, models/electra/modeling_electra.py.
// Proven by conformance tests: the fixture electra-cross-encoder.

package import OrderedJSON
package import Ranking

extension BERTConfig {
    package static func electra(_ config: JSONObject, path: String) throws(RankingError) -> BERTConfig {
        var electra = try BERTConfig(config, path: path)
        electra.embeddingSize = try FieldReader(config, source: path).integer(
            "embedding_size", in: 1...65_536, default: 128)
        electra.layout.prefix = "electra."
        electra.head = ClassificationHead.Layout(
            dense: LinearSource("classifier.dense"), activation: .gelu, classifier: LinearSource("classifier.out_proj"))
        return electra
    }
}
