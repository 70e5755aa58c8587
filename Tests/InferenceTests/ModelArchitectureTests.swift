import Inference
import OrderedJSON
import Ranking
import Testing

@Suite("A config.json says which family a model is")
struct ModelArchitectureTests {
    static let sizes = [
        "vocab_size": "40", "hidden_size": "8", "num_hidden_layers": "2", "num_attention_heads": "2",
        "intermediate_size": "12", "max_position_embeddings": "24", "relative_attention": "true",
        "pos_att_type": #"["c2p"]"#, "dim": "8", "n_layers": "2", "n_heads": "2", "hidden_dim": "12",
    ]

    @Test(
        "by its architecture, whatever the model is called",
        arguments: [
            ("BertForSequenceClassification", ModelFamily.bert), ("RobertaForSequenceClassification", .roberta),
            ("XLMRobertaForSequenceClassification", .xlmRoBERTa), ("ElectraForSequenceClassification", .electra),
            ("DistilBertForSequenceClassification", .distilBERT), ("DebertaV2ForSequenceClassification", .debertaV2),
            ("ModernBertForSequenceClassification", .modernBERT), ("Qwen2ForCausalLM", .qwen2),
            ("Qwen3ForCausalLM", .qwen3), ("Qwen3ForSequenceClassification", .qwen3), ("GemmaForCausalLM", .gemma),
        ])
    func detection(name: String, family: ModelFamily) throws {
        let model = try architecture(name, ["_name_or_path": #""another/qwen3-gemma-jina""#])
        #expect(model.family == family)
        #expect(ModelArchitecture.rerankerNames.contains(name))
    }

    @Test("an XLM-RoBERTa whose code is the FlashAttention implementation has Jina's layout")
    func flash() throws {
        let map = #"{"AutoConfig": "configuration_xlm_roberta.XLMRobertaFlashConfig"}"#
        #expect(try architecture("XLMRobertaForSequenceClassification", ["auto_map": map]).family == .jinaRerankerV2)
    }

    @Test("an unknown architecture is refused with the list of known ones")
    func unknown() async throws {
        await expectError(
            .unsupportedModel, "LlamaForCausalLM", "Qwen3ForCausalLM", "ModernBertForSequenceClassification"
        ) {
            try architecture("LlamaForCausalLM", [:])
        }
    }

    @Test(
        "sizes outside their bounds are refused before anything is multiplied",
        arguments: [
            "Qwen3ForCausalLM", "GemmaForCausalLM", "ModernBertForSequenceClassification",
            "RobertaForSequenceClassification",
        ],
        ["0", "-1", "9223372036854775807", "1e400"])
    func bounds(name: String, value: String) async throws {
        for key in ["vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"] {
            await expectError(.corruptFile, "has \(key) \(value), outside") { try architecture(name, [key: value]) }
        }
    }

    @Test(
        "what is not computed is refused, and said",
        arguments: [
            ("Qwen2ForCausalLM", "use_sliding_window", "true"),
            ("Qwen3ForCausalLM", "rope_scaling", #"{"rope_type": "yarn"}"#),
            ("Qwen3ForCausalLM", "rope_parameters", #"{"rope_theta": 10000, "rope_type": "yarn"}"#),
            ("DebertaV2ForSequenceClassification", "conv_kernel_size", "3"),
            ("DebertaV2ForSequenceClassification", "pos_att_type", #""p2p""#),
            ("ModernBertForSequenceClassification", "classifier_pooling", #""max""#),
            ("XLMRobertaForSequenceClassification", "position_embedding_type", #""rotary""#),
            ("GemmaForCausalLM", "hidden_act", #""relu""#),
        ])
    func unsupported(name: String, key: String, value: String) async throws {
        await expectError(.unsupportedModel) { try architecture(name, [key: value]) }
    }

    @Test(
        "heads that cannot share their keys are refused", arguments: [("num_key_value_heads", "3"), ("head_dim", "7")])
    func heads(key: String, value: String) async throws {
        await expectError(.corruptFile, "attention heads") { try architecture("Qwen3ForCausalLM", [key: value]) }
    }

    private func architecture(_ name: String, _ changes: [String: String]) throws -> ModelArchitecture {
        var members = Self.sizes.merging(changes) { $1 }
        members["architectures"] = "[\"\(name)\"]"
        let text = "{" + members.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ") + "}"
        guard case .object(let object) = try JSONValue.parse(Array(text.utf8)) else { throw CancellationError() }
        return try ModelArchitecture(object, path: "c.json")
    }
}
