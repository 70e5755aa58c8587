import Foundation
import OrderedJSON
import TestSupport
import Testing

@Suite("A model that cannot be used ends with a message and a status, and nothing is ranked", .blocking)
struct BadModelTests {
    /// A copy of the tiny model, changed.
    private struct Copy {
        let folder: TemporaryFolder
        let directory: String

        init() throws {
            folder = try TemporaryFolder()
            directory = try folder.copy(ofModel: Resift.model)
        }

        var config: String { directory + "/config.json" }
        var weights: String { directory + "/model.safetensors" }
        var tokenizer: String { directory + "/tokenizer.json" }

        /// The first line, without "error: ", after checking that why and fix follow and that the status is as it should be.
        func refusal(status: Int32) throws -> String {
            let output = try Resift.run(["rerank", "river", "--documents", "-", "--model", directory], input: "water")
            #expect(output.status == status, "\(output.stderr)")
            #expect(output.stdout == "")
            let lines = output.stderr.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
            try #require(lines.count == 4)
            #expect(
                lines[0].hasPrefix("error: ") && lines[1].hasPrefix("  why: ") && lines[2].hasPrefix("  fix: ")
                    && lines[3] == "")
            return lines[0].replacing("error: ", with: "").replacing(directory + "/", with: "") + lines[1]
        }
    }

    @Test("a directory that is not there, or lacks a file, ends with status 66")
    func missing() throws {
        let copy = try Copy()
        for (file, what) in [
            ("model.safetensors", "has neither model.safetensors nor model.safetensors.index.json."),
            ("tokenizer.json", "has no tokenizer.json."), ("config.json", "has no config.json."),
        ] {
            try FileManager.default.removeItem(atPath: copy.directory + "/" + file)
            #expect(try copy.refusal(status: 66).contains(what))
        }
        try FileManager.default.removeItem(atPath: copy.directory)
        #expect(try copy.refusal(status: 66).hasPrefix("There is no model directory \(copy.directory)."))
    }

    @Test(
        "a config without architectures, or with one that is not supported, ends with status 69 and the list of those that are"
    )
    func architecture() throws {
        let copy = try Copy()
        let supported = "supported are BertModel, BertForSequenceClassification, RobertaForSequenceClassification, "
        for value in [nil, JSONValue.array([]), .string("BertForSequenceClassification"), .null] {
            try copy.folder.edit(copy.config) { $0["architectures"] = value }
            let refusal = try copy.refusal(status: 69)
            #expect(refusal.hasPrefix("config.json does not say which architecture the model has."))
            #expect(refusal.contains(supported))
        }
        try copy.folder.edit(copy.config) { $0["architectures"] = .array([.string("T5ForConditionalGeneration")]) }
        let refusal = try copy.refusal(status: 69)
        #expect(refusal.hasPrefix("config.json describes a T5ForConditionalGeneration."))
        #expect(
            refusal.contains(
                "Supported are BertModel, BertForSequenceClassification, RobertaForSequenceClassification, "))
        try copy.folder.edit(copy.config) { $0["architectures"] = .array([.string("BertModel")]) }
        #expect(try copy.refusal(status: 69).contains("which has no head to score with."))
    }

    @Test("a config that is no JSON, or lacks a size, ends with status 74")
    func config() throws {
        let copy = try Copy()
        try copy.folder.edit(copy.config) { $0["hidden_size"] = nil }
        #expect(try copy.refusal(status: 74).hasPrefix("config.json has no hidden_size"))
        try copy.folder.edit(copy.config) { $0["hidden_size"] = .number(JSONNumber(-48)) }
        #expect(try copy.refusal(status: 74).contains("hidden_size"))
        try copy.folder.editBytes(copy.config) { $0.removeLast(10) }
        #expect(try copy.refusal(status: 74).hasPrefix("config.json is not valid JSON: "))
    }

    @Test("weights of another shape than the config's end with status 74")
    func shape() throws {
        let copy = try Copy()
        try copy.folder.edit(copy.config) { $0["hidden_size"] = .number(JSONNumber(64)) }
        let refusal = try copy.refusal(status: 74)
        #expect(refusal.contains("is [1215, 48], but config.json asks for [1215, 64]."), "\(refusal)")
        try copy.folder.edit(copy.config) { config in
            config["hidden_size"] = .number(JSONNumber(48))
            config["num_hidden_layers"] = .number(JSONNumber(3))
        }
        #expect(try copy.refusal(status: 74).hasPrefix("model.safetensors has no tensor \"bert.encoder.layer.2."))
    }

    @Test("weights that are cut short end with status 74, wherever the cut is", arguments: [0, 4, 8, 100, 50_000])
    func truncated(length: Int) throws {
        let copy = try Copy()
        try copy.folder.editBytes(copy.weights) { $0 = $0.prefix(length) }
        #expect(try copy.refusal(status: 74).hasPrefix("model.safetensors "))
    }

    @Test("weights that lack their last byte, or have one too many, end with status 74")
    func lastByte() throws {
        let copy = try Copy()
        try copy.folder.editBytes(copy.weights) { $0.removeLast() }
        #expect(try copy.refusal(status: 74).hasPrefix("model.safetensors ends before tensor "))
        try copy.folder.editBytes(copy.weights) { $0.append(contentsOf: [0, 0]) }
        #expect(try copy.refusal(status: 74).hasPrefix("model.safetensors has 1 bytes that belong to no tensor."))
    }

    @Test("a header length beyond the file ends with status 74", arguments: [UInt64.max, 1 << 63, 1 << 40, 99_999_999])
    func headerLength(length: UInt64) throws {
        let copy = try Copy()
        try copy.folder.editBytes(copy.weights) { bytes in
            bytes.replaceSubrange(0..<8, with: withUnsafeBytes(of: length.littleEndian, Array.init))
        }
        #expect(
            try copy.refusal(status: 74).hasPrefix("model.safetensors declares a header of \(length) bytes, but has "))
    }

    @Test(
        "NaN and infinity in any weight end with status 74 and the tensor's name",
        arguments: [Float.nan, .infinity, -.infinity])
    func notFinite(value: Float) throws {
        for tensor in [
            "classifier.weight", "bert.encoder.layer.1.output.LayerNorm.bias", "bert.embeddings.word_embeddings.weight",
        ] {
            let copy = try Copy()
            try copy.folder.setFloats(tensor, of: copy.weights) {
                $0 == 7 || tensor == "classifier.weight" ? value : 0.1
            }
            #expect(try copy.refusal(status: 74).hasPrefix("\"\(tensor)\" holds a NaN or an infinite value."))
        }
    }

    @Test("a tokenizer.json of an unknown kind ends with status 69, a broken one with 74")
    func tokenizer() throws {
        let copy = try Copy()
        try copy.folder.edit(copy.tokenizer) { file in
            var model = JSONObject()
            model["type"] = .string("WordLevel")
            file["model"] = .object(model)
        }
        let refusal = try copy.refusal(status: 69)
        #expect(refusal.hasPrefix("tokenizer.json has a model of type \"WordLevel\"."))
        #expect(refusal.contains("Supported are WordPiece, BPE, Unigram."))
        try copy.folder.editBytes(copy.tokenizer) { $0 = Data("{}".utf8) }
        #expect(try copy.refusal(status: 74).hasPrefix("tokenizer.json has no model."))
        try copy.folder.editBytes(copy.tokenizer) { $0 = Data("{".utf8) }
        #expect(try copy.refusal(status: 74).hasPrefix("tokenizer.json is not valid JSON: "))
    }
}
