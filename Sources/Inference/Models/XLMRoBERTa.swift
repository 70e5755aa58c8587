// XLM-RoBERTa: RoBERTa's architecture and tensor names, another vocabulary.
//
// Paper: Conneau et al., Unsupervised Cross-lingual Representation Learning at Scale, ACL 2020,
// <https://arxiv.org/abs/1911.02116>.
// Python original: transformers 4.57.6, models/xlm_roberta/modeling_xlm_roberta.py.
// Proven by conformance tests: the fixture xlm-roberta-cross-encoder, by sentence-transformers' rule and by
// FlagEmbedding's (bge-reranker-base, -large, -v2-m3).

package import OrderedJSON
package import Ranking

extension BERTConfig {
    package static func xlmRoBERTa(_ config: JSONObject, path: String) throws(RankingError) -> BERTConfig {
        try roberta(config, path: path)
    }
}
