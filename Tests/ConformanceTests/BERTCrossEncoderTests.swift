import Inference
import OrderedJSON
import Ranking
import Reranking
import Testing
import Tokenizers

@Suite("BERT cross-encoders agree with sentence-transformers 5.3.0")
struct BERTCrossEncoderTests {
    static let families = [
        "bert-cross-encoder", "bert-cross-encoder-legacy", "bert-cross-encoder-sigmoid", "bert-cross-encoder-2-labels",
        "bert-cross-encoder-3-labels",
    ]

    @Test("token ids, type ids and the window are equal", arguments: families)
    func tokenIDs(family: String) throws {
        let golden = try Fixtures.cases(family)
        let model = try CrossEncoder.load(directory: Fixtures.model(family), precision: .fp32)
        #expect(Float(model.description.maxTokens) == (try golden.floats("max_length"))[0])
        let encoder = PairEncoder(
            tokenizer: model.tokenizer, maxLength: model.description.maxTokens, truncation: .longestFirst)
        let cases = try #require(golden["cases"]?.arrayValue)
        #expect(cases.count == 38)
        for item in cases {
            let test = try #require(item.objectValue)
            let pair = try encoder.encode(
                model.tokenizer.encode(test.strings("query")), model.tokenizer.encode(test.strings("document")))
            let id = try test.strings("id")
            #expect(pair.tokenIDs == (try test.integers("input_ids")), "\(id)")
            #expect(pair.typeIDs == (try test.integers("token_type_ids")), "\(id)")
        }
    }

    @Test("logits, scores and softmax are within 2e-5", arguments: families, Kernels.available)
    func logits(family: String, variant: String) async throws {
        let golden = try Fixtures.cases(family)
        let model = try CrossEncoder.load(
            directory: Fixtures.model(family), kernels: Kernels.named(variant), precision: .fp32)
        let cases = try #require(golden["cases"]?.arrayValue).map { try #require($0.objectValue) }
        let pairs = try cases.map { (query: try $0.strings("query"), passage: try $0.strings("document")) }
        let logits = try await model.logits(of: pairs)
        for (test, logits) in zip(cases, logits) {
            let id = try test.strings("id")
            expectNear(logits, try test.floats("logits"), "\(id) logits")
            let scores = model.description.activation(logits)
            expectNear(scores, try test.floats(test["scores"] == nil ? "score" : "scores"), "\(id) scores")
            if test["softmax"] != nil {
                expectNear(ScoreActivation.softmax(logits), try test.floats("softmax"), "\(id) softmax")
            }
        }
    }

    @Test("the hidden state after the embeddings and after each layer is within 2e-5", arguments: families)
    func layerProbe(family: String) async throws {
        let golden = try Fixtures.cases(family)
        let probe = try #require(golden["layer_probe"]?.objectValue)
        let name = try probe.strings("case")
        let cases = try #require(golden["cases"]?.arrayValue).map { try #require($0.objectValue) }
        let test = try #require(cases.first { $0["id"]?.stringValue == name })
        let checkpoint = try Checkpoint(directory: Fixtures.model(family))
        let path = Fixtures.model(family) + "/config.json"
        let config = try BERTConfig(JSONFile.object(path: path), path: path)
        let encoder = try BERTEncoder.load(checkpoint, config: config, kernels: .forThisMachine(), precision: .fp32)
        let values = try #require(probe["values"]?.arrayValue)
        #expect(values.count == config.numHiddenLayers + 1)
        var batch = TokenBatch()
        batch.append(tokenIDs: try test.integers("input_ids"), typeIDs: try test.integers("token_type_ids"))
        let sealed = batch
        for output in [BERTEncoder.Output.everyToken, .firstTokens] {
            for (depth, expected) in values.enumerated() {
                let states = try await ComputePool.shared.run { lane in
                    try encoder.hiddenStates(of: sealed, output: output, depth: depth, on: lane)
                }
                expectNear(Array(states.prefix(8)), try expected.floats(), "depth \(depth)")
            }
        }
    }
}

func expectNear(
    _ actual: [Float], _ expected: [Float], tolerance: Float = Tolerance.encoderLogit, _ what: String,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(actual.count == expected.count, "\(what)", sourceLocation: sourceLocation)
    for (a, b) in zip(actual, expected) where !(abs(a - b) <= tolerance) {
        Issue.record("\(what): \(a) is \(abs(a - b)) from \(b)", sourceLocation: sourceLocation)
    }
}
