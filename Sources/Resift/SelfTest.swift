public import Inference
import OrderedJSON
import Ranking
public import Reranking

/// Scores stored pairs and compares them with what a reference implementation computed.
///
/// The pairs are in `selftest.json` of the model's directory:
/// `{"reference": "...", "tolerance": 0.001, "cases": [{"query", "document", "logit"}]}`.
public struct SelfTest: Sendable {
    public struct Outcome: Sendable, Equatable {
        public var model: String
        public var reference: String
        public var kernels: String
        public var precision: Precision
        public var pairs: Int
        public var tolerance: Double
        public var worstDifference: Double
        public var passed: Bool { worstDifference <= tolerance }
    }

    /// How far int8 and bf16 may be from the reference, which is in single precision: a few times what they differ by
    /// from fp32 (int8 by at most 0.15 on logits from -12 to 11). The stored tolerance is that of fp32.
    private static func tolerance(_ stored: Double, _ precision: Precision) -> Double {
        switch precision {
        case .int8: max(stored, 0.5)
        case .bf16: max(stored, 0.1)
        case .fp32, .auto: stored
        }
    }

    private struct Case {
        var query: String
        var document: String
        var logit: Double
    }

    public static func run(_ reranker: Reranker) async throws -> Outcome {
        let path = reranker.model.directory + "/selftest.json"
        guard FileStatus.isFile(path) else {
            throw RankingError(
                .notFound, what: "\(reranker.model.directory) has no selftest.json.",
                why: "A self-test compares with scores that another implementation computed.",
                fix: "Write one: {\"reference\", \"tolerance\", \"cases\": [{\"query\", \"document\", \"logit\"}]}.")
        }
        let (reference, tolerance, cases) = try stored(in: JSONFile.object(path: path), path: path)
        var worst = 0.0
        for test in cases {
            let ranking = try await reranker.rerank(
                test.query, [test.document], options: RerankOptions(activation: .identity))
            for candidate in ranking.candidates { worst = max(worst, abs(Double(candidate.logit) - test.logit)) }
        }
        return Outcome(
            model: reranker.model.name, reference: reference, kernels: reranker.model.kernels,
            precision: reranker.model.precision, pairs: cases.count,
            tolerance: SelfTest.tolerance(tolerance, reranker.model.precision), worstDifference: worst)
    }

    /// The pairs of the embedded model's self-test, for comparing any two models.
    public static func samples() throws(RankingError) -> [PairSample] {
        let path = try DefaultModel.directory() + "/selftest.json"
        var samples: [PairSample] = []
        for test in try stored(in: JSONFile.object(path: path), path: path).cases {
            if let place = samples.firstIndex(where: { $0.query == test.query }) {
                samples[place].documents.append(test.document)
            } else {
                samples.append(PairSample(query: test.query, documents: [test.document]))
            }
        }
        return samples
    }

    private static func stored(
        in object: JSONObject, path: String
    ) throws(RankingError) -> (reference: String, tolerance: Double, cases: [Case]) {
        guard case .string(let reference)? = object["reference"], case .number(let tolerance)? = object["tolerance"],
            case .array(let items)? = object["cases"], !items.isEmpty
        else { throw corrupt(path, "has no reference, tolerance or cases") }
        var cases: [Case] = []
        for (index, item) in items.enumerated() {
            guard case .object(let fields) = item, case .string(let query)? = fields["query"],
                case .string(let document)? = fields["document"], case .number(let logit)? = fields["logit"]
            else { throw corrupt(path, "has a case \(index) without query, document or logit") }
            cases.append(Case(query: query, document: document, logit: logit.double))
        }
        return (reference, tolerance.double, cases)
    }

    private static func corrupt(_ path: String, _ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "\(path) \(problem).", why: "It is not a self-test file.",
            fix: "Take it from the model's own directory.")
    }
}
