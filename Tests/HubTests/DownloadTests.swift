import Foundation
import Hub
import HubServer
import Ranking
import Synchronization
import TestSupport
import Testing

@Suite("ModelStore.download brings a model from the hub into the shared cache")
struct DownloadTests {
    @Test("the needed files are there as they are at the hub, in the layout of other Hugging Face tools, and no others")
    func layout() async throws {
        let model = try TestModel()
        let pulled = try await model.store.download(model.reference)
        #expect(pulled.directory == model.snapshot)
        #expect(pulled.commit == model.server.commit)
        #expect(pulled.files == TestModel.needed.count && pulled.downloadedFiles == TestModel.needed.count)
        for name in TestModel.needed { #expect(try model.content(name) == TestModel.files[name], "\(name)") }
        let names = try FileManager.default.subpathsOfDirectory(atPath: model.snapshot)
        #expect(names.sorted() == (TestModel.needed + ["1_Pooling"]).sorted())
        #expect(try String(contentsOfFile: model.cache + "/refs/main", encoding: .utf8) == model.server.commit)
        // Links are relative, so that the cache can be moved; blobs have their hashes as names.
        let weights = "../../blobs/\(HubServer.hash(of: TestModel.weights))"
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: model.snapshot + "/model.safetensors") == weights)
        let pooling = "../../../blobs/\(HubServer.gitHash(of: Array("{}".utf8)))"
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: model.snapshot + "/1_Pooling/config.json")
                == pooling)
        let blobs = try FileManager.default.contentsOfDirectory(atPath: model.cache + "/blobs")
        #expect(blobs.count == TestModel.needed.count && !blobs.contains { $0.hasSuffix(".incomplete") })
        #expect(try model.store.directory(of: "tests/tiny-model") == model.snapshot)
    }

    @Test("what the cache has is not downloaded again")
    func again() async throws {
        let model = try TestModel()
        _ = try await model.store.download(model.reference)
        model.server.forget()
        let pulled = try await model.store.download(model.reference)
        #expect(pulled.downloadedFiles == 0 && pulled.files == TestModel.needed.count)
        #expect(!model.server.requests.contains { $0.method == "GET" && !$0.path.contains("/api/models/") })
    }

    @Test("a revision has a ref of its own, a commit has none", arguments: ["tests/tiny-model@v1.0", "commit"])
    func revisions(name: String) async throws {
        let commit = try TestModel().server.commit
        let model = try TestModel(name: name == "commit" ? "tests/tiny-model@\(commit)" : name)
        _ = try await model.store.download(model.reference)
        #expect(TestModel.exists(model.cache + "/refs/v1.0") == (name != "commit"))
        #expect(!TestModel.exists(model.cache + "/refs/main"))
        #expect(try model.store.directory(of: model.reference.description) == model.snapshot)
        #expect(throws: RankingError.self) { try model.store.directory(of: "tests/tiny-model") }
        let pinned = try model.store.pinned(model.reference.description)
        #expect(pinned == "tests/tiny-model@\(commit)")
    }

    @Test("the token goes to the hub with every request, and never to the host that stores the files")
    func token() async throws {
        let model = try TestModel(requiredToken: "hf_secret", token: "hf_secret\n")
        _ = try await model.store.download(model.reference)
        let requests = model.server.requests
        #expect(requests.contains { $0.host == .storage })
        for request in requests {
            #expect(
                request.headers["authorization"] == (request.host == .hub ? "Bearer hf_secret" : nil), "\(request.path)"
            )
        }
    }

    @Test("progress ends at the number of bytes, and its total is known from the start")
    func progress() async throws {
        let model = try TestModel()
        let seen = Mutex<[DownloadEvent.Progress]>([])
        _ = try await model.store.download(model.reference) { event in
            if case .progress(let progress) = event { seen.withLock { $0.append(progress) } }
        }
        let expected = TestModel.needed.reduce(0) { $0 + (TestModel.files[$1]?.count ?? 0) }
        let reports = seen.withLock { $0 }
        #expect(!reports.isEmpty)
        #expect(reports.allSatisfy { $0.total == Int64(expected) && (0...Int64(expected)).contains($0.bytes) })
    }

    @Test("two downloads at the same time both succeed, and every byte comes once", arguments: [2, 5])
    func simultaneous(count: Int) async throws {
        let model = try TestModel()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<count {
                group.addTask { _ = try await model.store.download(model.reference) }
            }
            try await group.waitForAll()
        }
        #expect(try model.content("model.safetensors") == TestModel.weights)
        #expect(model.server.transfers(of: "model.safetensors").count == 1)
        let small = model.server.requests.filter { $0.method == "GET" && $0.path.hasSuffix("/tokenizer.json") }
        // One request, and the hub's own redirect.
        #expect(small.count == 2)
    }

    @Test("whoever waits for another download is told, and goes on when that ends")
    func waiting() async throws {
        var model = try TestModel()
        model.store.settings.silenceLimit = .seconds(20)
        model.server.fail("/model.safetensors", .stall(after: 1_000))
        let first = Task { [model] in try await model.store.download(model.reference) }
        // Until all other files are there.
        func complete() -> Int {
            let blobs = try? FileManager.default.contentsOfDirectory(atPath: model.cache + "/blobs")
            return blobs?.count { !$0.hasSuffix(".incomplete") } ?? 0
        }
        while complete() < TestModel.needed.count - 1 || model.server.transfers(of: "model.safetensors").isEmpty {
            try await Task.sleep(for: .milliseconds(5))
        }
        let waits = Mutex<[String]>([])
        let second = Task { [model] in
            try await model.store.download(model.reference) { event in
                if case .waiting(let file) = event { waits.withLock { $0.append(file) } }
            }
        }
        while waits.withLock({ $0.isEmpty }) { try await Task.sleep(for: .milliseconds(5)) }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(try await second.value.directory == model.snapshot)
        #expect(waits.withLock { $0 } == ["model.safetensors"])
        #expect(try model.content("model.safetensors") == TestModel.weights)
    }

    @Test("offline, what is in the cache is found without a request, and what is not is an error that says so")
    func offline() async throws {
        var model = try TestModel()
        model.store.settings.isOffline = true
        let absent = try await model.failure()
        #expect(absent.code == .notFound && absent.fix.contains("resift models pull tests/tiny-model"))
        model.store.settings.isOffline = false
        _ = try await model.store.download(model.reference)
        model.server.forget()
        model.store.settings.isOffline = true
        #expect(try await model.store.download(model.reference).directory == model.snapshot)
        #expect(model.server.requests.isEmpty)
    }
}
