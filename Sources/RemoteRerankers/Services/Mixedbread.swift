import OrderedJSON
import Outbound
import Ranking
import Reranking

/// Mixedbread: `POST /v1/reranking`.
///
/// Request: `{"model", "query", "input", "top_k", "return_input"}`. Documents are sent as texts, rendered here.
/// Answer: `{"usage": {"total_tokens"}, "model", "data": [{"index", "score"}]}`.
///
/// Source: <https://www.mixedbread.com/api-reference/endpoints/reranking>.
struct Mixedbread: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { "https://api.mixedbread.com" }
    static let keyVariables = ["MXBAI_API_KEY"]

    let scoreKind = ScoreKind.normalizedRelevance

    init(options: RerankOptions, name: String) throws(RankingError) { try OptionCheck(options, name).allow() }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["model"] = model.map(JSONValue.string)
        body["query"] = .string(query)
        body["input"] = .texts(documents)
        body["top_k"] = .count(documents.count)
        body["return_input"] = .bool(false)
        return RerankRequest(path: "/v1/reranking", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("data"), scoreKey: "score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { ServiceUsage(inputTokens: answer.usedTokens) }
}
