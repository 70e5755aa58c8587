import Foundation
import HubServer
import OrderedJSON
import TestSupport
import Testing

@Suite("resift models pull, and --model owner/name", .blocking)
struct ModelsPullTests {
    /// A hub that has the tiny model of the other tests, and an empty cache.
    private struct Scene {
        let server: HubServer
        let folder: TemporaryFolder
        let weights: [UInt8]

        init() throws {
            var files: [String: [UInt8]] = [:]
            for name in ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"] {
                files[name] = Array(try Data(contentsOf: URL(fileURLWithPath: "\(Resift.model)/\(name)")))
            }
            weights = files["model.safetensors"] ?? []
            server = try HubServer(files: files)
            folder = try TemporaryFolder()
        }

        var cache: String { folder.path + "/hub" }
        var environment: [String: String] {
            [
                "HF_ENDPOINT": server.endpoint, "HF_HUB_CACHE": cache, "HF_TOKEN": "hf_secret",
                "XDG_CACHE_HOME": folder.path + "/cache",
            ]
        }
        var incomplete: String {
            "\(cache)/models--tests--tiny-model/blobs/\(HubServer.hash(of: weights)).incomplete"
        }

        func run(_ arguments: [String], input: String = "") throws -> Resift.Output {
            let output = try Resift.run(arguments, input: input, environment: environment)
            #expect(!(output.stdout + output.stderr).contains("hf_secret"))
            return output
        }

        /// A command that goes on while the test does something else.
        func start(_ arguments: [String]) throws -> Process {
            let process = Process()
            process.executableURL = Resift.program
            process.arguments = arguments
            process.environment = environment
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            process.standardError = FileHandle.nullDevice
            try process.run()
            return process
        }
    }

    private static let pull = ["models", "pull", "tests/tiny-model"]
    private static let texts = "the river\na mountain\nwater\n"
    private static func rerank(_ model: String) -> [String] {
        ["rerank", "river", "--documents", "-", "--model", model]
    }

    @Test("a pulled model is used by its name, and scores as from its directory")
    func use() throws {
        let scene = try Scene()
        let absent = try scene.run(ModelsPullTests.rerank("tests/tiny-model"), input: ModelsPullTests.texts)
        #expect(absent.status == 66 && absent.stdout == "")
        #expect(absent.stderr.contains("fix: Run `resift models pull tests/tiny-model`"))
        #expect(scene.server.requests.isEmpty)
        let pulled = try scene.run(ModelsPullTests.pull + ["--format", "json"])
        #expect(pulled.status == 0 && pulled.stderr == "", "\(pulled.stderr)")
        let report = try JSONObject(parsing: pulled.stdout)
        #expect(report["commit"] == .string(scene.server.commit))
        #expect(report["files"] == .number(JSONNumber(4)) && report["downloaded_files"] == report["files"])
        scene.server.forget()
        let named = try scene.run(ModelsPullTests.rerank("tests/tiny-model"), input: ModelsPullTests.texts)
        let directory = try scene.run(ModelsPullTests.rerank(Resift.model), input: ModelsPullTests.texts)
        #expect(named == directory && named.status == 0)
        let info = try scene.run(["models", "info", "--model", "tests/tiny-model@main", "--format", "json"])
        #expect(try JSONObject(parsing: info.stdout)["name"] == .string("tests/tiny-model"))
        #expect(scene.server.requests.isEmpty)
        let again = try scene.run(ModelsPullTests.pull + ["--offline"])
        #expect(again.status == 0 && again.stdout.contains("downloaded_files  0\n"))
        #expect(scene.server.requests.isEmpty)
    }

    @Test(
        "every command that takes a model says how to get one that is named and not there",
        arguments: [
            ["rerank", "river", "--documents", "-", "--model", "tests/absent"],
            ["search", "river", "--index", "INDEX", "--rerank", "--model", "tests/absent"],
            ["search", "river", "--index", "INDEX", "--embedder", "tests/absent"],
            ["evaluate", "--dataset", "DATASET", "--stages", "bm25+rerank", "--models", "tests/absent"],
            ["evaluate", "--dataset", "DATASET", "--stages", "dense", "--embedder", "tests/absent"],
            ["tune", "--dataset", "DATASET", "--split", "test", "--folds", "2", "--models", "tests/absent"],
            ["index", "build", "DATASET/corpus.jsonl", "--output", "NEW", "--embedder", "tests/absent"],
            ["profile", "--model", "tests/absent"],
            ["models", "info", "--model", "tests/absent"],
            ["models", "selftest", "--model", "tests/absent"],
            ["models", "quantize", "tests/absent", "--output", "NEW"],
            ["models", "fit-exit", "--model", "tests/absent", "--pairs", "PAIRS", "--layer", "1", "--output", "NEW"],
            ["serve", "--port", "0", "--model", "tests/absent"],
            ["serve", "--port", "0", "--model", "small=tests/absent"],
            ["serve", "--port", "0", "--index", "INDEX", "--embedder", "tests/absent"],
        ])
    func absent(command: [String]) throws {
        let scene = try Scene()
        let folder = scene.folder
        try FileManager.default.createDirectory(atPath: folder.path + "/data/qrels", withIntermediateDirectories: true)
        let paths = [
            "DATASET/corpus.jsonl": try folder.write(
                "data/corpus.jsonl",
                #"{"_id": "d0", "text": "The river."}"# + "\n" + #"{"_id": "d1", "text": "Hills."}"#),
            "DATASET": folder.path + "/data", "INDEX": folder.path + "/index.resift", "NEW": folder.path + "/new",
            "PAIRS": try folder.write("pairs.jsonl", #"{"query": "river", "documents": ["The river.", "Hills."]}"#),
        ]
        try folder.write(
            "data/queries.jsonl", #"{"_id": "q0", "text": "river"}"# + "\n" + #"{"_id": "q1", "text": "hill"}"#)
        try folder.write("data/qrels/test.tsv", "query-id\tcorpus-id\tscore\nq0\td0\t1\nq1\td1\t1\n")
        let build = ["index", "build", "DATASET/corpus.jsonl", "--output", "INDEX"].map { paths[$0] ?? $0 }
        #expect(try scene.run(build + ["--embedder", Repository.model("bert-bi-encoder-mean")]).status == 0)
        let output = try scene.run(command.map { paths[$0] ?? $0 }, input: ModelsPullTests.texts)
        #expect(output.status == 66 && output.stdout == "", "\(output)")
        #expect(output.stderr.contains("  fix: Run `resift models pull tests/absent`"), "\(output.stderr)")
        #expect(scene.server.requests.isEmpty)
    }

    @Test("--download pulls what is missing, once")
    func download() throws {
        let scene = try Scene()
        let command = ModelsPullTests.rerank("tests/tiny-model") + ["--download"]
        let first = try scene.run(command, input: ModelsPullTests.texts)
        #expect(first.status == 0, "\(first.stderr)")
        scene.server.forget()
        #expect(try scene.run(command, input: ModelsPullTests.texts) == first)
        #expect(scene.server.requests.isEmpty)
    }

    @Test("errors have their statuses, and a name that is none is a usage error")
    func errors() throws {
        let scene = try Scene()
        for (fault, status) in [
            (HubServer.Fault.status(401, headers: ["X-Error-Code": "GatedRepo"]), Int32(77)),
            (.status(404, headers: ["X-Error-Code": "RepoNotFound"]), 66),
            (.status(429, headers: ["Retry-After": "9999"]), 68),
        ] {
            scene.server.fail("/revision/main", fault)
            let output = try scene.run(ModelsPullTests.pull)
            #expect(output.status == status && output.stdout == "", "\(output.stderr)")
            #expect(output.stderr.hasPrefix("error: ") && output.stderr.contains("\n  fix: "))
        }
        #expect(try scene.run(["models", "pull", "../x"]).status == 64)
        #expect(try scene.run(ModelsPullTests.pull + ["--offline"]).status == 66)
    }

    @Test("two processes that pull the same model at the same time both succeed, and download each file once")
    func twoProcesses() throws {
        let scene = try Scene()
        let processes = try [scene.start(ModelsPullTests.pull), scene.start(ModelsPullTests.pull)]
        for process in processes {
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
        }
        #expect(scene.server.transfers(of: "model.safetensors").count == 1)
        #expect(try scene.run(ModelsPullTests.rerank("tests/tiny-model"), input: "water").status == 0)
    }

    @Test("a pull that was killed in the middle of a file goes on from there")
    func killed() throws {
        let scene = try Scene()
        let part = scene.weights.count / 2
        scene.server.fail("/model.safetensors", .stall(after: part))
        let process = try scene.start(ModelsPullTests.pull)
        while process.isRunning, size(scene.incomplete) < part { usleep(2_000) }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        #expect(process.terminationReason == .uncaughtSignal)
        let absent = try scene.run(ModelsPullTests.rerank("tests/tiny-model"), input: "water")
        #expect(absent.status == 66)
        let pulled = try scene.run(ModelsPullTests.pull)
        #expect(pulled.status == 0, "\(pulled.stderr)")
        #expect(
            scene.server.transfers(of: "model.safetensors").map { $0.headers["range"] } == [nil, "bytes=\(part)-"])
        #expect(try scene.run(ModelsPullTests.rerank("tests/tiny-model"), input: "water").status == 0)
    }

    private func size(_ path: String) -> Int {
        (try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int) ?? 0
    }
}
