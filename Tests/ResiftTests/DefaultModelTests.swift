import Inference
import OrderedJSON
import Ranking
import Resift
import TestSupport
import Testing

@Suite("The model inside the package")
struct DefaultModelTests {
    @Test("it is there, and says what it is")
    func directory() throws {
        let directory = try DefaultModel.directory()
        #expect(FileStatus.isFile(directory + "/model.safetensors"))
        let model = try Reranker.default().model
        #expect(model.directory == directory)
        #expect(model.labels == 1 && model.maxTokens == 512)
        #expect(model.layers == 6 && model.hiddenSize == 384)
        #expect(model.activation == .identity)
        #expect(model.weightTypes["I8"] ?? 0 > 22_000_000)
    }

    @Test("it puts the passage that answers on top")
    func example() async throws {
        let documents = [
            Document("Our offices are closed on public holidays.", id: "holidays"),
            Document("The password of the guest network changes every Monday.", id: "network"),
            Document("Open Settings, choose Security, and press Reset password. We send you a link.", id: "reset"),
            Document("", id: "empty"),
        ]
        let ranking = try await Reranker.default().rerank("how do I reset my password?", documents, limit: 2)
        #expect(ranking.candidates.first?.id == "reset")
        #expect(ranking.candidates.map(\.scoreKind) == [.logit, .logit])
        #expect(ranking.candidates[0].score > 0 && ranking.candidates[1].score < 0)
    }
}

@Suite("A self-test compares with stored scores")
struct SelfTestTests {
    @Test("the model inside the package passes its own")
    func passes() async throws {
        let outcome = try await SelfTest.run(Reranker.default(precision: .fp32))
        #expect(outcome.passed)
        #expect(outcome.pairs == 16)
        #expect(outcome.tolerance == 0.001)
        #expect(outcome.worstDifference > 0 && outcome.worstDifference <= 0.001)
    }

    @Test("in every precision of this machine, within that precision's tolerance")
    func precisions() async throws {
        for (precision, tolerance) in [(Precision.int8, 0.5), (.bf16, 0.1)] {
            guard (try? Kernels.forThisMachine().resolve(precision)) != nil else { continue }
            let outcome = try await SelfTest.run(Reranker.default(precision: precision))
            #expect(outcome.passed)
            #expect(outcome.precision == precision && outcome.tolerance == tolerance)
        }
    }

    @Test("one stored score that is wrong by more than the tolerance makes it fail, and the difference is reported")
    func fails() async throws {
        let folder = try TemporaryFolder()
        let directory = try folder.copy(ofModel: Repository.model("bert-cross-encoder"))
        let reranker = try Reranker.load(directory: directory, precision: .fp32)
        let logit = try await reranker.scores("river", ["water"])[0]
        func outcome(of stored: Float) async throws -> SelfTest.Outcome {
            let number = try #require(JSONNumber(stored))
            try folder.write(
                directory.dropFirst(folder.path.count + 1) + "/selftest.json",
                "{\"reference\": \"by hand\", \"tolerance\": 0.001, \"cases\": [{\"query\": \"river\", \"document\": \"water\", \"logit\": \(number)}]}"
            )
            return try await SelfTest.run(reranker)
        }
        let same = try await outcome(of: logit)
        #expect(same.passed && same.worstDifference < 1e-6 && same.reference == "by hand")
        let wrong = try await outcome(of: logit + 0.5)
        #expect(!wrong.passed)
        #expect(abs(wrong.worstDifference - 0.5) < 1e-6)
    }

    @Test(
        "a self-test file that is missing or broken is an error",
        arguments: [
            (nil, RankingError.Code.notFound), ("{}", .corruptFile), ("[]", .corruptFile), ("{", .corruptFile),
            (#"{"reference": "r", "tolerance": 1, "cases": []}"#, .corruptFile),
            (#"{"reference": "r", "tolerance": 1, "cases": [{"query": "q", "document": "d"}]}"#, .corruptFile),
        ] as [(String?, RankingError.Code)])
    func broken(json: String?, code: RankingError.Code) async throws {
        let folder = try TemporaryFolder()
        let directory = try folder.copy(ofModel: Repository.model("bert-cross-encoder"))
        if let json { try folder.write(directory.dropFirst(folder.path.count + 1) + "/selftest.json", json) }
        let reranker = try Reranker.load(directory: directory, precision: .fp32)
        let error = await #expect(throws: RankingError.self) { try await SelfTest.run(reranker) }
        #expect(error?.code == code)
    }
}
