import OrderedJSON
import Outbound
import Ranking
import Reranking

/// llama.cpp's server, started with `--reranking`: `POST /v1/rerank`.
///
/// Request: `{"model", "query", "documents"}`. A pair has to fit in the server's physical batch (`--ubatch-size`, 512
/// unless told otherwise): a longer one is an error, it is never cut.
/// Answer: `{"model", "usage": {"total_tokens"}, "results": [{"index", "relevance_score"}]}`: the logit, without
/// activation; of Qwen3's rerankers the probability of "yes".
/// Errors: `{"error": {"code", "message", "type"}}`; 501 where it was started without `--reranking`.
///
/// Source: <https://github.com/ggml-org/llama.cpp>, tools/server.
struct LlamaCpp: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { nil }
    static let keyVariables = ["LLAMA_API_KEY"]
    static let needsModel = false
    /// A pair that is too long has the status 500; the server is well.
    static let rules = ServiceRules(isAboutInput: { $0.message?.contains("too large to process") == true })

    let scoreKind = ScoreKind.logit

    init(options: RerankOptions, name: String) throws(RankingError) {
        try OptionCheck(options, name).allow(.refusingLongDocuments, .logits)
    }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["model"] = model.map(JSONValue.string)
        body["query"] = .string(query)
        body["documents"] = .texts(documents)
        return RerankRequest(path: "/v1/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("results"), scoreKey: "relevance_score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { ServiceUsage(inputTokens: answer.usedTokens) }
}
