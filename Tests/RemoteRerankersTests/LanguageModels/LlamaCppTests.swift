import Foundation
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing

@testable import RemoteRerankers

private let address = ProcessInfo.processInfo.environment["RESIFT_LLAMACPP_URL"]

/// Against the real server that `Tools/acceptance/wire.py` starts. Its model has random weights: its orders mean nothing, but
/// the forms are llama.cpp's own.
@Suite(
    "A real llama.cpp server", .enabled(if: address != nil, "needs RESIFT_LLAMACPP_URL, see Tools/acceptance/wire.py"))
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

    @Test("an order is JSON that the server enforces, whatever its model would have said")
    func listwise() async throws {
        let model = try model(.openAIChat(OpenAIChat(temperature: 0)), path: "/v1")
        let call = ServiceCall()
        let (answer, form) = try await model.order(call) { form in
            ChatPrompt(system: "", user: "say something", answer: .order(form), maxOutputTokens: 200)
        }
        #expect(form == .json && model.schemaRefusal == nil)
        // The limit of tokens may have cut it; until then it has the form.
        #expect(
            try answer.text.prefixMatch(of: Regex(#"\s*\{\s*"ranking"\s*:\s*\[[\s0-9,-]*"#)) != nil, "\(answer.text)")
        if answer.end == .complete { #expect((try? JSONObject(parsing: answer.text))?.array("ranking") != nil) }
        #expect(call.usage.requests == 1 && (call.usage.inputTokens ?? 0) > 0 && (call.usage.outputTokens ?? 0) > 0)
    }

    @Test("a whole call, in windows: a permutation, or the error that no answer named a document")
    func windows() async throws {
        let model = try model(.openAIChat(OpenAIChat(temperature: 0)), path: "/v1")
        let ranker = try ListwiseReranker(model, settings: settings(maxOutputTokens: 200))
        do {
            let ranking = try await ranker.rerank("q", documents, limit: nil)
            #expect(ranking.candidates.map(\.index).sorted() == Array(0..<6))
            #expect(ranking.report.usage?.requests == 2 && ranking.report.usage?.answerFaults[.form] == nil)
        } catch let error as RankingError {
            // Random weights can name numbers of no document.
            #expect(error.code == .unexpectedAnswer && !error.what.contains("form"))
        }
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
