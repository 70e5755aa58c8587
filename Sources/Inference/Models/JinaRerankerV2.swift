// Jina Reranker v2: XLM-RoBERTa in the layout of its FlashAttention implementation, with other tensor names and the
// query, key and value layers in one tensor.
//
// Model: <https://huggingface.co/jinaai/jina-reranker-v2-base-multilingual>; the names are those under which vLLM and
// SGLang load it.
// Proven by conformance tests: the fixture jina-reranker-v2, whose numbers come from transformers' XLM-RoBERTa with the
// same weights. Variants with rotary positions are refused.

package import OrderedJSON
package import Ranking

extension BERTConfig {
    package static func jinaRerankerV2(_ config: JSONObject, path: String) throws(RankingError) -> BERTConfig {
        var jina = try xlmRoBERTa(config, path: path)
        jina.layout.embeddingNorm = "emb_ln"
        jina.layout.layers = "encoder.layers"
        jina.layout.query = LinearSource("mixer.Wqkv", place: 0, of: 3)
        jina.layout.key = LinearSource("mixer.Wqkv", place: 1, of: 3)
        jina.layout.value = LinearSource("mixer.Wqkv", place: 2, of: 3)
        jina.layout.attentionOutput = "mixer.out_proj"
        jina.layout.attentionNorm = "norm1"
        jina.layout.intermediate = "mlp.fc1"
        jina.layout.output = "mlp.fc2"
        jina.layout.outputNorm = "norm2"
        return jina
    }
}
