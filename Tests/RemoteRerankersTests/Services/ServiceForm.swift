import OrderedJSON
import Outbound
import RemoteRerankers
import ScriptedServer
import Testing

/// How a service's requests and answers look, written down from the contract page and not from the code under test.
struct ServiceForm: Sendable, CustomTestStringConvertible {
    var service: RemoteService
    /// Under the base URL.
    var path: String
    /// Where the documents stand in a request.
    var documentsKey: String
    /// Where the results stand in an answer; nil where the answer is the list.
    var listKey: String?
    var scoreKey: String
    /// What else an answer has.
    var around: String
    /// An error, with MESSAGE for its text.
    var error: String

    var testDescription: String { service.rawValue }

    static let all: [ServiceForm] = [
        ServiceForm(
            service: .cohere, path: "/v2/rerank", documentsKey: "documents", listKey: "results",
            scoreKey: "relevance_score",
            around:
                #""id": "07734bd2", "meta": {"api_version": {"version": "2", "is_experimental": false}, "billed_units": {"search_units": 1}, "tokens": {"input_tokens": 10}}"#,
            error: #"{"id": "x", "message": "MESSAGE"}"#),
        ServiceForm(
            service: .cohereV1, path: "/v1/rerank", documentsKey: "documents", listKey: "results",
            scoreKey: "relevance_score",
            around:
                #""id": "07734bd2", "meta": {"api_version": {"version": "1"}, "billed_units": {"search_units": 1}}"#,
            error: #"{"message": "MESSAGE"}"#),
        ServiceForm(
            service: .infinity, path: "/rerank", documentsKey: "documents", listKey: "results",
            scoreKey: "relevance_score",
            around:
                #""object": "rerank", "model": "m", "usage": {"prompt_tokens": 10, "total_tokens": 10}, "id": "infinity-1", "created": 1700000000"#,
            error: #"{"error": {"message": "MESSAGE", "type": null, "param": null, "code": 400}}"#),
        ServiceForm(
            service: .jina, path: "/rerank", documentsKey: "documents", listKey: "results",
            scoreKey: "relevance_score",
            around: #""model": "m", "object": "list", "usage": {"total_tokens": 10, "prompt_tokens": 10}"#,
            error: #"{"detail": "MESSAGE"}"#),
        ServiceForm(
            service: .llamaCpp, path: "/v1/rerank", documentsKey: "documents", listKey: "results",
            scoreKey: "relevance_score",
            around: #""model": "m", "object": "list", "usage": {"prompt_tokens": 10, "total_tokens": 10}"#,
            error: #"{"error": {"code": 400, "message": "MESSAGE", "type": "invalid_request_error"}}"#),
        ServiceForm(
            service: .mixedbread, path: "/v1/reranking", documentsKey: "input", listKey: "data", scoreKey: "score",
            around:
                #""usage": {"prompt_tokens": 10, "total_tokens": 10, "completion_tokens": 0}, "model": "m", "object": "list", "top_k": 10, "return_input": false"#,
            error: #"{"message": "MESSAGE"}"#),
        ServiceForm(
            service: .pinecone, path: "/rerank", documentsKey: "documents", listKey: "data", scoreKey: "score",
            around: #""model": "m", "usage": {"rerank_units": 1}"#,
            error: #"{"error": {"code": "INVALID_ARGUMENT", "message": "MESSAGE"}, "status": 400}"#),
        ServiceForm(
            service: .tei, path: "/rerank", documentsKey: "texts", listKey: nil, scoreKey: "score", around: "",
            error: #"{"error": "MESSAGE", "error_type": "Validation"}"#),
        ServiceForm(
            service: .vllm, path: "/v1/rerank", documentsKey: "documents", listKey: "results",
            scoreKey: "relevance_score",
            around: #""id": "rerank-1", "model": "m", "usage": {"prompt_tokens": 10, "total_tokens": 10}"#,
            error:
                #"{"error": {"message": "MESSAGE", "type": "BadRequestError", "param": "input_tokens", "code": 400}}"#),
        ServiceForm(
            service: .voyage, path: "/rerank", documentsKey: "documents", listKey: "data",
            scoreKey: "relevance_score", around: #""object": "list", "model": "m", "usage": {"total_tokens": 10}"#,
            error: #"{"detail": "MESSAGE"}"#),
    ]

    static func of(_ service: RemoteService) -> ServiceForm { all.first { $0.service == service } ?? all[0] }

    /// An answer with these results, each a JSON text.
    func answer(results: [String]) -> ScriptedServer.Answer {
        let list = "[" + results.joined(separator: ", ") + "]"
        guard let listKey else { return ScriptedServer.Answer(list) }
        return ScriptedServer.Answer("{" + around + ", \"\(listKey)\": " + list + "}")
    }

    /// The best first, as services answer.
    func answer(scores: [Double]) -> ScriptedServer.Answer {
        let order = scores.indices.sorted { scores[$0] > scores[$1] }
        return answer(results: order.map { #"{"index": \#($0), "\#(scoreKey)": \#(scores[$0])}"# })
    }

    func error(_ status: Int, _ message: String, headers: [String: String] = [:]) -> ScriptedServer.Answer {
        ScriptedServer.Answer(
            error.replacing("MESSAGE", with: message), status: status, headers: headers)
    }

    /// The texts of the documents that a request has.
    func documents(in request: ScriptedServer.Request) -> [String] {
        guard case .array(let items)? = request.json[documentsKey] else { return [] }
        return items.compactMap { item in
            switch item {
            case .string(let text): return text
            case .object(let object):
                guard case .string(let text)? = object["text"] else { return nil }
                return text
            default: return nil
            }
        }
    }

    /// A server that gives each document the number that its text ends with as score.
    func server(
        _ servers: ScriptedServers, information: String = #"{"model_id": "m", "max_client_batch_size": 32}"#,
        delay: @escaping @Sendable (ScriptedServer.Request) async -> Void = { _ in }
    ) throws -> ScriptedServer {
        try servers.start { request, _ in
            if request.path == "/info" { return ScriptedServer.Answer(information) }
            await delay(request)
            let scores = documents(in: request).map { Double($0.split(separator: " ").last ?? "") ?? .nan }
            return answer(scores: scores)
        }
    }

    /// The service's reranker, at an address of the test's own.
    func reranker(
        _ server: ScriptedServer, options: RemoteRerankerOptions = RemoteRerankerOptions(),
        _ change: (inout ServiceSettings) -> Void = { _ in }
    ) throws -> RemoteReranker {
        var settings = ServiceSettings(key: try ServiceKey(ServiceForm.key))
        settings.retries.firstWait = .milliseconds(1)
        // Other tests may take all threads for long.
        settings.timeout = .seconds(600)
        change(&settings)
        return try RemoteReranker(
            RemoteRerankerName(service: service, model: "m", baseURL: server.url), settings: settings, options: options)
    }

    static let key = "key-0123456789-secret"
}
