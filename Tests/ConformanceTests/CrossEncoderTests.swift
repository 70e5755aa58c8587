import Inference
import OrderedJSON
import Ranking
import Reranking
import Testing
import Tokenizers

@Suite("Cross-encoders agree with sentence-transformers 5.3.0, from texts to scores")
struct CrossEncoderTests {
    static let bert = [
        "bert-cross-encoder", "bert-cross-encoder-legacy", "bert-cross-encoder-sigmoid", "bert-cross-encoder-2-labels",
        "bert-cross-encoder-3-labels",
    ]
    static let families =
        bert + [
            "roberta-cross-encoder", "xlm-roberta-cross-encoder", "jina-reranker-v2", "electra-cross-encoder",
            "distilbert-cross-encoder", "deberta-v2-cross-encoder", "modernbert-cross-encoder-mean",
            "modernbert-cross-encoder-cls", "qwen3-seq-cls",
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
            if let types = test["token_type_ids"], types != .null {
                #expect(pair.typeIDs == (try test.integers("token_type_ids")), "\(id)")
            }
            #expect(try model.encode(test.strings("query"), test.strings("document")).tokenIDs == pair.tokenIDs)
        }
    }

    @Test("logits, scores and softmax are within 2e-5", arguments: families)
    func logits(family: String) async throws {
        let golden = try Fixtures.cases(family)
        let model = try CrossEncoder.load(
            directory: Fixtures.model(family), precision: .fp32)
        let cases = try #require(golden["cases"]?.arrayValue).map { try #require($0.objectValue) }
        let pairs = try cases.map { (query: try $0.strings("query"), passage: try $0.strings("document")) }
        let logits = try await model.logits(of: pairs)
        for (test, logits) in zip(cases, logits) {
            let id = try test.strings("id")
            let tolerance = family == "qwen3-seq-cls" ? Tolerance.causalLogit : Tolerance.encoderLogit
            expectNear(logits, try test.floats("logits"), tolerance: tolerance, "\(id) logits")
            let scores = model.description.activation(logits)
            expectNear(scores, try test.floats(test["scores"] == nil ? "score" : "scores"), "\(id) scores")
            if test["softmax"] != nil {
                expectNear(ScoreActivation.softmax(logits), try test.floats("softmax"), "\(id) softmax")
            }
        }
    }

    @Test("the hidden state after the embeddings and after each layer is within 2e-5", arguments: bert)
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

@Suite("Causal rerankers agree with their libraries, from texts to scores")
struct CausalRerankerTests {
    @Test(
        "token ids are equal, logits and scores within 1e-4",
        arguments: ["qwen2-mxbai-rerank-v2", "qwen3-reranker", "gemma-reranker"])
    func scores(family: String) async throws {
        let golden = try Fixtures.cases(family)
        let encoder = try CrossEncoder.load(directory: Fixtures.model(family), precision: .fp32)
        let reranker = Reranker(encoder)
        let window = Int(try golden.floats("max_length")[0])
        for item in try #require(golden["cases"]?.arrayValue) {
            let test = try #require(item.objectValue)
            let id = try test.strings("id")
            let (query, document) = (try test.strings("query"), try test.strings("document"))
            let instruction = test["instruction"]?.stringValue
            let pair = try encoder.encode(query, document, instruction: instruction, maxTokens: window)
            #expect(pair.tokenIDs == (try test.integers("input_ids")), "\(id)")
            // The library's own score of an empty query has no counterpart: a ranking needs a query.
            guard query.contains(where: { !$0.isWhitespace }) else { continue }
            var options = RerankOptions(instruction: instruction, maxTokens: window)
            let score = try await reranker.scores(query, [document], options: options)
            expectNear(score, try test.floats("score"), tolerance: Tolerance.causalLogit, "\(id) score")
            guard test["score_normalized"] != nil else { continue }
            options.activation = .sigmoid
            let normalized = try await reranker.scores(query, [document], options: options)
            expectNear(
                normalized, try test.floats("score_normalized"), tolerance: Tolerance.causalLogit, "\(id) normalized")
        }
    }

    @Test(
        "documents scored together share the prompt and keep their scores, to the bit",
        arguments: ["qwen2-mxbai-rerank-v2", "qwen3-reranker", "qwen3-seq-cls", "gemma-reranker"],
        [Precision.fp32, .auto])
    func sharedPrefix(family: String, precision: Precision) async throws {
        let reranker = Reranker(try CrossEncoder.load(directory: Fixtures.model(family), precision: precision))
        let documents = ["A river.", "", "The database delivers a medical record despite high cost.", "A river."]
        let together = try await reranker.scores("what is solar energy?", documents)
        for (document, score) in zip(documents, together) {
            #expect(try await reranker.scores("what is solar energy?", [document]) == [score])
        }
        let late = RerankOptions(deadline: .seconds(60))
        let ranking = try await reranker.rerank("what is solar energy?", documents, limit: nil, options: late)
        for candidate in ranking.candidates { #expect(candidate.score == together[candidate.index]) }
    }

    @Test("a truncation is refused, and so is an instruction where there is no place for it")
    func policies() async throws {
        let causal = Reranker(try CrossEncoder.load(directory: Fixtures.model("qwen3-reranker"), precision: .fp32))
        await #expect(throws: RankingError.self) {
            try await causal.scores("a", ["b"], options: RerankOptions(truncation: .onlySecond))
        }
        let pair = Reranker(try CrossEncoder.load(directory: Fixtures.model("bert-cross-encoder"), precision: .fp32))
        await #expect(throws: RankingError.self) {
            try await pair.scores("a", ["b"], options: RerankOptions(instruction: "Find"))
        }
    }

    @Test("a long document is split into passages that fit beside the prompt")
    func split() async throws {
        let reranker = Reranker(try CrossEncoder.load(directory: Fixtures.model("qwen3-reranker"), precision: .fp32))
        let text = (0..<200).map { "Sentence \($0) is about rivers." }.joined(separator: " ")
        let options = RerankOptions(longDocuments: .split(), maxTokens: 400)
        let ranking = try await reranker.rerank("rivers", [text], options: options)
        #expect(ranking.candidates[0].passages > 3)
        #expect(ranking.candidates[0].truncatedTokens == 0)
        #expect(ranking.report.truncatedDocuments == 0)
    }
}

@Suite("XLM-RoBERTa by FlagEmbedding 1.4.2's rule")
struct FlagEmbeddingTests {
    @Test("token ids are equal, raw and normalized scores within 2e-5")
    func scores() async throws {
        let family = "xlm-roberta-cross-encoder"
        let golden = try Fixtures.cases(family)
        let model = try CrossEncoder.load(directory: Fixtures.model(family), precision: .fp32)
        for item in try #require(golden["cases"]?.arrayValue) {
            let test = try #require(item.objectValue)
            let flag = try #require(test["flag_embedding"]?.objectValue)
            let id = try test.strings("id")
            let pair = try model.encode(
                test.strings("query"), test.strings("document"), truncation: .flagEmbedding)
            let expected = flag["input_ids"] == nil ? test : flag
            #expect(pair.tokenIDs == (try expected.integers("input_ids")), "\(id)")
            let logits = try await model.logits(of: [pair])[0]
            expectNear(logits, try flag.floats("score"), "\(id) score")
            expectNear(ScoreActivation.sigmoid(logits), try flag.floats("score_normalized"), "\(id) normalized")
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
