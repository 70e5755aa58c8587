import Foundation
import Inference
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("Bi-encoders and the files of sentence-transformers")
struct BiEncoderTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A copy of a tiny model, with JSON files written over its own.
    private func encoder(
        _ files: [String: String] = [:], model: String = "bert-bi-encoder-mean", pool: ComputePool = .shared
    ) throws -> BiEncoder {
        let copy = try folder.copy(ofModel: Repository.model(model))
        for (name, text) in files {
            try folder.write(copy.dropFirst(folder.path.count + 1) + "/" + name, text)
        }
        return try BiEncoder.load(directory: copy, pool: pool)
    }

    @Test("vectors of every role are within 2e-5 of sentence-transformers 6.2.0, in both of its layouts")
    func golden() async throws {
        let file = try JSONFile.object(path: Repository.directory + "/Tests/Fixtures/embedding-prompts.json")
        let texts = try #require(file["texts"]?.array).compactMap(\.text)
        let cases = try #require(file["cases"]?.array).compactMap(\.object)
        #expect(cases.count == 6 && texts.count == 7)
        for test in cases {
            let files = try #require(test["files"]?.object)
            let encoder = try encoder(
                Dictionary(uniqueKeysWithValues: files.members.map { ($0.key, $0.value.compact) }),
                model: try #require(test["model"]?.text))
            for role in BiEncoder.Role.allCases {
                let expected = try #require(test["embeddings"]?.object?[role.rawValue]?.array)
                let vectors = try await encoder.embed(texts, as: role).vectors
                #expect(vectors.count == expected.count)
                for (vector, row) in zip(vectors, expected) {
                    let numbers = try #require(row.array).compactMap(\.number)
                    let worst = zip(vector, numbers).map { abs(Double($0) - $1) }.max() ?? .infinity
                    #expect(
                        vector.count == numbers.count && worst < 2e-5, "\(test["name"]?.text ?? ""), \(role), \(worst)")
                }
            }
        }
    }

    @Test("the prompt of a role is put before the text, and \"passage\" serves where there is no \"document\"")
    func prompts() async throws {
        let settings =
            #"{"prompts": {"query": "search ", "passage": "river ", "topic": "city "}, "default_prompt_name": "topic"}"#
        let encoder = try encoder(["config_sentence_transformers.json": settings])
        #expect(BiEncoder.Role.allCases.map { encoder.prompts[$0] } == ["search ", "river ", "city "])
        let plain = try self.encoder()
        for role in BiEncoder.Role.allCases {
            let prompted = try await encoder.embed(["bridge"], as: role)
            let written = try await plain.embed([encoder.prompts[role] + "bridge"], as: .document)
            #expect(prompted == written)
        }
    }

    @Test("texts that are cut are counted, with the tokens that they lose")
    func truncation() async throws {
        let encoder = try encoder(["config_sentence_transformers.json": #"{"prompts": {"query": "search "}}"#])
        #expect(encoder.maxTokens == 128)
        var random = SeededGenerator(seed: 1)
        let texts = [Models.text(300, &random), Models.text(126, &random), Models.text(127, &random), ""]
        // 126 tokens fit beside [CLS] and [SEP].
        let documents = try await encoder.embed(texts, as: .document)
        #expect(documents.truncatedTexts == 2 && documents.droppedTokens == 174 + 1)
        #expect(documents.tokens == 3 * 128 + 2)
        // With one token of prompt, 125.
        let queries = try await encoder.embed(texts, as: .query)
        #expect(queries.truncatedTexts == 3 && queries.droppedTokens == 175 + 1 + 2)
        #expect(queries.tokens == 3 * 128 + 3)
    }

    @Test("a text has the same bits alone, among others, and on any number of threads", arguments: [1, 2, 5])
    func determinism(threads: Int) async throws {
        let pool = ComputePool(threads: threads)
        defer { pool.shutDown() }
        var random = SeededGenerator(seed: 2)
        let texts = (0..<60).map { Models.wildText($0 * 3, &random) }
        let alone = ComputePool(threads: 1)
        defer { alone.shutDown() }
        let reference = try encoder(pool: alone)
        let together = try await encoder(pool: pool).embed(texts, as: .query).vectors
        for (text, vector) in zip(texts, together) {
            #expect(try await reference.embed([text], as: .query).vectors == [vector])
        }
    }

    @Test("vectors have unit length where the model or the caller says so, and their pooled length otherwise")
    func normalization() async throws {
        let steps = """
            [{"path": "", "type": "sentence_transformers.models.Transformer"},
             {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}]
            """
        let normalizing = try encoder()
        let pooling = try encoder([
            "modules.json": steps, "config_sentence_transformers.json": #"{"similarity_fn_name": "dot"}"#,
        ])
        #expect(normalizing.normalizes && !pooling.normalizes)
        #expect(normalizing.similarity == .cosine && pooling.similarity == .dot)
        let unit = try await normalizing.embed(["the river"], as: .document).vectors[0]
        let pooled = try await pooling.embed(["the river"], as: .document).vectors[0]
        #expect(abs(length(unit) - 1) < 1e-6 && abs(length(pooled) - 1) > 0.01)
        #expect(try await pooling.embed(["the river"], as: .document, normalized: true).vectors[0] == unit)
        #expect(try await normalizing.embed(["the river"], as: .document, normalized: false).vectors[0] == pooled)
    }

    @Test("do_lower_case puts texts into lower case before the tokenizer sees them")
    func lowerCase() async throws {
        let files = ["sentence_bert_config.json": #"{"max_seq_length": 128, "do_lower_case": true}"#]
        let lower = try await encoder(files).embed(["The RIVER"], as: .document)
        #expect(lower == (try await encoder().embed(["the river"], as: .document)))
    }

    @Test("no texts have no vectors")
    func empty() async throws {
        #expect(try await encoder().embed([], as: .query) == Embeddings())
    }

    @Test("a first token after a prompt that is left out is refused: versions of the reference differ")
    func firstTokenWithoutPrompt() throws {
        let pooling = #"{"pooling_mode": "cls", "include_prompt": false}"#
        let error = #expect(throws: RankingError.self) {
            try encoder([
                "1_Pooling/config.json": pooling,
                "config_sentence_transformers.json": #"{"prompts": {"query": "search "}}"#,
            ])
        }
        #expect(error?.code == .unsupportedModel && error?.what.contains("leaves prompts out") == true)
        #expect(try encoder(["1_Pooling/config.json": pooling]).pooling == .firstToken)
    }

    @Test("what Resift does not compute is refused, with the file that asks for it")
    func refused() {
        let pooling = #"{"word_embedding_dimension": 48, "pooling_mode_mean_tokens": true"#
        let module = #"{"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"}"#
        let cases: [(file: String, text: String, code: RankingError.Code, what: String)] = [
            (
                "1_Pooling/config.json", pooling + #", "pooling_mode_max_tokens": true}"#, .unsupportedModel,
                "max_tokens"
            ),
            ("1_Pooling/config.json", #"{"pooling_mode": ["mean", "cls"]}"#, .unsupportedModel, "mean + cls"),
            ("1_Pooling/config.json", #"{"pooling_mode": "lasttoken"}"#, .unsupportedModel, "lasttoken"),
            ("1_Pooling/config.json", #"{"embedding_dimension": 48}"#, .unsupportedModel, "none"),
            ("1_Pooling/config.json", pooling + #", "include_prompt": 3}"#, .corruptFile, "include_prompt"),
            ("1_Pooling/config.json", #"{"embedding_dimension": 47, "pooling_mode": "mean"}"#, .corruptFile, "47"),
            (
                "modules.json", #"[\#(module), {"path": "2_Dense", "type": "sentence_transformers.models.Dense"}]"#,
                .unsupportedModel, "models.Dense"
            ),
            (
                "modules.json", module.replacing("1_Pooling", with: "../1_Pooling").wrapped, .unsupportedModel,
                "no folder"
            ),
            ("modules.json", module.replacing("1_Pooling", with: "/etc").wrapped, .unsupportedModel, "no folder"),
            (
                "config_sentence_transformers.json", #"{"similarity_fn_name": "euclidean"}"#, .unsupportedModel,
                "euclidean"
            ),
            ("config_sentence_transformers.json", #"{"prompts": ["a"]}"#, .corruptFile, "prompts"),
            ("config_sentence_transformers.json", #"{"prompts": {"query": 1}}"#, .corruptFile, "query"),
            (
                "config_sentence_transformers.json", #"{"default_prompt_name": "topic"}"#, .corruptFile, "\"topic\""
            ),
            (
                "sentence_bert_config.json", #"{"transformer_task": "fill-mask"}"#, .unsupportedModel, "fill-mask"
            ),
        ]
        for test in cases {
            let error = #expect(throws: RankingError.self) { try encoder([test.file: test.text]) }
            #expect(error?.code == test.code && error?.what.contains(test.what) == true, "\(error?.what ?? "none")")
        }
    }

    private func length(_ vector: [Float]) -> Double {
        vector.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    }
}

extension String {
    fileprivate var wrapped: String { "[\(self)]" }
}

extension JSONValue {
    fileprivate var array: [JSONValue]? { if case .array(let values) = self { values } else { nil } }
    fileprivate var object: JSONObject? { if case .object(let object) = self { object } else { nil } }
    fileprivate var text: String? { if case .string(let text) = self { text } else { nil } }
    fileprivate var number: Double? { if case .number(let number) = self { number.double } else { nil } }
}
