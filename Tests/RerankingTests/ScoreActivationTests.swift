import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("From logits to scores")
struct ScoreActivationTests {
    @Test("identity keeps logits, and only its scores are logits")
    func identity() {
        #expect(ScoreActivation.identity([-3.5, 0, 1e30]) == [-3.5, 0, 1e30])
        #expect(ScoreActivation.allCases.map(\.scoreKind) == [.logit, .normalizedRelevance, .normalizedRelevance])
    }

    @Test("sigmoid is 1 / (1 + e^-x), and has no trouble with large logits")
    func sigmoid() {
        #expect(ScoreActivation.sigmoid([0, 1e30, -1e30]) == [0.5, 1, 0])
        // e^(ln 3) = 3: 1 / (1 + 1/3) = 3/4.
        let quarters = ScoreActivation.sigmoid([1.098_612_3, -1.098_612_3])
        #expect(abs(quarters[0] - 0.75) < 1e-7 && abs(quarters[1] - 0.25) < 1e-7)
        // 1 - 6.1e-6 and 1 - 2.3e-6 are apart; e^-80 and e^-81 are too.
        let large = ScoreActivation.sigmoid([12, 13, -80, -81])
        #expect(large[0] < large[1] && large[1] < 1)
        #expect(large[2] > large[3] && large[3] > 0)
    }

    @Test("softmax is e^x_i / Σ e^x_j, sums to 1, and has no trouble with large logits")
    func softmax() {
        #expect(ScoreActivation.softmax([1_000, 1_000]) == [0.5, 0.5])
        #expect(ScoreActivation.softmax([1e30, 0, -1e30]) == [1, 0, 0])
        #expect(ScoreActivation.softmax([7]) == [1])
        // e^0 : e^(ln 3) = 1 : 3.
        let quarters = ScoreActivation.softmax([0, 1.098_612_3])
        #expect(abs(quarters[0] - 0.25) < 1e-7 && abs(quarters[1] - 0.75) < 1e-7)
    }

    @Test(
        "softmax does not change where all logits move by the same, and sums to 1", arguments: 0..<20 as Range<UInt64>)
    func softmaxProperty(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let logits = (0..<random.int(in: 1...10)).map { _ in Float(random.int(in: -40...40)) / 4 }
        let scores = ScoreActivation.softmax(logits)
        #expect(abs(scores.reduce(0, +) - 1) < 1e-6)
        #expect(ScoreActivation.softmax(logits.map { $0 + 64 }) == scores)
        for (a, b) in zip(logits.indices, logits.indices.dropFirst()) where logits[a] > logits[b] {
            #expect(scores[a] > scores[b])
        }
    }

    @Test(
        "the rule comes from config.json: what it names, else sigmoid for one label and identity for more",
        arguments: [
            ("bert-cross-encoder", .identity), ("bert-cross-encoder-sigmoid", .sigmoid),
            ("bert-cross-encoder-2-labels", .identity),
            ("bert-cross-encoder-3-labels", .identity),
        ] as [(String, ScoreActivation)])
    func declared(family: String, activation: ScoreActivation) throws {
        #expect(try CrossEncoder.load(directory: Repository.model(family)).description.activation == activation)
    }

    @Test(
        "sentence_transformers goes before the older key, and an activation that is not known is an error that lists those that are"
    )
    func otherDeclarations() throws {
        let folder = try TemporaryFolder()
        let directory = try folder.copy(ofModel: Repository.model("bert-cross-encoder"))
        func activation(_ json: String) throws -> ScoreActivation {
            let entries = try JSONObject(parsing: json)
            try folder.edit(directory + "/config.json") { config in
                for key in ["sentence_transformers", "sbert_ce_default_activation_function"] {
                    config[key] = entries[key]
                }
            }
            return try CrossEncoder.load(directory: directory).description.activation
        }
        let old = #""sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity""#
        #expect(try activation("{\(old)}") == .identity)
        let new = #""sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"}"#
        #expect(try activation("{\(new), \(old)}") == .sigmoid)
        #expect(try activation("{}") == .sigmoid)
        let error = #expect(throws: RankingError.self) {
            try activation(#"{"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Tanh"}}"#)
        }
        #expect(error?.code == .unsupportedModel)
        #expect(error?.what.hasSuffix("names the activation \"torch.nn.modules.activation.Tanh\".") == true)
        #expect(error?.why == "Supported are torch.nn.modules.activation.Sigmoid, torch.nn.modules.linear.Identity.")
    }
}
