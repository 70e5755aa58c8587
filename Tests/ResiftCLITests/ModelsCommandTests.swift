import Inference
import OrderedJSON
import TestSupport
import Testing

@Suite("resift models", .blocking)
struct ModelsCommandTests {
    private func report(_ arguments: [String]) throws -> JSONObject {
        let output = try Resift.run(arguments + ["--format", "json"])
        #expect(output.stderr == "" && output.status == 0)
        return try JSONObject(parsing: output.stdout)
    }

    @Test("list names the model inside the package and the architectures that load")
    func list() throws {
        let report = try report(["models", "list"])
        #expect(report.keys == ["embedded", "directory", "cross_encoder_architectures", "bi_encoder_architectures"])
        #expect(
            report["cross_encoder_architectures"] == .array(ModelArchitecture.rerankerNames.map(JSONValue.string)))
        #expect(ModelArchitecture.rerankerNames.count == 11)
        let table = try Resift.run(["models", "list"]).stdout
        #expect(
            table.contains(
                "cross_encoder_architectures  BertForSequenceClassification, RobertaForSequenceClassification, "))
    }

    @Test("info says what a model is")
    func info() throws {
        let report = try report(["models", "info", "--model", Repository.model("bert-cross-encoder-sigmoid")])
        for (key, value) in [
            ("layers", 2), ("hidden_size", 48), ("vocab_size", 1_215), ("max_tokens", 128), ("labels", 1),
        ] {
            #expect(report[key] == .number(JSONNumber(value)), "\(key)")
        }
        #expect(report["activation"] == .string("sigmoid"))
        #expect(report["score_kind"] == .string("normalized_relevance"))
    }

    @Test(
        "selftest passes on this machine with the model inside the package, and ends with status 1 where a score is wrong"
    )
    func selftest() throws {
        #expect(try report(["models", "selftest"])["result"] == .string("pass"))
        let folder = try TemporaryFolder()
        let directory = try folder.copy(ofModel: Resift.model)
        try folder.write(
            directory.dropFirst(folder.path.count + 1) + "/selftest.json",
            #"{"reference": "r", "tolerance": 0.001, "cases": [{"query": "river", "document": "water", "logit": 100}]}"#
        )
        let output = try Resift.run(["models", "selftest", "--model", directory])
        #expect(output.status == 1 && output.stderr == "")
        #expect(output.stdout.hasPrefix("result            fail\n"))
        let missing = try Resift.run(["models", "selftest", "--model", Resift.model])
        #expect(missing.status == 66 && missing.stdout == "")
        #expect(missing.stderr.hasPrefix("error: \(Resift.model) has no selftest.json.\n  why: "))
    }

    @Test("RESIFT_KERNELS chooses the kernels, and one that this machine does not have ends with status 65")
    func kernels() throws {
        let arguments = ["models", "info", "--model", Resift.model, "--format", "json"]
        let scalar = try Resift.run(arguments, environment: ["RESIFT_KERNELS": "scalar"])
        #expect(try JSONObject(parsing: scalar.stdout)["kernels"] == .string("scalar"))
        let unknown = try Resift.run(arguments, environment: ["RESIFT_KERNELS": "mmx"])
        #expect(unknown.status == 65 && unknown.stdout == "")
        #expect(
            unknown.stderr.hasPrefix(
                "error: This machine has no kernels called \"mmx\".\n  why: RESIFT_KERNELS can name one of "))
    }

    @Test("RESIFT_RESOURCES that points nowhere ends with status 66 and says where it looked")
    func resources() throws {
        let output = try Resift.run(
            ["rerank", "q", "--documents", "-"], input: "water", environment: ["RESIFT_RESOURCES": "/nowhere"])
        let expected = """
            error: The model inside the package was not found.
              why: The program was moved without its resource folder; looked for /nowhere/default-model.
              fix: Install with `make install`, keep resift_Resift.resources beside the program, or set RESIFT_RESOURCES.

            """
        #expect(output == .init(stdout: "", stderr: expected, status: 66))
    }
}
