import Foundation
import Ranking
import Reranking
import Testing

@testable import RemoteRerankers

private let address = ProcessInfo.processInfo.environment["RESIFT_LLAMACPP_URL"]

/// Against the real server that `Tools/wire/llamacpp.py` starts. Its model has random weights: its orders mean nothing, but
/// the forms are llama.cpp's own.
@Suite("A real llama.cpp server", .enabled(if: address != nil, "needs RESIFT_LLAMACPP_URL, see Tools/wire/llamacpp.py"))
struct LlamaCppTests {
    private let documents = (0..<6).map { Document("document \($0)") }

    private func model(_ interface: ChatInterface, path: String) throws -> LanguageModel {
        try LanguageModel(
            name: "llm:llamacpp/tiny", model: "tiny", interface: interface,
            settings: ServiceSettings(baseURL: try #require(address) + path))
    }

    private func settings(maxOutputTokens: Int) -> ListwiseReranker.Settings {
        var settings = ListwiseReranker.Settings()
        settings.window = SlidingWindow(size: 4, step: 2)
        settings.maxOutputTokens = maxOutputTokens
        settings.unusableAnswers = .keepOrder
        return settings
    }

    @Test("listwise with JSON that the server enforces")
    func listwise() async throws {
        let model = try model(.openAIChat(OpenAIChat(temperature: 0)), path: "/v1")
        let ranking = try await ListwiseReranker(model, settings: settings(maxOutputTokens: 200)).rerank(
            "q", documents, limit: nil)
        #expect(ranking.candidates.map(\.index).sorted() == Array(0..<6))
        let usage = try #require(ranking.report.usage)
        #expect(usage.requests == 2 && (usage.inputTokens ?? 0) > 500 && (usage.outputTokens ?? 0) > 0)
        // The grammar was at work: what could be wrong is which numbers there are, not the form.
        #expect(usage.answerFaults[.form] == nil && usage.answerFaults[.unreadable] == nil && usage.notes.isEmpty)
    }

    @Test("pointwise with its probabilities, the same each time")
    func pointwise() async throws {
        var settings = PointwiseReranker.Settings()
        // Random weights make no word likely; the vocabulary has 285.
        settings.alternatives = 285
        let ranker = try PointwiseReranker(
            model(.openAIChat(OpenAIChat(temperature: 0)), path: "/v1"), settings: settings)
        let ranking = try await ranker.rerank("q", documents, limit: nil)
        #expect(ranking.report.isComplete && ranking.report.usage?.outputTokens == 6)
        #expect(ranking.candidates.allSatisfy { (0...1).contains($0.score) && $0.logit.isFinite })
        #expect(Set(ranking.candidates.map(\.score)).count > 1)
    }

    @Test("its copy of Anthropic's interface, which enforces nothing")
    func messages() async throws {
        let model = try model(.anthropicMessages(AnthropicMessages(temperature: 0)), path: "")
        let error = await #expect(throws: RankingError.self) {
            try await ListwiseReranker(model, settings: settings(maxOutputTokens: 20)).rerank(
                "q", documents, limit: nil)
        }
        #expect(error?.code == .unexpectedAnswer && error?.what.contains("cut") == true)
    }

    @Test("a prompt that is too long is refused in its words")
    func context() async throws {
        var settings = settings(maxOutputTokens: 20)
        settings.documentTokens = 1_000_000
        let ranker = try ListwiseReranker(model(.openAIChat(OpenAIChat()), path: "/v1"), settings: settings)
        let long = Document(String(repeating: "x ", count: 40_000))
        let error = await #expect(throws: RankingError.self) {
            try await ranker.rerank("q", [long, "short"], limit: nil)
        }
        #expect(error?.code == .invalidInput && error?.why.contains("context") == true)
    }
}
