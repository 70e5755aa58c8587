import OrderedJSON
import Outbound
import Ranking
import Reranking

/// Hugging Face's text-embeddings-inference: `POST /rerank`.
///
/// Request: `{"query", "texts", "raw_scores", "truncate", "truncation_direction"}`. Without truncation a pair that is too
/// long is an error.
/// Answer: `[{"index", "score"}]`: sigmoid of the logit, or with `raw_scores` the logit.
/// `GET /info` says in `max_client_batch_size` how many texts a request may have; 32 if the server was not told another.
/// Errors: `{"error", "error_type"}`: Validation 422 (413 before 2026), Backend 424, Overloaded 429, Unhealthy 503; plain
/// text where the request is too large (413).
///
/// Source: <https://huggingface.co/docs/text-embeddings-inference>, its router's source.
struct TextEmbeddingsInference: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { nil }
    static let keyVariables: [String] = []
    static let needsModel = false
    /// What a server allows that was not told otherwise: 2 MB of JSON, of which some is not text.
    static let limits = RequestLimits(documents: 32, bytes: 1_900_000)

    let scoreKind: ScoreKind
    private let truncates: Bool

    init(options: RerankOptions, name: String) throws(RankingError) {
        try OptionCheck(options, name).allow(.refusingLongDocuments, .longestFirst, .logits)
        truncates = options.longDocuments == .truncate
        scoreKind = options.asksForLogits ? .logit : .normalizedRelevance
    }

    static func limits(of client: ServiceClient, _ call: ServiceCall) async throws -> RequestLimits {
        let answer: ServiceAnswer
        do {
            answer = try await client.get("/info", call)
        } catch let error as RankingError {
            // A gateway that passes on /rerank alone.
            if error.code == .notFound { return limits }
            throw error
        }
        let info = AnswerReader(value: try answer.json(), client: client)
        guard let most = info.count("max_client_batch_size"), most >= 1 else {
            throw client.unexpected("about itself has no max_client_batch_size")
        }
        return RequestLimits(documents: Int(most), bytes: limits.bytes)
    }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["query"] = .string(query)
        body["texts"] = .texts(documents)
        body["raw_scores"] = .bool(scoreKind == .logit)
        body["truncate"] = .bool(truncates)
        return RerankRequest(path: "/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        guard case .array(let results) = answer.value else { throw answer.client.unexpected("is not a list") }
        return try answer.scores(results, scoreKey: "score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { ServiceUsage() }
}
