import OrderedJSON
import Outbound
import Ranking
import Reranking

/// Cohere's version 2: `POST /v2/rerank`.
///
/// Request: `{"model", "query", "documents": ["..."], "top_n", "max_tokens_per_doc"}`.
/// Answer: `{"id", "results": [{"index", "relevance_score"}], "meta": {"billed_units": {"search_units"}, "tokens": {"input_tokens"}}}`.
/// Errors: `{"message"}`, with 498 for a key that is not valid. A document that is longer than the model's window is scored
/// in parts by the service, and has the score of the best.
///
/// Source: <https://docs.cohere.com/v2/reference/rerank>.
struct CohereV2: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { "https://api.cohere.com" }
    static let keyVariables = ["CO_API_KEY"]
    static let rules = ServiceRules(headers: [("X-Client-Name", "resift")])
    /// 10,000 are allowed and 1,000 advised; a search unit is 100 documents, so splitting costs nothing.
    static let limits = RequestLimits(documents: 1_000)
    static func searchUnits(ofPairs tokens: ArraySlice<Int>) -> Double? { CohereBilling.searchUnits(ofPairs: tokens) }

    let scoreKind = ScoreKind.normalizedRelevance
    private let maxTokensPerDocument: Int?

    init(options: RerankOptions, name: String) throws(RankingError) {
        try OptionCheck(options, name).allow(.maxDocumentTokens)
        maxTokensPerDocument = options.maxDocumentTokens
    }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["model"] = model.map(JSONValue.string)
        body["query"] = .string(query)
        body["documents"] = .texts(documents)
        body["top_n"] = .count(documents.count)
        body["max_tokens_per_doc"] = maxTokensPerDocument.map(JSONValue.count)
        return RerankRequest(path: "/v2/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("results"), scoreKey: "relevance_score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { answer.cohereUsage }
}

/// Cohere's version 1, for models such as rerank-english-v2.0: `POST /v1/rerank`.
///
/// As version 2, with `"return_documents"` and `"max_chunks_per_doc"` (10). The documents are sent as texts, rendered
/// here, so that the same fields are read whoever scores them.
///
/// Source: <https://docs.cohere.com/v1/reference/rerank>.
struct CohereV1: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { CohereV2.baseURL(for: key) }
    static let keyVariables = CohereV2.keyVariables
    static let rules = CohereV2.rules
    /// Documents times chunks of a document (10) may be 10,000.
    static let limits = RequestLimits(documents: 1_000)
    static func searchUnits(ofPairs tokens: ArraySlice<Int>) -> Double? { CohereBilling.searchUnits(ofPairs: tokens) }

    let scoreKind = ScoreKind.normalizedRelevance

    init(options: RerankOptions, name: String) throws(RankingError) { try OptionCheck(options, name).allow() }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var body = JSONObject()
        body["model"] = model.map(JSONValue.string)
        body["query"] = .string(query)
        body["documents"] = .texts(documents)
        body["top_n"] = .count(documents.count)
        body["return_documents"] = .bool(false)
        return RerankRequest(path: "/v1/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("results"), scoreKey: "relevance_score")
    }

    func usage(in answer: AnswerReader) -> ServiceUsage { answer.cohereUsage }
}

/// A search unit is a query with up to 100 documents; one of more than 500 tokens, the query's among them, counts once
/// for each 500.
///
/// Source: <https://cohere.com/pricing>.
private enum CohereBilling {
    static func searchUnits(ofPairs tokens: ArraySlice<Int>) -> Double {
        let documents = tokens.reduce(0) { $0 + max(1, ($1 + 499) / 500) }
        return Double((documents + 99) / 100)
    }
}

extension AnswerReader {
    fileprivate var cohereUsage: ServiceUsage {
        ServiceUsage(
            inputTokens: count("meta", "tokens", "input_tokens").map { Int($0) },
            searchUnits: count("meta", "billed_units", "search_units"))
    }
}
