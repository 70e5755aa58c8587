import Foundation
import Inference
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("The files of late-interaction models")
struct LateInteractionDirectoryTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

    @Test("a model is told by its files")
    func declared() throws {
        for family in LateInteractionRerankerTests.families {
            #expect(LateInteractionEncoder.isDeclared(in: Repository.model(family)), "\(family)")
        }
        for family in ["bert-cross-encoder", "bert-bi-encoder-mean", "modernbert-cross-encoder-cls"] {
            #expect(!LateInteractionEncoder.isDeclared(in: Repository.model(family)), "\(family)")
        }
        #expect(!LateInteractionEncoder.isDeclared(in: folder.path))
    }

    @Test("the description says what the files say")
    func description() throws {
        let stanford = try LateInteractionEncoder.load(directory: Repository.model("colbert-bert")).description
        #expect(stanford.layout == "stanford" && stanford.dimension == 128 && stanford.architecture == "HF_ColBERT")
        #expect(stanford.queryTokens == 32 && stanford.documentTokens == 180 && stanford.expandsQueries)
        let modern = try LateInteractionEncoder.load(directory: Repository.model("colbert-modernbert-pylate"))
        #expect(modern.description.layout == "pylate" && modern.description.dimension == 64)
        #expect(modern.description.family == .modernBERT)
    }

    @Test("a body alone gives its own hidden states, by colbert-ai's settings, of unit length")
    func bodyAlone() async throws {
        let copy = try folder.copy(ofModel: Repository.model("colbert-bert"))
        try remove(copy + "/artifact.metadata")
        try folder.edit(copy + "/config.json") { $0["architectures"] = .array([.string("BertModel")]) }
        #expect(!LateInteractionEncoder.isDeclared(in: copy))
        let encoder = try LateInteractionEncoder.load(directory: copy)
        #expect(encoder.description.layout == "body" && encoder.description.dimension == 48)
        #expect(encoder.description.queryTokens == 32 && encoder.description.documentTokens == 220)
        let vectors = try #require(try await encoder.encode(documents: ["the old bridge, and the city"]).first)
        for token in 0..<vectors.count {
            let row = vectors.values[token * 48..<(token + 1) * 48]
            #expect(abs(row.reduce(0.0) { $0 + Double($1) * Double($1) } - 1) < 1e-6)
        }
        // The comma is read, and has no vector.
        #expect(vectors.count == vectors.tokens - 1)
    }

    @Test("without a projection the hidden states are the vectors: those of a projection that changes nothing")
    func withoutProjection() async throws {
        let texts = ["the old bridge, and the city", "", "river water 🙂"]
        let body = try folder.copy(ofModel: Repository.model("colbert-bert"))
        try remove(body + "/artifact.metadata")
        try folder.edit(body + "/config.json") { $0["architectures"] = .array([.string("BertModel")]) }
        let alone = try await LateInteractionEncoder.load(directory: body).encode(documents: texts)

        // 48 hidden numbers, each to a place of its own among 128.
        let identity = try folder.copy(ofModel: Repository.model("colbert-bert"))
        try folder.setFloats("linear.weight", of: identity + "/model.safetensors") { $0 / 48 == $0 % 48 ? 1 : 0 }
        let projected = try await LateInteractionEncoder.load(directory: identity).encode(documents: texts)
        for (own, other) in zip(alone, projected) {
            #expect(own.count == other.count && own.sources == other.sources && own.dimension == 48)
            for place in other.values.indices {
                let (token, number) = (place / 128, place % 128)
                let expected = number < 48 ? own.values[token * 48 + number] : 0
                #expect(abs(other.values[place] - expected) < 1e-6)
            }
        }

        // colbert-ai's settings, and a checkpoint that has no such tensor.
        let named = try folder.copy(ofModel: Repository.model("colbert-bert"))
        try folder.edit(named + "/artifact.metadata") { $0["dim"] = .number(JSONNumber(48)) }
        try folder.editBytes(named + "/model.safetensors") { bytes in
            guard let name = bytes.range(of: Data("linear.weight".utf8)) else { return }
            bytes.replaceSubrange(name, with: Data("absent.weight".utf8))
        }
        let declared = try LateInteractionEncoder.load(directory: named)
        #expect(declared.description.layout == "stanford" && declared.description.dimension == 48)
        let own = try await declared.encode(documents: texts)
        #expect(own == alone)
    }

    @Test("query tokens attend to the expansion where the model says so, and only then")
    func attendsToExpansion() async throws {
        let copy = try folder.copy(ofModel: Repository.model("colbert-bert-pylate"))
        let plain = try LateInteractionEncoder.load(directory: copy)
        try folder.edit(copy + "/config_sentence_transformers.json") { $0["attend_to_expansion_tokens"] = .bool(true) }
        let attending = try LateInteractionEncoder.load(directory: copy)
        #expect(try plain.sequence(ofQuery: "river").attended == 4)
        #expect(try attending.sequence(ofQuery: "river").attended == 32)
        let (one, other) = (
            try await plain.encode(queries: ["river"]), try await attending.encode(queries: ["river"])
        )
        #expect(one != other && one.first?.count == other.first?.count)
    }

    @Test("without expansion a query has its own tokens alone, with the vectors that they have beside the expansion")
    func withoutExpansion() async throws {
        let copy = try folder.copy(ofModel: Repository.model("colbert-modernbert-pylate"))
        let expanding = try LateInteractionEncoder.load(directory: copy)
        try folder.edit(copy + "/config_sentence_transformers.json") { $0["do_query_expansion"] = .bool(false) }
        let plain = try LateInteractionEncoder.load(directory: copy)
        let short = try #require(try await plain.encode(queries: ["river bridge"]).first)
        let long = try #require(try await expanding.encode(queries: ["river bridge"]).first)
        let tokens = try plain.sequence(ofQuery: "river bridge").tokenIDs.count
        #expect(short.count == tokens && tokens < 10 && long.count == 32)
        #expect(short.values == Array(long.values.prefix(short.values.count)))
    }

    @Test("an expansion that reaches beyond a window of attention is refused, not made up")
    func narrowWindow() async throws {
        let copy = try folder.copy(ofModel: Repository.model("colbert-modernbert-pylate"))
        try folder.edit(copy + "/config.json") { $0["local_attention"] = .number(JSONNumber(8)) }
        let encoder = try LateInteractionEncoder.load(directory: copy)
        let error = await #expect(throws: RankingError.self) { try await encoder.encode(queries: ["river"]) }
        #expect(error?.what.contains("nothing attends to") == true)
    }

    struct Damage: Sendable, CustomTestStringConvertible {
        var family: String
        var file: String
        var key: String
        var value: JSONValue?
        var code: RankingError.Code
        var testDescription: String { "\(file), \(key)" }
    }

    private static let damages: [Damage] = [
        Damage(
            family: "colbert-bert", file: "artifact.metadata", key: "similarity", value: .string("l2"),
            code: .unsupportedModel),
        Damage(
            family: "colbert-bert", file: "artifact.metadata", key: "query_token_id", value: .string("[nothing]"),
            code: .corruptFile),
        Damage(
            family: "colbert-bert", file: "artifact.metadata", key: "dim", value: .number(JSONNumber(64)),
            code: .corruptFile),
        Damage(
            family: "colbert-bert", file: "artifact.metadata", key: "query_maxlen", value: .number(JSONNumber(3)),
            code: .corruptFile),
        Damage(
            family: "colbert-bert", file: "artifact.metadata", key: "doc_maxlen", value: .number(JSONNumber(-1)),
            code: .corruptFile),
        Damage(
            family: "colbert-bert", file: "config.json", key: "model_type", value: .string("roberta"),
            code: .unsupportedModel),
        Damage(
            family: "colbert-bert-pylate", file: "1_Dense/config.json", key: "activation_function",
            value: .string("torch.nn.modules.activation.Tanh"), code: .unsupportedModel),
        Damage(
            family: "colbert-bert-pylate", file: "1_Dense/config.json", key: "use_residual", value: .bool(true),
            code: .unsupportedModel),
        Damage(
            family: "colbert-bert-pylate", file: "1_Dense/config.json", key: "in_features",
            value: .number(JSONNumber(47)), code: .corruptFile),
        Damage(
            family: "colbert-bert-pylate", file: "sentence_bert_config.json", key: "do_lower_case",
            value: .bool(true), code: .unsupportedModel),
        Damage(
            family: "colbert-bert-pylate", file: "config_sentence_transformers.json", key: "skiplist_words",
            value: .array([.bool(true)]), code: .corruptFile),
        Damage(
            family: "colbert-bert-pylate", file: "config_sentence_transformers.json", key: "query_prefix",
            value: .string("[P] "), code: .corruptFile),
    ]

    @Test("a model that asks for something else, or contradicts itself, is refused", arguments: damages)
    func damaged(damage: Damage) throws {
        let copy = try folder.copy(ofModel: Repository.model(damage.family))
        try folder.edit(copy + "/" + damage.file) { $0[damage.key] = damage.value }
        let error = #expect(throws: RankingError.self) { try LateInteractionEncoder.load(directory: copy) }
        #expect(error?.code == damage.code, "\(error?.description ?? "")")
    }

    @Test("a prompt, another similarity, and a model of another kind are refused")
    func otherKinds() throws {
        let copy = try folder.copy(ofModel: Repository.model("colbert-bert-pylate"))
        try folder.edit(copy + "/config_sentence_transformers.json") {
            var prompts = JSONObject()
            prompts["query"] = .string("search: ")
            $0["prompts"] = .object(prompts)
        }
        let prompted = #expect(throws: RankingError.self) { try LateInteractionEncoder.load(directory: copy) }
        #expect(prompted?.code == .unsupportedModel)
        for family in ["bert-bi-encoder-mean", "bert-cross-encoder", "qwen3-reranker"] {
            let error = #expect(throws: RankingError.self) {
                try LateInteractionEncoder.load(directory: Repository.model(family))
            }
            #expect(error?.code == .unsupportedModel, "\(family)")
        }
    }
}
