import Foundation
import Hub
import HubServer
import Outbound
import Ranking
import Synchronization
import TestSupport
import Testing

@Suite("A download that goes wrong goes on where it was, or ends with what, why and fix")
struct BrokenDownloadTests {
    private func ranges(_ model: TestModel) -> [String?] {
        model.server.transfers(of: "model.safetensors").map { $0.headers["range"] }
    }

    /// Bytes that were on the way when the connection ended may or may not have been read.
    @Test("a connection that is cut goes on behind what came", arguments: [1, 100_000, 299_999])
    func cut(length: Int) async throws {
        let model = try TestModel()
        model.server.fail("/model.safetensors", .cut(after: length))
        let retries = Mutex(0)
        _ = try await model.store.download(model.reference) { event in
            if case .retrying = event { retries.withLock { $0 += 1 } }
        }
        #expect(try model.content("model.safetensors") == TestModel.weights)
        #expect(retries.withLock { $0 } == 1)
        let asked = ranges(model)
        try #require(asked.count == 2)
        let start = asked[1].map { Int($0.dropFirst("bytes=".count).dropLast()) ?? -1 } ?? 0
        #expect(asked[0] == nil && (0...length).contains(start), "\(asked)")
    }

    @Test("a server that falls silent is asked again, for the rest")
    func silent() async throws {
        var model = try TestModel()
        model.store.settings.silenceLimit = .seconds(1)
        model.server.fail("/model.safetensors", .stall(after: 200_000))
        _ = try await model.store.download(model.reference)
        #expect(try model.content("model.safetensors") == TestModel.weights)
        // A busy machine may be silent before, and once more.
        let asked = ranges(model)
        try #require(asked.count >= 2)
        let start = asked[1].map { Int($0.dropFirst("bytes=".count).dropLast()) ?? -1 } ?? 0
        #expect(asked[0] == nil && (0...200_000).contains(start), "\(asked)")
    }

    @Test("what an earlier download left is kept, and only the rest is asked for")
    func resume() async throws {
        let model = try TestModel()
        try FileManager.default.createDirectory(atPath: model.cache + "/blobs", withIntermediateDirectories: true)
        try Data(TestModel.weights.prefix(123_456)).write(to: URL(fileURLWithPath: model.blob + ".incomplete"))
        _ = try await model.store.download(model.reference)
        #expect(try model.content("model.safetensors") == TestModel.weights)
        #expect(ranges(model) == ["bytes=123456-"])
    }

    @Test(
        "a part that belongs to something else, or is too long, is thrown away, and the file comes whole",
        arguments: [1_000, 300_000, 300_001])
    func foreignPart(length: Int) async throws {
        let model = try TestModel()
        try FileManager.default.createDirectory(atPath: model.cache + "/blobs", withIntermediateDirectories: true)
        try Data(repeating: 9, count: length).write(to: URL(fileURLWithPath: model.blob + ".incomplete"))
        _ = try await model.store.download(model.reference)
        #expect(try model.content("model.safetensors") == TestModel.weights)
        #expect(ranges(model).last == .some(nil))
    }

    @Test("a server that answers a request for the rest with the whole file does no harm")
    func withoutRanges() async throws {
        let model = try TestModel()
        try FileManager.default.createDirectory(atPath: model.cache + "/blobs", withIntermediateDirectories: true)
        try Data(TestModel.weights.prefix(5_000)).write(to: URL(fileURLWithPath: model.blob + ".incomplete"))
        model.server.fail("/model.safetensors", .ignoresRange)
        _ = try await model.store.download(model.reference)
        #expect(try model.content("model.safetensors") == TestModel.weights)
    }

    @Test(
        "a file with another hash is an error, and neither the file nor a part of it stays",
        arguments: ["model.safetensors", "tokenizer.json"])
    func otherBytes(name: String) async throws {
        let model = try TestModel()
        model.server.fail("/" + name, .otherBytes)
        let error = try await model.failure()
        #expect(error.code == .corruptFile, "\(error)")
        #expect(error.what == "\(name) of tests/tiny-model does not have the hash that the hub gives.")
        #expect(!TestModel.exists(model.snapshot))
        let bytes = try #require(TestModel.files[name])
        let hash = name == "tokenizer.json" ? HubServer.gitHash(of: bytes) : HubServer.hash(of: bytes)
        let blobs = try FileManager.default.contentsOfDirectory(atPath: model.cache + "/blobs")
        #expect(!blobs.contains { $0.hasPrefix(hash) })
        // The next download is right.
        _ = try await model.store.download(model.reference)
        #expect(try model.content("model.safetensors") == TestModel.weights)
    }

    @Test(
        "too many requests, and faults of the server, are tried again", arguments: [429, 500, 502, 503, 504] as [UInt])
    func passing(status: UInt) async throws {
        let model = try TestModel()
        model.server.fail("/revision/main", .status(status, headers: ["Retry-After": "0"]), times: 2)
        model.server.fail("/config.json", .status(status), method: "HEAD", times: 2)
        model.server.fail("/model.safetensors", .status(status), times: 3)
        _ = try await model.store.download(model.reference)
        #expect(try model.content("model.safetensors") == TestModel.weights)
    }

    @Test("a server that stays out of order is given up after the attempts that were allowed")
    func lasting() async throws {
        var model = try TestModel()
        model.store.settings.retries.attempts = 3
        model.server.fail("/revision/main", .status(503), times: 10)
        let error = try await model.failure()
        #expect(error.code == .unreachable && error.what.contains("503"), "\(error)")
        #expect(model.server.requests.count == 3)
    }

    @Test("a wait longer than is bearable is not waited for, but reported")
    func longWait() async throws {
        let model = try TestModel()
        model.server.fail("/revision/main", .status(429, headers: ["Retry-After": "3600"]))
        let error = try await model.failure()
        #expect(error.code == .unreachable && error.fix.contains("in 3600 seconds"), "\(error)")
        #expect(model.server.requests.count == 1)
    }

    @Test("a hub that cannot be reached is an error without the token")
    func unreachable() async throws {
        var model = try TestModel(token: "hf_secret")
        // Port 1 of this machine: nothing listens there.
        model.store.settings.endpoint = "http://127.0.0.1:1"
        model.store.settings.retries.attempts = 2
        let error = try await model.failure()
        #expect(error.code == .unreachable && error.what.hasPrefix("127.0.0.1 cannot be reached"), "\(error)")
        #expect(!"\(error) \(error.cause.map { "\($0)" } ?? "")".contains("hf_secret"))
    }

    @Test("a gated model is refused without a token, with another one, and not with the right one")
    func gated() async throws {
        let stranger = try await TestModel(requiredToken: "hf_right").failure()
        #expect(stranger.code == .accessDenied && stranger.what.hasPrefix("tests/tiny-model is gated"))
        #expect(stranger.why == "No token was given that says who you are.")
        #expect(stranger.fix.contains("HF_TOKEN"))
        let wrong = try await TestModel(requiredToken: "hf_right", token: "hf_wrong").failure()
        #expect(wrong.code == .accessDenied && wrong.why == "The token's account has no access.")
        #expect(!"\(wrong)".contains("hf_wrong"))
        let right = try TestModel(requiredToken: "hf_right", token: "hf_right")
        #expect(try await right.store.download(right.reference).directory == right.snapshot)
    }

    @Test(
        "what the hub does not have is said: the model, the revision, a file",
        arguments: [
            ("tests/other", "The hub has no model tests/other."),
            ("tests/tiny-model@v9", "tests/tiny-model has no revision v9."),
        ])
    func absent(name: String, what: String) async throws {
        let error = try await TestModel(name: name).failure()
        #expect(error.code == .notFound && error.what == what, "\(error)")
    }

    @Test("a file that is listed and not there is an error, and no snapshot is made")
    func absentFile() async throws {
        let model = try TestModel(listed: ["tokenizer_config.json"])
        let error = try await model.failure()
        #expect(error.code == .notFound && error.what.contains("has no tokenizer_config.json"), "\(error)")
        #expect(!TestModel.exists(model.snapshot))
    }

    @Test(
        "a name that leads out of the folder ends the download before the first file",
        arguments: [
            "../model.safetensors", "1_Pooling/../../config.json", "/etc/config.json", "a//config.json",
            "./config.json",
            "..", "1_Pooling\\\\config.json",
        ])
    func traversal(name: String) async throws {
        let model = try TestModel(listed: [name])
        let error = try await model.failure()
        #expect(error.code == .corruptFile && error.why.contains("leads out of the model's folder"), "\(error)")
        #expect(model.server.requests.count == 1)
        #expect(!TestModel.exists(model.cache))
    }

    @Test("a model without safetensors, or without config.json, is refused with what it has instead")
    func unsupported() async throws {
        var files = TestModel.files
        files["model.safetensors"] = nil
        let weights = try await TestModel(files: files).failure()
        #expect(weights.code == .unsupportedModel && weights.why.contains("pytorch_model.bin"), "\(weights)")
        files = TestModel.files
        files["config.json"] = nil
        let config = try await TestModel(files: files).failure()
        #expect(config.code == .unsupportedModel && config.what.contains("has no config.json"), "\(config)")
    }

    @Test("a model that is larger than the disk has room for is refused before it is downloaded")
    func full() async throws {
        let model = try TestModel(claimedSize: 1 << 60)
        let error = try await model.failure()
        #expect(error.code == .storage && error.what.hasPrefix("The model needs 1152921504606."), "\(error)")
        #expect(ranges(model).isEmpty)
    }

    @Test("redirects without end, or to what is no web address, are errors")
    func redirects() async throws {
        let model = try TestModel()
        let circle = "\(model.server.endpoint)/api/models/tests/tiny-model/revision/main"
        model.server.fail("/revision/main", .redirect(circle), times: 20)
        #expect(try await model.failure().code == .corruptFile)
        let other = try TestModel()
        other.server.fail("/revision/main", .redirect("file:///etc/passwd"))
        #expect(try await other.failure().code == .corruptFile)
    }
}
