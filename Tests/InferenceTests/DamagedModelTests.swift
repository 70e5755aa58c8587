import FuzzMutations
import Inference
import OrderedJSON
import Ranking
import Reranking
import Testing
import Tokenizers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Defects that damaged files have shown, each with the smallest file that shows it.
@Suite("A damaged or contradictory model")
struct DamagedModelTests {
    @Test("an embedding that overflows is an error, not a vector of NaN")
    func overflowingEmbedding() async throws {
        var tiny = TinyCheckpoint()
        tiny.hasHead = false
        let files = try tiny.files(replacing: "encoder.layer.1.output.dense.bias") { _ in 3e38 }
        let encoder = try withFiles(files) { try BiEncoder.load(directory: $0) }
        await expectError(.nonFiniteScore) { try await encoder.embed(["a"], as: .document) }
    }

    @Test("a pair without a single token is an error, not a score of nothing")
    func emptySequence() async throws {
        let encoder = try TinyCheckpoint().encoder()
        for output in [BERTEncoder.Output.everyToken, .firstTokens] {
            await expectError(.invalidInput, "no tokens") {
                try await encoder.states(of: TokenBatch([[1, 2], []]), output: output)
            }
        }
    }

    @Test("a template has to place the query and the document, each once")
    func templateWithoutTexts() async throws {
        let broken = [
            (#""pair":[{"SpecialToken""#, #""pair":[],"x":[{"SpecialToken""#),
            (#"{"Sequence":{"id":"B","type_id":1}}"#, #"{"Sequence":{"id":"A","type_id":1}}"#),
            (#""single":[{"SpecialToken""#, #""single":[],"x":[{"SpecialToken""#),
        ]
        for (old, new) in broken {
            await expectError(.corruptFile, "A and B once each") { try tokenizer(replacing: old, by: new) }
        }
    }

    @Test("a template that multiplies special tokens beyond memory is refused")
    func templateOfManyTokens() async throws {
        let ids = (0..<1_000).map { _ in "3" }.joined(separator: ",")
        let part = #"{"SpecialToken":{"id":"[CLS]","type_id":0}}"#
        await expectError(.corruptFile, "more than 1024 special tokens") {
            try tokenizer(
                replacing: #""pair":["#, by: #""pair":[\#(part),"#,
                andThen: (#""ids":[2]"#, #""ids":[\#(ids)]"#))
        }
    }

    @Test("a pair whose ids and types differ in number is an error, not a crash")
    func mismatchedTypes() async throws {
        let encoder = try withFiles(TinyCheckpoint().files()) { try CrossEncoder.load(directory: $0, precision: .fp32) }
        await expectError(.invalidInput, "2 token ids", "1 type ids") {
            try await encoder.logits(of: [EncodedPair(tokenIDs: [2, 3], typeIDs: [0])])
        }
    }

    @Test("an int8 embedding table whose scales overflow does not load")
    func overflowingScale() async throws {
        let tiny = TinyCheckpoint()
        var tensors = tiny.tensors(.i8)
        let name = "bert.embeddings.word_embeddings.weight_scale"
        let index = try #require(tensors.firstIndex { $0.name == name })
        tensors[index] = .init(name, [tiny.vocabSize, 1], [Float](repeating: 3e38, count: tiny.vocabSize))
        var files = tiny.files()
        files["model.safetensors"] = SafetensorsBuilder(tensors).bytes
        await expectError(.corruptFile, "NaN or an infinite") {
            try withFiles(files) { try CrossEncoder.load(directory: $0, precision: .fp32) }
        }
    }

    @Test("a JSON file too large for any model is refused unread")
    func hugeJSONFile() async throws {
        await expectError(.corruptFile, "at most") {
            try withFiles(["config.json": []]) { directory in
                let path = directory + "/config.json"
                // Sparse: it takes no space.
                try #require(truncate(path, JSONFile.maxBytes + 1) == 0)
                return try JSONFile.object(path: path)
            }
        }
    }

    @Test("an embedding model without a Pooling step is refused")
    func noPooling() async throws {
        var tiny = TinyCheckpoint()
        tiny.hasHead = false
        var files = tiny.files()
        for modules in ["[]", #"[{"path":"","type":"sentence_transformers.models.Transformer"}]"#] {
            files["modules.json"] = Array(modules.utf8)
            let files = files
            await expectError(.unsupportedModel, "no Pooling step") {
                try withFiles(files) { try BiEncoder.load(directory: $0) }
            }
        }
    }

    @Test("two keys that look alike but differ in code points are two keys", arguments: [0, 40])
    func canonicallyEquivalentKeys(others: Int) throws {
        let filler = (0..<others).map { "\"k\($0)\":0," }.joined()
        let value = try JSONValue.parse(Array("{\(filler)\"\u{E9}\":1,\"e\u{301}\":2}".utf8), rejectDuplicateKeys: true)
        guard case .object(let object) = value else {
            Issue.record("no object")
            return
        }
        #expect(object.members.count == others + 2)
        #expect(object["\u{E9}"] == .number(JSONNumber(1)))
        #expect(object["e\u{301}"] == .number(JSONNumber(2)))
    }

    @Test("white space after a token that strips it is passed over, and nothing else")
    func strippedWhitespace() throws {
        let tokenizer = try tokenizer(replacing: "", by: "")
        let text = "[MASK] \u{2003}\n a [MASK]"
        #expect(tokenizer.encodeWithOffsets(text).ranges == [0..<12, 12..<13, 14..<20])
        #expect(tokenizer.encode(text) == [4, 5, 4])
    }

    @Test("a text of many tokens that strip white space takes linear time", .timeLimit(.minutes(1)))
    func manyStrippingTokens() throws {
        let tokenizer = try tokenizer(replacing: "", by: "")
        let count = 300_000
        #expect(tokenizer.encode(String(repeating: "[MASK] ", count: count)).count == count)
    }

    private func tokenizer(
        replacing old: String, by new: String, andThen second: (String, String)? = nil
    ) throws -> Tokenizer {
        var text = String(decoding: TinyCheckpoint().tokenizerText, as: UTF8.self)
        for (old, new) in [(old, new)] + (second.map { [$0] } ?? []) where !old.isEmpty {
            try #require(text.contains(old))
            text.replace(old, with: new)
        }
        return try Tokenizer.load(JSONValue.parse(Array(text.utf8)), source: "tokenizer.json")
    }
}
