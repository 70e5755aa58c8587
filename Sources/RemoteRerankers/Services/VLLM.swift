import OrderedJSON
import Outbound
import Ranking
import Reranking

/// vLLM: `POST /v1/rerank`.
///
/// Request: `{"model", "query", "documents", "truncate_prompt_tokens", "use_activation"}`. -1 cuts at the model's own
/// length; without the field a pair that is too long is an error.
/// Answer: `{"id", "model", "usage": {"total_tokens"}, "results": [{"index", "document", "relevance_score"}]}`: what the
/// activation that the model's configuration names makes of the logit, which for most is a sigmoid; without activation the
/// logit.
/// Errors: `{"error": {"message", "type", "code"}}`.
///
/// Source: <https://docs.vllm.ai>, serving of pooling models.
struct VLLM: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { nil }
    static let keyVariables = ["VLLM_API_KEY"]

    let scoreKind: ScoreKind
    private let truncatedTokens: Int?

    init(options: RerankOptions, name: String) throws(RankingError) {
        try OptionCheck(options, name).allow(.refusingLongDocuments, .maxTokens, .logits)
        truncatedTokens = options.longDocuments == .truncate ? options.maxTokens ?? -1 : nil
        scoreKind = options.asksForLogits ? .logit : .normalizedRelevance
        guard truncatedTokens != nil || options.maxTokens == nil else {
            throw RankingError(
                .invalidInput, what: "\(name) is to refuse long documents, and to have a smaller window.",
                why: "It can only cut pairs to a smaller window.", fix: "Leave one of them out.")
        }
    }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["model"] = model.map(JSONValue.string)
        body["query"] = .string(query)
        body["documents"] = .texts(documents)
        body["truncate_prompt_tokens"] = truncatedTokens.map(JSONValue.count)
        if scoreKind == .logit { body["use_activation"] = .bool(false) }
        return RerankRequest(path: "/v1/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("results"), scoreKey: "relevance_score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { ServiceUsage(inputTokens: answer.usedTokens) }
}
