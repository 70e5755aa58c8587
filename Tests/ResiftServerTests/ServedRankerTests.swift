import OrderedJSON
import Resift
import ResiftServer
import ScriptedServer
import TestSupport
import Testing

@Suite("A server of rankers that are no model on this machine")
struct ServedRankerTests {
    private let body = #"{"query": "river", "documents": ["a", "b", "c"], "resift": {"report": true}}"#

    private func settings(_ yaml: String) throws -> ServerSettings {
        let ranker = try RankerSpecification(yaml: yaml, path: "test.yaml")
        return LiveServer.settings { settings in
            settings.models.append(ServerSettings.ModelSource(name: "remote", ranker: ranker))
            settings.defaultModel = "remote"
        }
    }

    /// A text-embeddings-inference that prefers what comes last.
    private func service(status: Int = 200) throws -> ScriptedServer {
        try ScriptedServer { request, _ in
            guard case .array(let texts)? = request.json["texts"] else { return .init("{}", status: 404) }
            let list = texts.indices.map { #"{"index": \#($0), "score": \#(Double($0 + 1) / 10)}"# }
            return .init("[\(list.joined(separator: ","))]", status: status)
        }
    }

    private func object(_ value: JSONValue?) throws -> JSONObject {
        guard case .object(let object)? = value else { throw LiveServer.Unanswered() }
        return object
    }

    private func results(_ answer: JSONObject) -> [(index: Int, score: Double)] {
        guard case .array(let results)? = answer["results"] else { return [] }
        return results.compactMap { result in
            guard case .object(let entry) = result, case .number(let index)? = entry["index"],
                case .number(let score)? = entry["relevance_score"]
            else { return nil }
            return (Int(index.double), score.double)
        }
    }

    @Test("a service is asked, its scores are answered, and the second request finds them in the cache")
    func proxy() async throws {
        let service = try service()
        defer { service.close() }
        try await LiveServer.run(settings("reranker: tei:\(service.url)\ntimeout: 600s")) { server in
            let answer = try await server.post("/v2/rerank", body).json
            #expect(results(answer).map(\.index) == [2, 1, 0])
            #expect(results(answer).map { Float($0.score) } == [0.3, 0.2, 0.1])
            let asked = service.requests.count { $0.path == "/rerank" }
            let again = try await server.post("/v2/rerank", body).json
            #expect(results(again).map(\.index) == [2, 1, 0])
            #expect(service.requests.count { $0.path == "/rerank" } == asked)
            let report = try object(again["resift"])
            #expect(report["cache_hits"] == .number(JSONNumber(3)))
            let info = try await server.get("/info").json
            #expect(info["max_input_length"] == .null)
        }
    }

    @Test("a service that fails: 503 or 424, the order given with a warning, or another ranker")
    func failing() async throws {
        let service = try service(status: 401)
        defer { service.close() }
        let name = "tei:\(service.url)"
        try await LiveServer.run(settings("reranker: \(name)\ntimeout: 600s")) { server in
            let answer = try await server.post("/v1/rerank", body)
            #expect(answer.status == 424)
        }
        try await LiveServer.run(settings("reranker: \(name)\ntimeout: 600s\non-failure: keep-order")) { server in
            let answer = try await server.post("/v1/rerank", body).json
            let report = try object(answer["resift"])
            #expect(report["reranked"] == .bool(false))
            let failure = try object(report["failure"])
            #expect(failure["code"] == .string("access_denied"))
            let meta = try object(answer["meta"])
            guard case .array(let warnings)? = meta["warnings"] else { throw LiveServer.Unanswered() }
            #expect(warnings.count >= 2)
            // A form without a place for missing scores says so instead.
            let pairs = #"{"queries": "river", "documents": ["a", "b"]}"#
            let score = try await server.post("/score", pairs)
            #expect(score.status == 424)
        }
    }

    @Test(
        "a service's key is in no answer and no line of the log, though the service repeats it",
        arguments: ["cohere:m", "llm:vllm/m"])
    func secrecy(name: String) async throws {
        let key = "served-secret-0123456789"
        let service = try ScriptedServer { _, _ in
            .init(#"{"error": {"message": "the key \#(key) is bad", "type": "\#(key)"}}"#, status: 401)
        }
        defer { service.close() }
        let folder = try TemporaryFolder()
        let file = try folder.write("service.key", key + "\n")
        let yaml = "reranker: \(name)@\(service.url)\nkey-file: \(file)\ntimeout: 600s"
        for policy in ["throw", "keep-order"] {
            try await LiveServer.run(settings(yaml + "\non-failure: \(policy)")) { server in
                for path in ["/v2/rerank", "/info", "/metrics"] {
                    let answer = path == "/v2/rerank" ? try await server.post(path, body) : try await server.get(path)
                    #expect(!answer.body.contains(key), "\(path)")
                }
                #expect(server.logged.text.contains("rerank") && !server.logged.text.contains(key))
            }
        }
        #expect(service.requests.contains { $0.headers["authorization"] == "Bearer \(key)" })
    }

    @Test("the answers of a cascade fall, so that clients who sort by score keep the order")
    func cascade() async throws {
        let service = try service()
        defer { service.close() }
        let yaml = "cascade:\n  - {reranker: default, keep: 2}\n  - {reranker: \"tei:\(service.url)\", timeout: 600s}"
        try await LiveServer.run(settings(yaml)) { server in
            let answer = try await server.post("/v1/rerank", body).json
            let scores = results(answer).map(\.score)
            #expect(scores.count == 3)
            #expect(scores.first == 1)
            #expect(zip(scores, scores.dropFirst()).allSatisfy { $0 > $1 })
            let report = try object(answer["resift"])
            guard case .array(let parts)? = report["parts"] else { throw LiveServer.Unanswered() }
            #expect(parts.count == 2)
        }
    }

    @Test("relevant_spans and a minimum: the first is refused, the second is of the relevance")
    func requests() async throws {
        let service = try service()
        defer { service.close() }
        try await LiveServer.run(settings("reranker: tei:\(service.url)\ntimeout: 600s")) { server in
            let spans =
                #"{"query": "river", "documents": ["a", "b"], "relevant_spans": {"mode": "enabled"}}"#
            let refused = try await server.post("/v2/rerank", spans)
            #expect(refused.status == 422)
            let minimum = #"{"query": "river", "documents": ["a", "b", "c"], "resift": {"min_score": 0.15}}"#
            let answer = try await server.post("/v2/rerank", minimum).json
            #expect(results(answer).map(\.index) == [2, 1])
            let report = try object(answer["resift"])
            #expect(report["below_min_score"] == .number(JSONNumber(1)))
        }
    }
}
