import OrderedJSON
import Outbound
import Ranking
import Reranking

/// Pinecone: `POST /rerank` under https://api.pinecone.io.
///
/// Request: `{"model", "query", "documents": [{"text"}], "top_n", "return_documents", "parameters": {"truncate": "END"}}`,
/// with the key in `Api-Key` and the interface's version in a header. The field that is read is "text" where none is
/// named. With "NONE" a document that is too long is an error.
/// Answer: `{"model", "data": [{"index", "score"}], "usage": {"rerank_units"}}`.
///
/// Source: <https://docs.pinecone.io/reference/api/2025-04/inference/rerank>.
struct Pinecone: RerankContract {
    static func baseURL(for key: ServiceKey?) -> String? { "https://api.pinecone.io" }
    static let keyVariables = ["PINECONE_API_KEY"]
    static let rules = ServiceRules(
        keyHeader: { ("Api-Key", $0.secret) }, headers: [("X-Pinecone-API-Version", "2025-04")])
    /// Of the models that Pinecone hosts, the smallest number that one takes.
    static let limits = RequestLimits(documents: 100)

    let scoreKind = ScoreKind.normalizedRelevance
    private let truncates: Bool

    init(options: RerankOptions, name: String) throws(RankingError) {
        try OptionCheck(options, name).allow(.refusingLongDocuments)
        truncates = options.longDocuments == .truncate
    }

    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest {
        var parameters = JSONObject()
        parameters["truncate"] = .string(truncates ? "END" : "NONE")
        var body = JSONObject()
        body["model"] = model.map(JSONValue.string)
        body["query"] = .string(query)
        body["documents"] = .array(
            documents.map { text in
                var document = JSONObject()
                document["text"] = .string(text)
                return .object(document)
            })
        body["top_n"] = .count(documents.count)
        body["return_documents"] = .bool(false)
        body["parameters"] = .object(parameters)
        return RerankRequest(path: "/rerank", body: body)
    }

    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore] {
        try answer.scores(answer.list("data"), scoreKey: "score")
    }

    /// Pinecone bills units of its own, which are not Cohere's search units.
    func usage(in answer: AnswerReader) -> ServiceUsage { ServiceUsage() }
}
