import Foundation
import Hub
import HubServer
import Outbound
import Ranking
import TestSupport
import Testing

@Suite("A model that another tool downloaded is found without the network")
struct CacheTests {
    static let commit = String(repeating: "a1", count: 20)

    /// The layout that huggingface_hub writes, made by hand.
    private func cache(_ folder: TemporaryFolder, files: [String], ref: String? = "main") throws -> ModelStore {
        let model = folder.path + "/hub/models--owner--name"
        let snapshot = "\(model)/snapshots/\(CacheTests.commit)"
        for file in files {
            let path = URL(fileURLWithPath: "\(snapshot)/\(file)")
            try FileManager.default.createDirectory(
                at: path.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data().write(to: path)
        }
        if let ref {
            try FileManager.default.createDirectory(atPath: model + "/refs", withIntermediateDirectories: true)
            try folder.write("hub/models--owner--name/refs/\(ref)", CacheTests.commit)
        }
        return ModelStore(settings: HubSettings(endpoint: "http://127.0.0.1:1", cacheDirectory: folder.path + "/hub"))
    }

    private static let whole = ["config.json", "tokenizer.json", "model.safetensors"]

    @Test("by branch, by tag and by commit")
    func found() throws {
        let folder = try TemporaryFolder()
        let store = try cache(folder, files: CacheTests.whole, ref: "v2")
        let snapshot = "\(folder.path)/hub/models--owner--name/snapshots/\(CacheTests.commit)"
        #expect(try store.directory(of: "owner/name@v2") == snapshot)
        #expect(try store.directory(of: "owner/name@\(CacheTests.commit)") == snapshot)
        #expect(throws: RankingError.self) { try store.directory(of: "owner/name") }
    }

    @Test("an existing directory wins, and what can be no model's name is left as it is")
    func directories() throws {
        let folder = try TemporaryFolder()
        let store = try cache(folder, files: CacheTests.whole)
        #expect(try store.directory(of: folder.path) == folder.path)
        for path in ["./owner/name", "/owner/name", "name", "a/b/c", ""] {
            #expect(try store.directory(of: path) == path)
        }
    }

    @Test(
        "a snapshot that lacks a file that every model has is an error that names the file and the command",
        arguments: [
            (["config.json", "tokenizer.json"], "model.safetensors is missing"),
            (["config.json", "model.safetensors"], "tokenizer.json is missing"),
            (["tokenizer.json", "model.safetensors"], "config.json is missing"),
            (
                [
                    "config.json", "tokenizer.json", "model.safetensors.index.json",
                    "model-00001-of-00003.safetensors", "model-00003-of-00003.safetensors",
                ], "a part of model.safetensors is missing"
            ),
        ])
    func partial(files: [String], what: String) throws {
        let folder = try TemporaryFolder()
        let store = try cache(folder, files: files)
        let error = try #require(throws: RankingError.self) { try store.directory(of: "owner/name") }
        #expect(error.code == .notFound && error.what.contains(what), "\(error)")
        #expect(error.fix.contains("resift models pull owner/name"))
    }

    @Test("shards, and a model in the folder 0_Transformer, are whole")
    func layouts() throws {
        for files in [
            [
                "config.json", "tokenizer.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
                "model-00002-of-00002.safetensors",
            ], CacheTests.whole.map { "0_Transformer/" + $0 } + ["1_Pooling/config.json"],
        ] {
            let folder = try TemporaryFolder()
            _ = try cache(folder, files: files).directory(of: "owner/name")
        }
    }

    @Test("a model that is not there is an error that says where it was looked for and how to get it")
    func absent() throws {
        let folder = try TemporaryFolder()
        let store = try cache(folder, files: [])
        let error = try #require(throws: RankingError.self) { try store.directory(of: "owner/other@v1") }
        #expect(error.code == .notFound)
        #expect(error.what == "There is no directory owner/other@v1, and no model owner/other@v1 in the cache.")
        #expect(error.why.contains("\(folder.path)/hub/models--owner--other"))
        #expect(error.fix.contains("resift models pull owner/other@v1"))
    }

    @Test("of one file in parts and of one file alone, the one file is downloaded")
    func oneFileBeforeParts() async throws {
        var files = TestModel.files
        files["model.safetensors.index.json"] = [1]
        files["model-00001-of-00001.safetensors"] = [2]
        let model = try TestModel(files: files)
        #expect(try await model.store.download(model.reference).files == TestModel.needed.count)
        files["model.safetensors"] = nil
        let parts = try TestModel(files: files)
        #expect(try await parts.store.download(parts.reference).files == TestModel.needed.count + 1)
    }
}

@Suite("Names and settings are read as other Hugging Face tools read them")
struct SettingsTests {
    @Test(
        "owner/name and owner/name@revision are models",
        arguments: [
            ("BAAI/bge-reranker-v2-m3", "BAAI/bge-reranker-v2-m3", "main"), ("a/b.c_d@v1.0", "a/b.c_d", "v1.0"),
            ("a/b@refs/pr/3", "a/b", "refs/pr/3"),
        ])
    func models(text: String, id: String, revision: String) throws {
        let reference = try #require(ModelReference(text))
        #expect(reference.id == id && reference.revision == revision && reference.description == text)
    }

    @Test(
        "what is no such name is not",
        arguments: [
            "", "/", "a", "a/", "/b", "./a", "../a", "a/..", "a/b/c", "a/b@", "a/b@../x", "a/b@/x", "a/b@x//y",
            "a/b@.hidden", "a--b/c", "-a/b", "a/b-", "a/b..c", "a b/c", "ä/b", "a/b@x y", "a/b@x@y", "a\n/b",
        ])
    func noModels(text: String) { #expect(ModelReference(text) == nil) }

    @Test(
        "the cache is where the first of these variables says",
        arguments: [
            (["HF_HUB_CACHE": "/c", "HF_HOME": "/h", "HOME": "/u"], "/c"),
            (["HF_HOME": "/h", "XDG_CACHE_HOME": "/x", "HOME": "/u"], "/h/hub"),
            (["XDG_CACHE_HOME": "/x", "HOME": "/u"], "/x/huggingface/hub"),
            (["HOME": "/u", "HF_HOME": ""], "/u/.cache/huggingface/hub"),
            (["HF_HOME": "~/hf", "HOME": "/u"], "/u/hf/hub"),
        ])
    func caches(environment: [String: String], directory: String) {
        #expect(HubSettings(environment: environment).cacheDirectory == directory)
    }

    @Test("without any of them there is no cache, and a model's name is an error that lists them")
    func noCache() throws {
        let store = ModelStore(settings: HubSettings(environment: [:]))
        let error = try #require(throws: RankingError.self) { try store.directory(of: "owner/name") }
        #expect(error.code == .notFound && error.why.contains("HF_HUB_CACHE"))
    }

    @Test("the token is the variable's, else the file's, and prints as nothing")
    func tokens() throws {
        let folder = try TemporaryFolder()
        try folder.write("token", "hf_file\n")
        let file = try #require(HubSettings(environment: ["HF_HOME": folder.path]).token)
        #expect(file.secret == "hf_file")
        let both = HubSettings(environment: ["HF_HOME": folder.path, "HF_TOKEN": " hf_variable "])
        #expect(both.token?.secret == "hf_variable")
        for text in ["\(both)", "\(file)", String(reflecting: file), String(describing: both.token)] {
            #expect(!text.contains("hf_"), "\(text)")
        }
        var dumped = ""
        dump(both, to: &dumped)
        #expect(!dumped.contains("hf_"))
        #expect(HubSettings(environment: ["HF_HOME": "/nowhere"]).token == nil)
        #expect(ServiceKey(unchecked: " \n") == nil)
    }

    @Test("a token that cannot be one is refused without being shown")
    func brokenToken() async throws {
        let error = try await TestModel(token: "hf_a\r\nX-Injected: 1").failure()
        #expect(error.code == .invalidInput && !"\(error)".contains("hf_a"))
    }

    @Test("an address that is none is refused", arguments: ["", "hub", "ftp://hub", "https://", "https://h?x=1"])
    func endpoints(address: String) async throws {
        var model = try TestModel()
        model.store.settings.endpoint = address
        #expect(try await model.failure().code == .invalidInput)
    }

    @Test("HF_ENDPOINT and HF_HUB_OFFLINE count")
    func others() {
        let plain = HubSettings(environment: [:])
        #expect(plain.endpoint == HubSettings.defaultEndpoint && !plain.isOffline)
        let set = HubSettings(environment: ["HF_ENDPOINT": "https://mirror", "HF_HUB_OFFLINE": "1"])
        #expect(set.endpoint == "https://mirror" && set.isOffline)
    }
}
