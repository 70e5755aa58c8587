import OrderedJSON
import Ranking

/// What the models with a rotary body differ in: the sizes and choices of config.json, and what their family says.
package struct RotaryConfig: Sendable, Equatable {
    package var vocabSize: Int
    package var hiddenSize: Int
    package var numHiddenLayers: Int
    package var numAttentionHeads: Int
    /// Heads of keys and values; each serves as many query heads as any other.
    package var numKeyValueHeads: Int
    package var headWidth: Int
    package var intermediateSize: Int
    package var maxPositionEmbeddings: Int
    package var hiddenAct: Activation
    package var norm: NormConfig
    /// A token sees itself and what is before it.
    package var isCausal = false
    /// Of each layer.
    package var layers: [Layer]
    /// What the embeddings are multiplied by.
    package var embeddingScale: Float = 1
    /// Each head's queries and keys go through a norm before they are turned.
    package var hasQueryKeyNorm = false
    package var layout: RotaryLayout
    /// Between the last layer and the head.
    package var head = ClassificationHead.Layout(dense: nil, classifier: LinearSource("score", hasBias: false))
    package var pooling = Pooling.lastToken
    /// The answer tokens' vectors are rows of the embedding table; otherwise of a table of their own.
    package var tiesEmbeddings = true

    package struct Layer: Sendable, Equatable {
        /// The base of the angles.
        var theta: Float
        /// How far a token sees to either side; nil for everything.
        var window: Int?
    }

    package enum NormConfig: Sendable, Equatable {
        case layer(epsilon: Float, hasBias: Bool)
        /// `offset` is added to the stored weight.
        case rms(epsilon: Float, offset: Float)
    }

    /// Which token vectors of the last layer the head reads.
    package enum Pooling: Sendable, Equatable {
        case firstToken, lastToken, mean
    }

    var queryWidth: Int { numAttentionHeads * headWidth }
    var keyValueWidth: Int { numKeyValueHeads * headWidth }

    /// The sizes, which every family's file calls alike. Without `head_dim`, heads have the family's usual width or an
    /// even share of the hidden size.
    init(
        _ config: JSONObject, path: String, hiddenAct: Activation, norm: NormConfig, layout: RotaryLayout,
        headWidth usual: Int? = nil
    ) throws(RankingError) {
        let reader = FieldReader(config, source: path)
        // Upper bounds far above any real model keep every later product of two sizes inside Int.
        vocabSize = try reader.integer("vocab_size", in: 1...16_777_216)
        hiddenSize = try reader.integer("hidden_size", in: 1...65_536)
        numHiddenLayers = try reader.integer("num_hidden_layers", in: 1...1_024)
        numAttentionHeads = try reader.integer("num_attention_heads", in: 1...4_096)
        numKeyValueHeads = try reader.integer("num_key_value_heads", in: 1...4_096, default: numAttentionHeads)
        intermediateSize = try reader.integer("intermediate_size", in: 1...1_048_576)
        maxPositionEmbeddings = try reader.integer("max_position_embeddings", in: 1...1_048_576)
        headWidth = try reader.integer(
            "head_dim", in: 1...4_096, default: usual ?? max(1, hiddenSize / numAttentionHeads))
        self.hiddenAct = hiddenAct
        self.norm = norm
        self.layout = layout
        layers = []
        guard headWidth % 2 == 0, numAttentionHeads % numKeyValueHeads == 0 else {
            throw reader.corrupt(
                "has \(numAttentionHeads) attention heads of width \(headWidth), which \(numKeyValueHeads) heads of keys "
                    + "and values or pairs of numbers cannot share")
        }
    }

    /// θ of one kind of layer: `rope_parameters` since transformers 5, by kind where layers differ; before, the key
    /// `older`.
    static func theta(
        _ config: JSONObject, path: String, kind: String? = nil, older: String = "rope_theta", default fallback: Float
    ) throws(RankingError) -> Float {
        var source = config
        var key = older
        if case .object(let parameters)? = config["rope_parameters"] {
            source = parameters
            key = "rope_theta"
            if let kind, case .object(let own)? = parameters[kind] { source = own }
        }
        for scaling in [source["rope_type"], config["rope_scaling"]] {
            switch scaling {
            case nil, .null?, .string("default")?: continue
            default:
                throw RankingError(
                    .unsupportedModel, what: "\(path) scales its rotary positions.",
                    why: "Resift computes rope_type \"default\" without rope_scaling.",
                    fix: "Use a checkpoint without scaling, or remove it from config.json for texts within its window.")
            }
        }
        return try FieldReader(source, source: path).float(key, in: 1...1e12, default: fallback)
    }
}

/// What a family with a rotary body calls its tensors, and which layers have biases.
package struct RotaryLayout: Sendable, Equatable {
    /// Before every name but the head's; checkpoints of the bare body leave it out.
    var prefix = "model."
    var embeddings: String
    var embeddingNorm: String?
    var layers = "layers"
    /// nil: the layer with this index reads its input as it is.
    var attentionNorm: String
    var layerWithoutAttentionNorm: Int?
    var query: LinearSource
    var key: LinearSource
    var value: LinearSource
    var queryNorm = "self_attn.q_norm"
    var keyNorm = "self_attn.k_norm"
    var attentionOutput: LinearSource
    var feedForwardNorm: String
    var gate: LinearSource
    var up: LinearSource
    var down: LinearSource
    var finalNorm: String
}
