import OrderedJSON
import Outbound
import Ranking
import Reranking

/// Voyage: `POST /rerank` under https://api.voyageai.com/v1; keys that begin with "al-" are MongoDB's.
///
/// Request: `{"query", "documents", "model", "top_k", "truncation", "return_documents"}`. Without truncation a document
/// that is too long is an error.
/// Answer: `{"data": [{"index", "relevance_score"}], "model", "usage": {"total_tokens"}}`.
/// Errors: `{"detail"}`.
///
/// Source: <https://docs.voyageai.com/reference/reranker-api>.
struct Voyage: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? {
        key?.secret.hasPrefix("al-") == true ? "https://ai.mongodb.com/v1" : "https://api.voyageai.com/v1"
    }
    static let keyVariables = ["VOYAGE_API_KEY"]
    /// A request may also have 600,000 tokens: texts of so many bytes seldom have more.
    static let limits = RequestLimits(documents: 1_000, bytes: 1_500_000)

    let scoreKind = ScoreKind.normalizedRelevance
    private let truncates: Bool

    init(options: RerankOptions, name: String) throws(RankingError) {
        try OptionCheck(options, name).allow(.refusingLongDocuments)
        truncates = options.longDocuments == .truncate
    }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["query"] = .string(query)
        body["documents"] = .texts(documents)
        body["model"] = model.map(JSONValue.string)
        body["top_k"] = .count(documents.count)
        body["truncation"] = .bool(truncates)
        body["return_documents"] = .bool(false)
        return RerankRequest(path: "/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("data"), scoreKey: "relevance_score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { ServiceUsage(inputTokens: answer.usedTokens) }
}
