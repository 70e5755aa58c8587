import OrderedJSON
import Outbound
import Ranking
import Reranking

/// Infinity (infinity-emb): `POST /rerank`.
///
/// Request: `{"query", "documents", "model", "return_documents", "raw_scores"}`. Long documents are always cut.
/// Answer: `{"object": "rerank", "results": [{"relevance_score", "index"}], "model", "usage": {"total_tokens"}}`: sigmoid of
/// the logit, or with `raw_scores` the logit.
/// Errors: `{"error": {"message", "code"}}`, FastAPI's list with 422, 429 where the queue is full.
///
/// Source: <https://michaelfeil.github.io/infinity>.
struct Infinity: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { nil }
    static let keyVariables = ["INFINITY_API_KEY"]
    static let needsModel = false
    /// What a server takes that was not told otherwise.
    static let limits = RequestLimits(documents: 2_048)

    let scoreKind: ScoreKind

    init(options: RerankOptions, name: String) throws(RankingError) {
        try OptionCheck(options, name).allow(.logits)
        scoreKind = options.asksForLogits ? .logit : .normalizedRelevance
    }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["query"] = .string(query)
        body["documents"] = .texts(documents)
        // Left out, it is the server's first model.
        body["model"] = model.map(JSONValue.string)
        body["return_documents"] = .bool(false)
        body["raw_scores"] = .bool(scoreKind == .logit)
        return RerankRequest(path: "/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("results"), scoreKey: "relevance_score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { ServiceUsage(inputTokens: answer.usedTokens) }
}
