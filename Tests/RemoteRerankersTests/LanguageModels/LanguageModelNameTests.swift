import Outbound
import Ranking
import Reranking
import Testing

@testable import RemoteRerankers

@Suite("Names of language models")
struct LanguageModelNameTests {
    @Test(
        "method, provider, model and address",
        arguments: [
            ("llm:anthropic/claude-x", .listwise, .anthropic, "claude-x", nil),
            ("llm-pointwise:openai/gpt-x", .pointwise, .openai, "gpt-x", nil),
            ("llm:ollama/qwen3:8b", .listwise, .ollama, "qwen3:8b", nil),
            ("llm:ollama/m@http://host:1", .listwise, .ollama, "m", "http://host:1"),
            ("llm:vllm/Qwen/Qwen3-8B@http://host:8000", .listwise, .vllm, "Qwen/Qwen3-8B", "http://host:8000/v1"),
            ("llm:vllm/a@b@https://host/llm/v1", .listwise, .vllm, "a@b", "https://host/llm/v1"),
            ("llm:llamacpp/m@http://[::1]:8080", .listwise, .llamacpp, "m", "http://[::1]:8080/v1"),
            ("llm:llamacpp/m@http://host/", .listwise, .llamacpp, "m", "http://host/v1"),
            ("llm:anthropic/m@http://host", .listwise, .anthropic, "m", "http://host"),
        ] as [(String, LanguageModelName.Method, LanguageModelName.Provider, String, String?)])
    func parse(
        text: String, method: LanguageModelName.Method, provider: LanguageModelName.Provider, model: String,
        baseURL: String?
    ) throws {
        let name = try #require(try LanguageModelName(text))
        #expect(name.method == method && name.provider == provider && name.model == model && name.baseURL == baseURL)
    }

    @Test(
        "other names are not its business", arguments: ["cohere:rerank-v3.5", "default", "llmx:openai/m", "./llm", ""])
    func other(text: String) throws { #expect(try LanguageModelName(text) == nil) }

    @Test(
        "a name that is not complete is refused",
        arguments: ["llm:", "llm:openai", "llm:openai/", "llm:nobody/m", "llm:vllm/@http://h", "llm:openai/a b"])
    func refused(text: String) {
        let error = #expect(throws: RankingError.self) { try LanguageModelName(text) }
        #expect(error?.code == .invalidInput && error?.fix.contains("llm:") == true)
    }

    @Test("the key is that of the environment, and hosted services need one")
    func keys() throws {
        let name = try #require(try LanguageModelName("llm:openai/m"))
        let error = #expect(throws: RankingError.self) { try name.languageModel(environment: [:]) }
        #expect(error?.code == .accessDenied && error?.why.contains("OPENAI_API_KEY") == true)
        _ = try name.languageModel(environment: ["OPENAI_API_KEY": "sk-x"])
        _ = try name.languageModel(key: ServiceKey("sk-x"), environment: [:])
        let local = try #require(try LanguageModelName("llm:ollama/m"))
        #expect(try local.languageModel(environment: [:]).name == "llm:ollama/m")
        // Somebody's own server behind a hosted service's interface.
        let proxy = try #require(try LanguageModelName("llm:openai/m@http://localhost:1"))
        _ = try proxy.languageModel(environment: [:])
    }

    @Test("the method makes the reranker", arguments: LanguageModelName.Provider.allCases)
    func reranker(provider: LanguageModelName.Provider) throws {
        let listwise = try #require(try LanguageModelName("llm:\(provider.rawValue)/m@http://localhost:1"))
        #expect(try listwise.reranker(listwise.languageModel(environment: [:])) is ListwiseReranker)
        let pointwise = try #require(try LanguageModelName("llm-pointwise:\(provider.rawValue)/m@http://localhost:1"))
        let model = try pointwise.languageModel(environment: [:])
        #expect(model.name == "llm-pointwise:\(provider.rawValue)/m")
        if provider == .anthropic {
            #expect(throws: RankingError.self) { try pointwise.reranker(model) }
        } else {
            #expect(try pointwise.reranker(model) is PointwiseReranker)
        }
    }
}
