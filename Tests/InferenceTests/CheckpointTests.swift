import FuzzMutations
import Inference
import OrderedJSON
import Ranking
import Reranking
import Testing

@Suite("A checkpoint's files fit together")
struct CheckpointTests {
    private static let tiny = TinyCheckpoint()
    private static let index = "model.safetensors.index.json"

    @Test("a sharded checkpoint gives the tensors of the whole one", arguments: TinyCheckpoint.Storage.allCases)
    func shards(storage: TinyCheckpoint.Storage) async throws {
        let whole = try withFiles(CheckpointTests.tiny.files(storage)) {
            try CrossEncoder.load(directory: $0, precision: .fp32)
        }
        let sharded = try withFiles(CheckpointTests.tiny.files(storage, sharded: true)) {
            try CrossEncoder.load(directory: $0, precision: .fp32)
        }
        #expect(sharded.description.weightTypes == whole.description.weightTypes)
        let pair = [(query: "a map", passage: "a lamp on a mat")]
        #expect(try await sharded.logits(of: pair) == whole.logits(of: pair))
    }

    @Test("model.safetensors is read rather than an index beside it")
    func singleFileFirst() async throws {
        var files = CheckpointTests.tiny.files()
        files[CheckpointTests.index] = Array("broken".utf8)
        #expect(try load(files).tensors.count == CheckpointTests.tiny.shapes.count)
    }

    @Test("a missing shard is an error that names it")
    func missingShard() async throws {
        var files = CheckpointTests.tiny.files(sharded: true)
        files["model-00002-of-00002.safetensors"] = nil
        await expectFailure(.notFound, "model-00002-of-00002.safetensors cannot be read", files)
    }

    @Test("a tensor that its shard does not hold is an error that names both")
    func misplacedTensor() async throws {
        await expectIndex(
            #"{"weight_map":{"no.such.weight":"model-00001-of-00002.safetensors"}}"#,
            "\"no.such.weight\" in model-00001-of-00002.safetensors, which does not hold it")
    }

    @Test(
        "a shard outside of the directory is refused",
        arguments: ["../x.safetensors", "/dev/zero", "a/b.safetensors", "..", ".", ".hidden"])
    func traversal(shard: String) async throws {
        await expectIndex(
            #"{"weight_map":{"w":"\#(shard)"}}"#, "something else than a file of this directory")
    }

    @Test(
        "an index is an object with a weight_map of file names",
        arguments: [
            (#"{}"#, "no weight_map"), (#"{"weight_map":[]}"#, "no weight_map"), ("[]", "not an object"),
            (#"{"weight_map":{"w":3}}"#, "something else than a file"), (#"{"weight_map":"#, "not valid JSON"),
            ("", "not valid JSON"),
        ])
    func badIndex(text: String, error: String) async throws { await expectIndex(text, error) }

    @Test("a directory without weights is told from one with weights in another format")
    func noWeights() async throws {
        var files = CheckpointTests.tiny.files()
        files["model.safetensors"] = nil
        files["pytorch_model.bin"] = [1]
        await expectFailure(.notFound, "neither model.safetensors nor model.safetensors.index.json", files)
    }

    @Test(
        "a missing tensor is an error, and one of another prefix is named",
        arguments: ["classifier.weight", "bert.pooler.dense.bias"])
    func missingTensor(name: String) async throws {
        var tensors = CheckpointTests.tiny.tensors()
        tensors.removeAll { $0.name == name }
        await expectFailure(.corruptFile, "has no tensor \"\(name)\"", with(tensors))
        var renamed = CheckpointTests.tiny.tensors()
        let at = try #require(renamed.firstIndex { $0.name == name })
        renamed[at].name = "model." + name
        await expectFailure(.corruptFile, "name it otherwise: model.\(name)", with(renamed))
    }

    @Test("every tensor of the model has to have its shape", arguments: CheckpointTests.tiny.shapes.map(\.name))
    func wrongShape(name: String) async throws {
        var tensors = CheckpointTests.tiny.tensors()
        let at = try #require(tensors.firstIndex { $0.name == name })
        tensors[at].shape.append(1)
        await expectFailure(
            .corruptFile, "\"\(name)\" is \(tensors[at].shape), but config.json asks for", with(tensors))
    }

    @Test("NaN in any tensor of the model is refused at loading", arguments: CheckpointTests.tiny.shapes.map(\.name))
    func notFinite(name: String) async throws {
        let files = try CheckpointTests.tiny.files(replacing: name) { $0 == 1 || name == "classifier.bias" ? .nan : 1 }
        await expectFailure(.corruptFile, "\"\(name)\" holds a NaN", files)
    }

    @Test("an int64 tensor that the model does not use, as position_ids of older files, is passed over")
    func unusedTensors() async throws {
        let ids = (0..<Int64(24)).flatMap(littleEndian)
        let extra = SafetensorsBuilder.Tensor("bert.embeddings.position_ids", .i64, [1, 24], bytes: ids)
        let plain = try withFiles(CheckpointTests.tiny.files()) {
            try CrossEncoder.load(directory: $0, precision: .fp32)
        }
        let legacy = try withFiles(with([extra] + CheckpointTests.tiny.tensors())) {
            try CrossEncoder.load(directory: $0, precision: .fp32)
        }
        #expect(legacy.description.weightTypes["I64"] == 24)
        let pair = [(query: "a map", passage: "a lamp on a mat")]
        #expect(try await legacy.logits(of: pair) == plain.logits(of: pair))
    }

    @Test("misaligned tensors give the same logits", arguments: TinyCheckpoint.Storage.allCases, [1, 2, 3])
    func misaligned(storage: TinyCheckpoint.Storage, shift: Int) async throws {
        let tensors = CheckpointTests.tiny.tensors(storage)
        let odd = SafetensorsBuilder.Tensor("odd", .u8, [shift], bytes: [UInt8](repeating: 1, count: shift))
        let pair = [(query: "a map", passage: "a lamp on a mat")]
        let aligned = try withFiles(with(tensors, align: true)) {
            try CrossEncoder.load(directory: $0, precision: .fp32)
        }
        let shifted = try withFiles(with([odd] + tensors, align: true)) {
            try CrossEncoder.load(directory: $0, precision: .fp32)
        }
        #expect(try await shifted.logits(of: pair) == aligned.logits(of: pair))
    }

    private func load(_ files: [String: [UInt8]]) throws -> Checkpoint {
        try withFiles(files) { try Checkpoint(directory: $0) }
    }

    /// The files of the checkpoint with other tensors; `align` puts the data on a 64-byte boundary.
    private func with(_ tensors: [SafetensorsBuilder.Tensor], align: Bool = false) -> [String: [UInt8]] {
        var files = CheckpointTests.tiny.files()
        var file = SafetensorsBuilder(tensors)
        if align { file.padding = 64 - (8 + file.header.text.count) % 64 }
        files["model.safetensors"] = file.bytes
        return files
    }

    private func expectIndex(_ text: String, _ error: String) async {
        var files = CheckpointTests.tiny.files(sharded: true)
        files[CheckpointTests.index] = Array(text.utf8)
        let damaged = files
        await expectError(.corruptFile, CheckpointTests.index, error) { try load(damaged) }
    }

    private func expectFailure(_ code: RankingError.Code, _ part: String, _ files: [String: [UInt8]]) async {
        await expectError(code, part) {
            try withFiles(files) { try CrossEncoder.load(directory: $0, precision: .fp32) }
        }
    }
}
