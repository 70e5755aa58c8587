import Foundation
import Hub
import HubServer
import Outbound
import Ranking
import TestSupport

/// A hub with one small model, a cache of its own, and a store between them.
struct TestModel {
    let server: HubServer
    let folder: TemporaryFolder
    var store: ModelStore
    let reference: ModelReference

    /// 300,000 bytes that do not repeat: they come in several pieces.
    static let weights: [UInt8] = {
        var random = SeededGenerator(seed: 7)
        return (0..<300_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }()

    static let files: [String: [UInt8]] = [
        "config.json": Array(#"{"architectures": ["BertForSequenceClassification"]}"#.utf8),
        "tokenizer.json": Array(repeating: UInt8(ascii: " "), count: 40_000),
        "1_Pooling/config.json": Array("{}".utf8), "modules.json": Array("[]".utf8),
        "resift-calibration.json": Array("{ }".utf8), "model.safetensors": weights,
        "pytorch_model.bin": [1], "onnx/model.onnx": [2], "README.md": [3], "onnx/config.json": [4],
        "tf_model.h5": [5], "resift-notes.txt": [6],
    ]

    static let needed = [
        "1_Pooling/config.json", "config.json", "model.safetensors", "modules.json", "resift-calibration.json",
        "tokenizer.json",
    ]

    init(
        files: [String: [UInt8]] = TestModel.files, listed: [String] = [], requiredToken: String? = nil,
        token: String? = nil, claimedSize: Int64? = nil, name: String = "tests/tiny-model"
    ) throws {
        server = try HubServer(files: files, listed: listed, requiredToken: requiredToken, claimedSize: claimedSize)
        folder = try TemporaryFolder()
        var settings = HubSettings(
            endpoint: server.endpoint, cacheDirectory: folder.path + "/hub",
            token: token.flatMap { ServiceKey(unchecked: $0) })
        settings.retries.firstWait = .milliseconds(1)
        store = ModelStore(settings: settings)
        guard let reference = ModelReference(name) else { throw NoReference(text: name) }
        self.reference = reference
    }

    struct NoReference: Error {
        var text: String
    }

    var cache: String { folder.path + "/hub/models--tests--tiny-model" }
    var snapshot: String { "\(cache)/snapshots/\(server.commit)" }
    var blob: String { "\(cache)/blobs/\(HubServer.hash(of: TestModel.weights))" }

    func content(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(snapshot)/\(name)")))
    }

    /// The error of a download that has to fail.
    func failure() async throws -> RankingError {
        do {
            _ = try await store.download(reference)
        } catch let error as RankingError {
            return error
        }
        throw Unexpected()
    }

    struct Unexpected: Error {}

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}
