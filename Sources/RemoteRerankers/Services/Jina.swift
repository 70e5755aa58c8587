import OrderedJSON
import Outbound
import Ranking
import Reranking

/// Jina: `POST /rerank` under https://api.jina.ai/v1.
///
/// Request: `{"model", "query", "documents", "top_n", "return_documents"}`.
/// Answer: `{"model", "usage": {"total_tokens"}, "results": [{"index", "relevance_score"}]}`.
/// Errors: `{"detail"}`, a text or FastAPI's list; 402 where the balance is used up. Long documents are cut by the service.
///
/// jina-reranker-v3 reads documents together, 64 at a time, so that its scores depend on the others of the call.
///
/// Source: <https://api.jina.ai/redoc>.
struct Jina: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { "https://api.jina.ai/v1" }
    static let keyVariables = ["JINA_API_KEY"]

    let scoreKind = ScoreKind.normalizedRelevance

    init(options: RerankOptions, name: String) throws(RankingError) { try OptionCheck(options, name).allow() }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["model"] = model.map(JSONValue.string)
        body["query"] = .string(query)
        body["documents"] = .texts(documents)
        body["top_n"] = .count(documents.count)
        body["return_documents"] = .bool(false)
        return RerankRequest(path: "/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("results"), scoreKey: "relevance_score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { ServiceUsage(inputTokens: answer.usedTokens) }
}
