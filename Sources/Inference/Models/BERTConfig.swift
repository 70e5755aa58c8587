package import OrderedJSON
package import Ranking

/// The fields of a BERT config.json that change what is computed; the names are the file's, in camel case.
package struct BERTConfig: Sendable, Equatable {
    package var vocabSize: Int
    package var hiddenSize: Int
    package var numHiddenLayers: Int
    package var numAttentionHeads: Int
    package var intermediateSize: Int
    package var maxPositionEmbeddings: Int
    package var typeVocabSize: Int
    package var layerNormEps: Float
    package var hiddenAct: Activation

    package var headWidth: Int { hiddenSize / numAttentionHeads }

    package init(_ config: JSONObject, path: String) throws(RankingError) {
        let reader = FieldReader(config, source: path)
        // Upper bounds far above any real model keep every later product of two sizes inside Int.
        vocabSize = try reader.integer("vocab_size", in: 1...16_777_216)
        hiddenSize = try reader.integer("hidden_size", in: 1...65_536)
        numHiddenLayers = try reader.integer("num_hidden_layers", in: 1...1_024)
        numAttentionHeads = try reader.integer("num_attention_heads", in: 1...4_096)
        intermediateSize = try reader.integer("intermediate_size", in: 1...1_048_576)
        maxPositionEmbeddings = try reader.integer("max_position_embeddings", in: 1...1_048_576)
        typeVocabSize = try reader.integer("type_vocab_size", in: 1...1_024, default: 2)
        layerNormEps = try reader.float("layer_norm_eps", in: 0...1, default: 1e-12)
        hiddenAct = try Activation(configName: reader.string("hidden_act", default: "gelu"))
        guard hiddenSize % numAttentionHeads == 0 else {
            throw reader.corrupt(
                "has hidden_size \(hiddenSize), which \(numAttentionHeads) attention heads cannot share")
        }
        let positions = try reader.string("position_embedding_type", default: "absolute")
        guard positions == "absolute" else {
            throw RankingError(
                .unsupportedModel, what: "\(path) uses position_embedding_type \"\(positions)\".",
                why: "Resift computes \"absolute\" positions.", fix: "Use another checkpoint.")
        }
        guard try !reader.bool("is_decoder", default: false) else {
            throw RankingError(
                .unsupportedModel, what: "\(path) has is_decoder true.", why: "Resift runs BERT as an encoder.",
                fix: "Use another checkpoint.")
        }
    }
}
