import Inference
import OrderedJSON
import Ranking
import Testing

/// Models alone, on the token ids of the reference: whether texts become those ids is another test's business.
@Suite("Every family's model agrees with its reference")
struct ModelFamilyTests {
    static let encoders = [
        "bert-cross-encoder", "bert-cross-encoder-3-labels", "roberta-cross-encoder", "xlm-roberta-cross-encoder",
        "jina-reranker-v2", "electra-cross-encoder", "distilbert-cross-encoder", "deberta-v2-cross-encoder",
        "modernbert-cross-encoder-mean", "modernbert-cross-encoder-cls",
    ]
    static let causal = ["qwen2-mxbai-rerank-v2", "qwen3-reranker", "qwen3-seq-cls", "gemma-reranker"]
    static let families = encoders + causal

    @Test(
        "logits are within 2e-5, of causal models within 1e-4, with either generation of config.json",
        arguments: families, Kernels.available)
    func logits(family: String, variant: String) async throws {
        for config in ["model/config.json", "config.transformers5.json"] {
            guard FileStatus.isFile("\(Fixtures.directory)/\(family)/\(config)") else { continue }
            // Double precision takes its time: the scalar kernels get the short cases.
            let fixture = try FamilyFixture(family, config: config, longest: variant == "scalar" ? 200 : .max)
            let model = try fixture.model(kernels: .named(variant), precision: .fp32)
            let logits = try await ComputePool.shared.run { [fixture] lane in
                try model.logits(of: fixture.batch, on: lane)
            }
            let tolerance = Self.causal.contains(family) ? Tolerance.causalLogit : Tolerance.encoderLogit
            for (test, logits) in zip(fixture.cases, logits) {
                expectNear(
                    logits, try fixture.expected(test), tolerance: tolerance, "\(family) \(try test.strings("id"))")
            }
        }
    }

    @Test(
        "logits are bit-identical alone, in any batch, in any order, on 1 to 3 threads", arguments: families,
        FamilyFixture.ways)
    func bitIdentity(family: String, way: FamilyFixture.Way) async throws {
        let fixture = try FamilyFixture(family, longest: way.kernels == "scalar" ? 200 : .max)
        let model = try fixture.model(kernels: .named(way.kernels), precision: way.precision)
        // Short and long ones, so that blocks of rows are cut differently.
        let sequences = fixture.sequences.enumerated().filter { $0.offset % 7 == 2 }.map(\.element)
        var alone: [[UInt32]] = []
        for threads in 1...3 {
            let pool = ComputePool(threads: threads)
            defer { pool.shutDown() }
            func bits(_ order: [Int]) async throws -> [[UInt32]] {
                let batch = FamilyFixture.batch(order.map { sequences[$0] })
                return try await pool.run { lane in
                    try model.logits(of: batch, on: lane).map { $0.map(\.bitPattern) }
                }
            }
            for index in sequences.indices where threads == 1 { alone += try await bits([index]) }
            #expect(alone.count == sequences.count)
            for order in [Array(sequences.indices), Array(sequences.indices.reversed())] {
                #expect(try await bits(order) == order.map { alone[$0] }, "\(threads) threads")
            }
        }
    }

    @Test(
        "a causal model's logits are bit-identical with the prefix computed before", arguments: causal,
        FamilyFixture.ways)
    func sharedPrefix(family: String, way: FamilyFixture.Way) async throws {
        let fixture = try FamilyFixture(family)
        let model = try #require(
            fixture.model(kernels: .named(way.kernels), precision: way.precision) as? any PrefixSharing)
        #expect(model.sharesPrefixes)
        let sequences = Array(fixture.sequences.prefix(5))
        let common = sequences.dropFirst().reduce(sequences[0].ids) { prefix, sequence in
            Array(zip(prefix, sequence.ids).prefix { $0 == $1 }.map(\.0))
        }
        #expect(common.count > 2)
        let whole = try await ComputePool.shared.run { lane in
            try model.logits(of: FamilyFixture.batch(sequences), on: lane)
        }
        for (threads, length) in [(1, common.count), (2, common.count - 1), (3, 1)] {
            let pool = ComputePool(threads: threads)
            defer { pool.shutDown() }
            let continued = try await pool.run { lane in
                let cache = KeyValueCache(first: length, of: try model.cache(of: common, on: lane))
                let rest = sequences.map { sequence in
                    FamilyFixture.Sequence(
                        ids: Array(sequence.ids.dropFirst(length)), types: Array(sequence.types.dropFirst(length)))
                }
                return try model.logits(of: FamilyFixture.batch(rest), after: cache, on: lane)
            }
            #expect(continued.map { $0.map(\.bitPattern) } == whole.map { $0.map(\.bitPattern) }, "prefix of \(length)")
        }
    }

    @Test("int8 and bf16 stay near fp32", arguments: families, [Precision.int8, .bf16])
    func narrow(family: String, precision: Precision) async throws {
        let kernels = try Kernels.forThisMachine()
        guard (try? kernels.resolve(precision)) != nil else { return }
        let fixture = try FamilyFixture(family)
        func logits(_ precision: Precision) async throws -> [Float] {
            let model = try fixture.model(kernels: kernels, precision: precision)
            return try await ComputePool.shared.run { lane in
                try model.logits(of: fixture.batch, on: lane).map { $0[0] }
            }
        }
        let (exact, narrow) = try await (logits(.fp32), logits(precision))
        // Random weights of width 48 round badly; what counts is that nothing is computed twice or left out.
        #expect(correlation(exact, narrow) > 0.98)
    }

    @Test(
        "the hidden state of position 0 after the embeddings and each layer is near the reference's",
        arguments: families)
    func layerProbe(family: String) async throws {
        let fixture = try FamilyFixture(family)
        guard let probe = fixture.golden["layer_probe"]?.objectValue else { return }
        let name = try probe.strings("case")
        let index = try #require(fixture.cases.firstIndex { $0["id"]?.stringValue == name })
        let batch = FamilyFixture.batch([fixture.sequences[index]])
        let values = try #require(probe["values"]?.arrayValue)
        #expect(values.count == fixture.architecture.layers + 1)
        let checkpoint = try Checkpoint(directory: Fixtures.model(family))
        for (depth, expected) in values.enumerated() {
            // The reference's last state of a ModernBERT is the one before the final norm.
            if fixture.architecture.family == .modernBERT, depth == fixture.architecture.layers { continue }
            let states: [Float]
            switch fixture.architecture.body {
            case .bert(let config):
                let encoder = try BERTEncoder.load(
                    checkpoint, config: config, kernels: .forThisMachine(), precision: .fp32)
                states = try await ComputePool.shared.run { lane in
                    try encoder.hiddenStates(of: batch, output: .everyToken, depth: depth, on: lane)
                }
            case .rotary(let config):
                let body = try RotaryTransformer.load(
                    checkpoint, config: config, kernels: .forThisMachine(), precision: .fp32)
                states = try await ComputePool.shared.run { lane in
                    try body.hiddenStates(of: batch, output: .everyToken, depth: depth, on: lane)
                }
            }
            expectNear(
                Array(states.prefix(8)), try expected.floats(), tolerance: Tolerance.causalLogit,
                "\(family) depth \(depth)")
        }
    }

    private func correlation(_ a: [Float], _ b: [Float]) -> Double {
        let count = Double(a.count)
        let (meanA, meanB) = (a.reduce(0) { $0 + Double($1) } / count, b.reduce(0) { $0 + Double($1) } / count)
        var (covariance, varianceA, varianceB) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            covariance += (Double(x) - meanA) * (Double(y) - meanB)
            varianceA += (Double(x) - meanA) * (Double(x) - meanA)
            varianceB += (Double(y) - meanB) * (Double(y) - meanB)
        }
        return covariance / (varianceA * varianceB).squareRoot()
    }
}

/// A tiny checkpoint and the reference's numbers for it.
struct FamilyFixture: Sendable {
    struct Sequence: Sendable {
        var ids: [Int32]
        var types: [Int32]
    }

    /// Every precision of every kernel variant that this machine has.
    struct Way: Sendable, CustomTestStringConvertible {
        let kernels: String
        let precision: Precision

        var testDescription: String { "\(kernels) \(precision)" }
    }

    static let ways = Kernels.available.flatMap { name in
        [Precision.int8, .bf16, .fp32].filter { (try? Kernels.named(name).resolve($0)) != nil }.map {
            Way(kernels: name, precision: $0)
        }
    }

    let family: String
    let golden: JSONObject
    let cases: [JSONObject]
    let sequences: [Sequence]
    let architecture: ModelArchitecture

    /// Without the cases of more than `longest` tokens.
    init(_ family: String, config: String = "model/config.json", longest: Int = .max) throws {
        self.family = family
        golden = try Fixtures.cases(family)
        cases = try #require(golden["cases"]?.arrayValue).map { try #require($0.objectValue) }.filter {
            try $0.integers("input_ids").count <= longest
        }
        sequences = try cases.map { test in
            let ids = try test.integers("input_ids")
            let types = test["token_type_ids"] ?? .null
            return Sequence(
                ids: ids, types: types == .null ? ids.map { _ in 0 } : try test.integers("token_type_ids"))
        }
        let path = "\(Fixtures.directory)/\(family)/\(config)"
        architecture = try ModelArchitecture(JSONFile.object(path: path), path: path)
    }

    var batch: TokenBatch { Self.batch(sequences) }

    static func batch(_ sequences: [Sequence]) -> TokenBatch {
        var batch = TokenBatch()
        for sequence in sequences { batch.append(tokenIDs: sequence.ids, typeIDs: sequence.types) }
        return batch
    }

    /// The ids of the answers, yes first; none for a classification head.
    var answers: [Int32] { ["yes_id", "no_id"].compactMap { golden[$0]?.floatValue.map { Int32($0) } } }

    func model(kernels: Kernels, precision: Precision) throws -> any RelevanceModel {
        try architecture.load(
            Checkpoint(directory: Fixtures.model(family)),
            labels: golden["num_labels"]?.floatValue.map { Int($0) } ?? 0,
            answers: answers, kernels: kernels, precision: precision)
    }

    /// The logits of a case in the model's order.
    func expected(_ test: JSONObject) throws -> [Float] {
        guard let logits = test["logits"] else { return try test.floats("score") }
        guard let named = logits.objectValue else { return try logits.floats() }
        return try ["yes_token", "no_token"].map { try named.floats(golden.strings($0))[0] }
    }
}
