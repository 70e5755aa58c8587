public import Ranking

/// What is measured: a first stage, or its candidates after a reranker.
///
/// `bm25`, `dense`, `hybrid`, and each with `+rerank`; what a stage prints parses back to it.
public struct EvaluationStage: Sendable, Hashable, CustomStringConvertible {
    public enum Retrieval: String, CaseIterable, Sendable {
        case bm25
        case dense
        /// Both, fused.
        case hybrid
        /// Late interaction with stored token vectors.
        case colbert
        case bm25AndColbert = "bm25-colbert"
        /// All three, fused.
        case hybridAndColbert = "hybrid-colbert"

        public var stages: [FirstStage] {
            switch self {
            case .bm25: [.bm25]
            case .dense: [.dense]
            case .hybrid: [.bm25, .dense]
            case .colbert: [.colbert]
            case .bm25AndColbert: [.bm25, .colbert]
            case .hybridAndColbert: [.bm25, .dense, .colbert]
            }
        }
    }

    public var retrieval: Retrieval
    public var reranks: Bool

    public init(_ retrieval: Retrieval, reranks: Bool = false) {
        self.retrieval = retrieval
        self.reranks = reranks
    }

    /// Throws `invalidInput` for another name.
    public init(parsing text: String) throws(RankingError) {
        let parts = text.split(separator: "+", omittingEmptySubsequences: false).map(String.init)
        guard let retrieval = Retrieval(rawValue: parts[0]), parts.count == 1 || parts.dropFirst() == ["rerank"] else {
            throw RankingError(
                .invalidInput, what: "\"\(text)\" is no stage.",
                why:
                    "The stages are \(Retrieval.allCases.map(\.rawValue).joined(separator: ", ")), and each of them with +rerank.",
                fix: "Write for example bm25,hybrid+rerank.")
        }
        self.init(retrieval, reranks: parts.count == 2)
    }

    /// Stages separated by commas, each once.
    public static func list(parsing text: String) throws(RankingError) -> [EvaluationStage] {
        var stages: [EvaluationStage] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let stage = try EvaluationStage(parsing: String(part))
            if !stages.contains(stage) { stages.append(stage) }
        }
        return stages
    }

    public var description: String { reranks ? "\(retrieval.rawValue)+rerank" : retrieval.rawValue }
}
