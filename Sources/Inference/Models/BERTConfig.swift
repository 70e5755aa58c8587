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
        let reader = ConfigReader(config, path: path)
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
            throw reader.unsupported(
                "uses position_embedding_type \"\(positions)\"", supported: "Resift computes \"absolute\" positions")
        }
        guard try !reader.bool("is_decoder", default: false) else {
            throw reader.unsupported("has is_decoder true", supported: "Resift runs BERT as an encoder")
        }
    }
}

/// Reads typed values out of a config.json; every error names the file and the key.
package struct ConfigReader {
    package let config: JSONObject
    package let path: String

    package init(_ config: JSONObject, path: String) {
        self.config = config
        self.path = path
    }

    package func integer(
        _ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil
    ) throws(RankingError) -> Int {
        switch config[key] {
        case nil, .null?:
            guard let fallback else { throw corrupt("has no \(key)") }
            return fallback
        case .number(let number)?:
            guard let value = number.int, range.contains(value) else {
                throw corrupt("has \(key) \(number), outside \(range.lowerBound)...\(range.upperBound)")
            }
            return value
        default: throw corrupt("has a \(key) that is not a number")
        }
    }

    package func float(
        _ key: String, in range: ClosedRange<Double>, default fallback: Double
    ) throws(RankingError) -> Float {
        switch config[key] {
        case nil, .null?: return Float(fallback)
        case .number(let number)?:
            guard range.contains(number.double) else {
                throw corrupt("has \(key) \(number), outside \(range.lowerBound)...\(range.upperBound)")
            }
            return Float(number.double)
        default: throw corrupt("has a \(key) that is not a number")
        }
    }

    package func string(_ key: String, default fallback: String) throws(RankingError) -> String {
        switch config[key] {
        case nil, .null?: return fallback
        case .string(let value)?: return value
        default: throw corrupt("has a \(key) that is not a string")
        }
    }

    package func bool(_ key: String, default fallback: Bool) throws(RankingError) -> Bool {
        switch config[key] {
        case nil, .null?: return fallback
        case .bool(let value)?: return value
        default: throw corrupt("has a \(key) that is not true or false")
        }
    }

    package func corrupt(_ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "\(path) \(problem).", why: "The model cannot be built from it.",
            fix: "Download config.json again from the model's own revision.")
    }

    package func unsupported(_ problem: String, supported: String) -> RankingError {
        RankingError(
            .unsupportedModel, what: "\(path) \(problem).", why: "\(supported).",
            fix: "Use another checkpoint; `resift models list` names the families.")
    }
}
