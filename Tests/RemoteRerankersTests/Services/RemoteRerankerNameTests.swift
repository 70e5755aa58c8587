import Outbound
import Ranking
import RemoteRerankers
import Testing

@Suite("Names of remote rerankers")
struct RemoteRerankerNameTests {
    @Test(
        "a name has a service, and a model, an address or both",
        arguments: [
            ("cohere:rerank-v3.5", RemoteRerankerName(service: .cohere, model: "rerank-v3.5")),
            ("cohere-v1:rerank-english-v2.0", RemoteRerankerName(service: .cohereV1, model: "rerank-english-v2.0")),
            ("tei:http://host:8080", RemoteRerankerName(service: .tei, baseURL: "http://host:8080")),
            (
                "vllm:BAAI/bge-reranker-v2-m3@http://host:8000",
                RemoteRerankerName(service: .vllm, model: "BAAI/bge-reranker-v2-m3", baseURL: "http://host:8000")
            ),
            (
                "jina:m@HTTPS://host/v1",
                RemoteRerankerName(service: .jina, model: "m", baseURL: "HTTPS://host/v1")
            ),
            (
                "vllm:owner/m@revision@http://h",
                RemoteRerankerName(service: .vllm, model: "owner/m@revision", baseURL: "http://h")
            ),
            ("llamacpp:a:b", RemoteRerankerName(service: .llamaCpp, model: "a:b")),
            ("tei", RemoteRerankerName(service: .tei)),
        ])
    func names(text: String, name: RemoteRerankerName) throws { #expect(try RemoteRerankerName(text) == name) }

    @Test(
        "an unknown service is refused with the names there are",
        arguments: ["", "openai:x", "Cohere:x", ":", "cohere v2:x"])
    func unknown(text: String) {
        let error = #expect(throws: RankingError.self) { try RemoteRerankerName(text) }
        #expect(error?.code == .invalidInput)
        #expect(RemoteService.allCases.allSatisfy { error?.why.contains($0.form) == true })
    }

    @Test("each service's form names it, and reads back", arguments: RemoteService.allCases)
    func forms(service: RemoteService) throws {
        let name = try RemoteRerankerName(service.form)
        #expect(name.service == service && (name.model != nil || name.baseURL != nil))
    }

    @Test("the description does not show an address that holds a password")
    func description() throws {
        #expect("\(try RemoteRerankerName("tei:http://user:hunter2@host"))" == "tei")
        #expect("\(try RemoteRerankerName("tei:http://host?key=hunter2"))" == "tei")
        #expect("\(try RemoteRerankerName("tei:http://host"))" == "tei:http://host")
        #expect("\(try RemoteRerankerName("vllm:m@http://host"))" == "vllm:m")
    }

    private func error(_ name: String, key: String? = nil, environment: [String: String] = [:]) -> RankingError? {
        #expect(throws: RankingError.self) {
            _ = try RemoteReranker(
                RemoteRerankerName(name), settings: ServiceSettings(key: key.map { try ServiceKey($0) }),
                environment: environment)
        }
    }

    @Test("what the service needs and the name lacks is said")
    func lacking() {
        #expect(error("cohere", key: "k")?.what == #""cohere" names no model."#)
        #expect(error("tei")?.what == #""tei" names no address."#)
        #expect(error("vllm:m")?.fix == "Write vllm:MODEL@http://HOST:PORT.")
        let noKey = error("mixedbread:m")
        #expect(noKey?.code == .accessDenied && noKey?.fix.contains("MXBAI_API_KEY") == true)
        #expect(error("tei:http://user:hunter2@host")?.description.contains("hunter2") == false)
        #expect(error("cohere:m", environment: ["CO_API_KEY": "hunter 2"])?.description.contains("hunter 2") == false)
    }

    @Test(
        "the key comes from the variable that the service's own client reads",
        arguments: [
            ("cohere:m", "CO_API_KEY"), ("jina:m", "JINA_API_KEY"), ("voyage:m", "VOYAGE_API_KEY"),
            ("mixedbread:m", "MXBAI_API_KEY"), ("pinecone:m", "PINECONE_API_KEY"),
        ])
    func variables(name: String, variable: String) throws {
        _ = try RemoteReranker(RemoteRerankerName(name), environment: [variable: "k"])
    }

    @Test("a server of one's own needs no key, nor does one that speaks a hosted service's interface")
    func noKey() throws {
        _ = try RemoteReranker(RemoteRerankerName("tei:http://localhost:8080"), environment: [:])
        _ = try RemoteReranker(RemoteRerankerName("cohere:m@http://localhost:8080"), environment: [:])
        _ = try RemoteReranker(
            RemoteRerankerName("cohere:m"), settings: ServiceSettings(baseURL: "http://localhost:8080"),
            environment: [:])
    }
}
