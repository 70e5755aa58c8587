import Outbound
import Ranking
import RemoteRerankers
import Reranking
import ScriptedServer
import Testing

@Suite("Services behind a proxy")
struct ProxyTests {
    private let servers = ScriptedServers()

    @Test("a service is asked through the proxy of the environment, the key inside the tunnel alone")
    func tunnel() async throws {
        let form = ServiceForm.of(.cohere)
        let server = try form.server(servers)
        let proxy = try ConnectProxy(to: server.url)
        func reranker(_ environment: [String: String]) throws -> RemoteReranker {
            var settings = ServiceSettings(key: try ServiceKey(ServiceForm.key))
            settings.timeout = .seconds(600)
            settings.proxies = ProxySettings(environment: environment)
            let name = RemoteRerankerName(service: .cohere, model: "m", baseURL: "http://api.example:8080")
            return try RemoteReranker(name, settings: settings)
        }
        let ranking = try await reranker(["HTTP_PROXY": "http://me:word@\(proxy.address)"]).rerank(
            "q", ["a 0.5", "b 0.75"])
        #expect(ranking.candidates.map(\.index) == [1, 0])
        // base64 of "me:word"
        #expect(proxy.tunnels == [.init(target: "api.example:8080", authorization: "Basic bWU6d29yZA==")])
        #expect(server.requests.first?.headers["authorization"] == "Bearer \(ServiceForm.key)")
        #expect(server.requests.first?.path == "/v2/rerank")

        let own = try form.reranker(server) { $0.proxies = ProxySettings(environment: ["HTTP_PROXY": "127.0.0.1:1"]) }
        _ = try await own.rerank("q", ["a 0.5"])
        #expect(proxy.tunnels.count == 1 && server.requests.count == 2)
        let error = #expect(throws: RankingError.self) { try reranker(["HTTP_PROXY": "https://gate"]) }
        #expect(error?.code == .invalidInput)
    }

    @Test("so is a language model, and a proxy that is not there is unreachable without its password being told")
    func languageModel() async throws {
        let server = try servers.start { request, _ in
            ChatScript.openAI.answer(AskedPrompt(request).answer([1, 0]))
        }
        let proxy = try ConnectProxy(to: server.url)
        func ranker(_ address: String) throws -> ListwiseReranker {
            var settings = ServiceSettings(baseURL: "http://chat.example/v1")
            settings.timeout = .seconds(600)
            settings.retries.attempts = 1
            settings.proxies = ProxySettings(environment: ["http_proxy": address])
            return try ListwiseReranker(
                LanguageModel(name: "llm", model: "m", interface: .openAIChat(OpenAIChat()), settings: settings))
        }
        let ranking = try await ranker(proxy.address).rerank("q", ["a", "b"])
        #expect(ranking.candidates.map(\.index) == [1, 0] && proxy.tunnels.map(\.target) == ["chat.example:80"])
        let error = await #expect(throws: RankingError.self) {
            try await ranker("http://me:hush@127.0.0.1:1").rerank("q", ["a", "b"])
        }
        #expect(error?.code == .unreachable && error.map { !"\($0)".contains("hush") } == true)
        #expect(error?.what.contains("through the proxy of HTTP_PROXY") == true)
    }
}
