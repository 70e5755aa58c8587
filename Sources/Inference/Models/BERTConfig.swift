package import OrderedJSON
package import Ranking

/// What the models with BERT's body differ in: the sizes and choices of config.json (names as there, in camel case),
/// and what their family says.
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
    /// The width of the embeddings; a linear layer takes them to `hiddenSize` where that differs.
    package var embeddingSize: Int
    package var positions = Positions.fromZero
    package var types = Types.asGiven
    /// Disentangled attention (DeBERTa).
    package var relative: RelativePositionConfig?
    package var layout = BERTLayout()
    package var head = ClassificationHead.Layout(
        dense: LinearSource("bert.pooler.dense"), activation: .tanh, classifier: LinearSource("classifier"))

    /// Which row of the position table a token gets.
    package enum Positions: Sendable, Equatable {
        /// Its index.
        case fromZero
        /// `padding` + 1 + the number of tokens before it, of which tokens with the id `padding` do not count; such a
        /// token gets the row `padding`.
        case behindPadding(id: Int)
        /// None: the model has no such table.
        case none
    }

    /// Which row of the token type table a token gets.
    package enum Types: Sendable, Equatable {
        case asGiven
        /// Row 0, whatever the tokenizer says.
        case first
        case none
    }

    package var headWidth: Int { hiddenSize / numAttentionHeads }

    /// Tokens of the longest sequence.
    package var maxTokens: Int {
        guard case .behindPadding(let id) = positions else { return maxPositionEmbeddings }
        return maxPositionEmbeddings - id - 1
    }

    /// What a family's config.json calls the sizes.
    struct Keys {
        var hiddenSize = "hidden_size"
        var numHiddenLayers = "num_hidden_layers"
        var numAttentionHeads = "num_attention_heads"
        var intermediateSize = "intermediate_size"
        var hiddenAct = "hidden_act"
        /// nil where the file does not say it.
        var layerNormEps: String? = "layer_norm_eps"
    }

    /// BERT's own.
    package init(_ config: JSONObject, path: String) throws(RankingError) {
        try self.init(config, path: path, keys: Keys())
        typeVocabSize = try FieldReader(config, source: path).integer("type_vocab_size", in: 1...1_024, default: 2)
    }

    /// What all families have; there are two token types unless the family says otherwise.
    init(_ config: JSONObject, path: String, keys: Keys) throws(RankingError) {
        let reader = FieldReader(config, source: path)
        // Upper bounds far above any real model keep every later product of two sizes inside Int.
        vocabSize = try reader.integer("vocab_size", in: 1...16_777_216)
        hiddenSize = try reader.integer(keys.hiddenSize, in: 1...65_536)
        numHiddenLayers = try reader.integer(keys.numHiddenLayers, in: 1...1_024)
        numAttentionHeads = try reader.integer(keys.numAttentionHeads, in: 1...4_096)
        intermediateSize = try reader.integer(keys.intermediateSize, in: 1...1_048_576)
        maxPositionEmbeddings = try reader.integer("max_position_embeddings", in: 1...1_048_576)
        typeVocabSize = 2
        layerNormEps = 1e-12
        if let key = keys.layerNormEps { layerNormEps = try reader.float(key, in: 0...1, default: 1e-12) }
        hiddenAct = try Activation(configName: reader.string(keys.hiddenAct, default: "gelu"))
        embeddingSize = hiddenSize
        guard hiddenSize % numAttentionHeads == 0 else {
            throw reader.corrupt(
                "has \(keys.hiddenSize) \(hiddenSize), which \(numAttentionHeads) attention heads cannot share")
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

/// What a family with BERT's body calls its tensors. The defaults are BERT's.
package struct BERTLayout: Sendable, Equatable {
    /// Before every name but the head's; older files leave it out.
    package var prefix = "bert."
    var wordEmbeddings = "embeddings.word_embeddings"
    var positionEmbeddings = "embeddings.position_embeddings"
    var typeEmbeddings = "embeddings.token_type_embeddings"
    var embeddingNorm = "embeddings.LayerNorm"
    var embeddingProjection = "embeddings_project"
    var layers = "encoder.layer"
    var query = LinearSource("attention.self.query")
    var key = LinearSource("attention.self.key")
    var value = LinearSource("attention.self.value")
    var attentionOutput = "attention.output.dense"
    var attentionNorm = "attention.output.LayerNorm"
    var intermediate = "intermediate.dense"
    var output = "output.dense"
    var outputNorm = "output.LayerNorm"
}

extension LinearSource {
    /// The same inside a layer of this name.
    func inside(_ layer: String) -> LinearSource {
        var source = self
        source.name = "\(layer).\(name)"
        return source
    }
}
