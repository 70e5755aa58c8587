import FuzzMutations
import Inference
import OrderedJSON
import Ranking
import Reranking
import Testing

@Suite("A BERT config.json")
struct ConfigTests {
    static let sizes = [
        "vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size",
        "max_position_embeddings",
    ]

    @Test("is read key by key")
    func values() throws {
        let config = try config()
        #expect(config.vocabSize == 40)
        #expect(config.hiddenSize == 8)
        #expect(config.numHiddenLayers == 2)
        #expect(config.numAttentionHeads == 2)
        #expect(config.headWidth == 8 / 2)
        #expect(config.intermediateSize == 12)
        #expect(config.maxPositionEmbeddings == 24)
        #expect(config.typeVocabSize == 2)
        #expect(config.layerNormEps == 1e-12)
        #expect(config.hiddenAct == .gelu)
    }

    @Test("has to give every size", arguments: sizes)
    func missing(key: String) async throws {
        await expectError(.corruptFile, "c.json has no \(key)") { try config(key, nil) }
        await expectError(.corruptFile, "c.json has no \(key)") { try config(key, "null") }
    }

    @Test("has sizes that are numbers", arguments: sizes + ["type_vocab_size"], ["\"8\"", "true", "[8]", "{}"])
    func wrongType(key: String, value: String) async throws {
        await expectError(.corruptFile, "has a \(key) that is not a number") { try config(key, value) }
    }

    @Test(
        "has sizes that are whole, positive and possible", arguments: sizes + ["type_vocab_size"],
        ["0", "-1", "1.5", "16777217", "9223372036854775807", "9223372036854775808", "1e400", "-1e400"])
    func outOfRange(key: String, value: String) async throws {
        await expectError(.corruptFile, "has \(key) \(value), outside 1...") { try config(key, value) }
    }

    @Test("takes the defaults of transformers for what may be missing")
    func defaults() throws {
        let keys = ["type_vocab_size", "layer_norm_eps", "hidden_act", "position_embedding_type", "is_decoder"]
        for key in keys {
            #expect(try config(key, nil) == config())
            #expect(try config(key, "null") == config())
        }
    }

    @Test("has heads that share the hidden size evenly", arguments: ["3", "5", "16"])
    func heads(count: String) async throws {
        await expectError(.corruptFile, "hidden_size 8, which \(count) attention heads cannot share") {
            try config("num_attention_heads", count)
        }
    }

    @Test("has a layer_norm_eps from 0 to 1", arguments: ["-1e-12", "1.5", "1e400"])
    func epsilon(value: String) async throws {
        await expectError(.corruptFile, "has layer_norm_eps \(value), outside") { try config("layer_norm_eps", value) }
    }

    @Test("names a known activation; an error lists those", arguments: ["relu", "", "GELU"])
    func activation(name: String) async throws {
        await expectError(.unsupportedModel, "the activation \"\(name)\"", "gelu, gelu_new, gelu_pytorch_tanh") {
            try config("hidden_act", "\"\(name)\"")
        }
    }

    @Test("has absolute positions", arguments: ["relative_key", "relative_key_query"])
    func positions(kind: String) async throws {
        await expectError(.unsupportedModel, "position_embedding_type \"\(kind)\"") {
            try config("position_embedding_type", "\"\(kind)\"")
        }
    }

    @Test("describes an encoder")
    func decoder() async throws {
        await expectError(.unsupportedModel, "is_decoder true") { try config("is_decoder", "true") }
    }

    @Test(
        "has texts and flags of their own type",
        arguments: [
            ("hidden_act", "3", "not a string"), ("position_embedding_type", "false", "not a string"),
            ("is_decoder", "0", "not true or false"), ("layer_norm_eps", "\"small\"", "not a number"),
        ])
    func otherTypes(key: String, value: String, error: String) async throws {
        await expectError(.corruptFile, "has a \(key) that is \(error)") { try config(key, value) }
    }

    /// 16,777,216 x 65,536 floats are 4 TB: the shape is compared before anything is allocated.
    @Test(
        "of gigantic sizes is compared with the weights before memory is taken",
        arguments: [
            ["vocab_size": "16777216", "hidden_size": "65536"], ["hidden_size": "65536"],
            ["intermediate_size": "1048576"], ["num_labels": "100000"], ["max_position_embeddings": "1048576"],
            ["type_vocab_size": "1024"], ["num_hidden_layers": "1024"],
        ])
    func gigantic(sizes: [String: String]) async throws {
        var files = TinyCheckpoint().files()
        let members = TinyCheckpoint().config.map { JSONTree.Member("\"\($0.key)\"", .leaf(sizes[$0.key] ?? $0.value)) }
        files["config.json"] = JSONTree.object(members).text
        let gigantic = files
        await expectError(.corruptFile, "config.json") {
            try withFiles(gigantic) { try CrossEncoder.load(directory: $0) }
        }
    }

    /// The config of the tiny checkpoint, one key set to another value, or left out.
    private func config(_ key: String = "", _ value: String? = nil) throws -> BERTConfig {
        let members = TinyCheckpoint().config.compactMap { member -> JSONTree.Member? in
            let text = member.key == key ? value : member.value
            return text.map { JSONTree.Member("\"\(member.key)\"", .leaf($0)) }
        }
        guard case .object(let object) = try JSONValue.parse(JSONTree.object(members).text) else {
            throw CancellationError()
        }
        return try BERTConfig(object, path: "c.json")
    }
}
