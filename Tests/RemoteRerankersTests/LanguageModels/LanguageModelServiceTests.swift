import OrderedJSON
import Ranking
import Reranking
import ScriptedServer
import Testing

@testable import RemoteRerankers

@Suite("Language models behind services that fail")
struct LanguageModelServiceTests {
    private let servers = ScriptedServers()
    private let documents = (0..<8).map { Document("document \($0)") }
    private let time = FakeTime()

    private func ranker(_ script: ChatScript, _ server: ScriptedServer) throws -> ListwiseReranker {
        var settings = ListwiseReranker.Settings()
        settings.window = SlidingWindow(size: 4, step: 2)
        return try ListwiseReranker(script.model(server, time: time), settings: settings)
    }

    private static func good(_ script: ChatScript, _ request: ScriptedServer.Request) -> ScriptedServer.Answer {
        let asked = AskedPrompt(request)
        return script.answer(asked.answer(asked.passages.indices.reversed()))
    }

    @Test(
        "a refusal is an error of its kind, and is not sent again", arguments: [ChatScript.anthropic, .openAI],
        [
            (400, "invalid_request_error", RankingError.Code.invalidInput),
            (401, "authentication_error", .accessDenied),
            (402, "billing_error", .accessDenied), (403, "permission_error", .accessDenied),
            (404, "not_found_error", .notFound), (413, "request_too_large", .invalidInput),
            (429, "enforced_spend_limit_reached", .accessDenied), (429, "insufficient_quota", .accessDenied),
        ])
    func refusals(script: ChatScript, refusal: (status: Int, type: String, code: RankingError.Code)) async throws {
        let server = try servers.start(script.error(refusal.status, type: refusal.type, "so it is"))
        let error = await #expect(throws: RankingError.self) {
            try await ranker(script, server).rerank("q", documents, limit: nil)
        }
        #expect(error?.code == refusal.code)
        #expect(error?.why.contains("so it is") == true)
        #expect(server.requests.count == 1 && time.slept.isEmpty)
    }

    @Test(
        "what may pass is sent again, and only that is counted", arguments: ChatScript.allCases,
        [(429, [:], [0.5, 1.0]), (429, ["Retry-After": "7"], [7, 7]), (500, [:], [0.5, 1]), (529, [:], [0.5, 1])]
            as [(Int, [String: String], [Double])])
    func retries(script: ChatScript, failure: (status: Int, headers: [String: String], waits: [Double])) async throws {
        let server = try servers.start { request, number in
            // The second window fails twice.
            if number == 1 || number == 2 {
                return script.error(failure.status, type: "overloaded_error", "busy", headers: failure.headers)
            }
            return LanguageModelServiceTests.good(script, request)
        }
        let ranking = try await ranker(script, server).rerank("q", documents, limit: nil)
        #expect(time.slept == failure.waits.map { .seconds($0) })
        #expect(ranking.report.usage == ServiceUsage(requests: 5, retries: 2, inputTokens: 300, outputTokens: 30))
        #expect(ranking.candidates.map(\.index).sorted() == Array(0..<8))
    }

    @Test("a service that never recovers is an error, whatever windows were done", arguments: ChatScript.allCases)
    func givesUp(script: ChatScript) async throws {
        let server = try servers.start { request, number in
            number == 0
                ? LanguageModelServiceTests.good(script, request) : script.error(503, type: "api_error", "down")
        }
        let error = await #expect(throws: RankingError.self) {
            try await ranker(script, server).rerank("q", documents, limit: nil)
        }
        #expect(error?.code == .overloaded && server.requests.count == 4)
    }

    @Test(
        "an answer that ends in the middle is asked for again",
        arguments: ChatScript.allCases, [ScriptedServer.Fault.cut(after: 20), .hangUp])
    func cutBody(script: ChatScript, fault: ScriptedServer.Fault) async throws {
        let server = try servers.start { request, number in
            var answer = LanguageModelServiceTests.good(script, request)
            if number == 0 { answer.fault = fault }
            return answer
        }
        let ranking = try await ranker(script, server).rerank("q", documents, limit: nil)
        #expect(ranking.report.usage?.retries == 1 && ranking.candidates.count == 8)
    }

    @Test(
        "an answer that is not of the interface is an error that says what it lacks",
        arguments: ChatScript.allCases,
        [
            "", "[]", "null", "{}", "<html>", #"{"choices": []}"#, #"{"choices": [{}]}"#, #"{"message": "x"}"#,
            #"{"content": "x"}"#,
        ])
    func wrongAnswer(script: ChatScript, body: String) async throws {
        let server = try servers.start(ScriptedServer.Answer(body))
        let error = await #expect(throws: RankingError.self) {
            try await ranker(script, server).rerank("q", documents, limit: nil)
        }
        #expect(error?.code == .unexpectedAnswer && server.requests.count == 1)
    }

    @Test("counts of tokens that cannot be are left out")
    func absurdUsage() async throws {
        let server = try servers.start(
            ScriptedServer.Answer(
                #"{"choices": [{"message": {"content": "[1]"}}], "usage": {"prompt_tokens": 9223372036854775807, "completion_tokens": -1}}"#
            ))
        let ranking = try await ranker(.openAI, server).rerank("q", documents, limit: nil)
        #expect(ranking.report.usage?.inputTokens == nil && ranking.report.usage?.outputTokens == nil)
    }

    // MARK: Names of the limit

    @Test(
        "a server that wants the other name for the limit of tokens gets it",
        arguments: [
            (
                OpenAIChat.OutputLimit.maxTokens,
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
            ),
            (.maxCompletionTokens, "max_completion_tokens: Extra inputs are not permitted"),
        ])
    func outputLimit(limit: OpenAIChat.OutputLimit, message: String) async throws {
        let server = try servers.start { request, _ in
            request.json[limit.rawValue] == nil
                ? LanguageModelServiceTests.good(.openAI, request)
                : ChatScript.openAI.error(400, type: "unsupported_parameter", message)
        }
        let model = try ChatScript.openAI.model(server, interface: .openAIChat(OpenAIChat(outputLimit: limit)))
        let ranking = try await ListwiseReranker(model).rerank("q", documents, limit: nil)
        #expect(ranking.candidates.map(\.index) == (0..<8).reversed())
        // The form is still JSON: it was not what the server refused.
        #expect(server.requests.count == 2 && AskedPrompt(server.requests[1]).isJSON)
        _ = try await ListwiseReranker(model).rerank("q", documents, limit: nil)
        #expect(server.requests.count == 3)
    }

    // MARK: Time

    @Test("cancelling the task ends the request", arguments: ChatScript.allCases)
    func cancellation(script: ChatScript) async throws {
        let server = try servers.start { request, number in
            var answer = LanguageModelServiceTests.good(script, request)
            if number == 1 { answer.fault = .silence }
            return answer
        }
        let ranker = try ranker(script, server)
        let task = Task { [documents] in try await ranker.rerank("q", documents, limit: nil) }
        while server.requests.count < 2 { try await Task.sleep(for: .milliseconds(2)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        while server.closedConnections == 0 { try await Task.sleep(for: .milliseconds(2)) }
        #expect(server.requests.count == 2)
    }

    @Test("at the deadline, what windows were done count from the front, and the rest has no score")
    func deadline() async throws {
        let server = try servers.start { request, _ in
            // The window that has document 6, the third one from the front, is never answered.
            var answer = LanguageModelServiceTests.good(.openAI, request)
            if AskedPrompt(request).passages.contains("document 6") { answer.fault = .silence }
            return answer
        }
        let ranker = try ranker(.openAI, server)
        // A busy machine may need more than a second for two windows.
        for seconds in [1, 4, 16, 64] {
            let ranking = try await ranker.rerank(
                "q", documents, limit: nil, options: RerankOptions(deadline: .seconds(seconds)))
            #expect(ranking.candidates.map(\.index).sorted() == Array(0..<8) && !ranking.report.isComplete)
            if ranking.report.unscoredDocuments > 2 { continue }
            // 0-3 become 3 2 1 0; 3 2 4 5 become 5 4 2 3 in front of 1 0; 5 4 6 7 had no answer.
            #expect(ranking.candidates.map(\.index) == [5, 4, 2, 3, 1, 0, 6, 7])
            #expect(ranking.candidates.map(\.isScored) == [true, true, true, true, true, true, false, false])
            #expect(ranking.candidates.prefix(6).map(\.score) == [8, 7, 6, 5, 4, 3])
            #expect(ranking.report.unscoredDocuments == 2 && ranking.report.pairs == 6)
            return
        }
        Issue.record("Two windows took more than a minute.")
    }

    // MARK: Secrets

    @Test("the key is in its header and nowhere else", arguments: ChatScript.allCases)
    func secrecy(script: ChatScript) async throws {
        let secret = ChatScript.secret
        let server = try servers.start { request, number in
            switch number {
            // A service that repeats what it was sent.
            case 0: script.error(400, type: "invalid \(secret)", "response_format? Your key is \(secret)")
            case 1: LanguageModelServiceTests.good(script, request)
            case 2: script.error(401, type: secret, "bad key: \(secret)")
            default: script.answer("I know \(secret)")
            }
        }
        var settings = ListwiseReranker.Settings()
        settings.unusableAnswers = .fail
        let model = try script.model(server)
        let ranker = try ListwiseReranker(model, settings: settings)
        let ranking = try await ranker.rerank("q", documents, limit: nil)
        var shown = [
            "\(ranking)", String(reflecting: ranking), "\(model)", dumped(model), dumped(ranker), dumped(ranking),
        ]
        for _ in 0..<2 {
            do {
                _ = try await ranker.rerank("q", documents, limit: nil)
                Issue.record("The service refused.")
            } catch {
                shown += ["\(error)", String(reflecting: error), dumped(error)]
            }
        }
        for text in shown { #expect(!text.contains(secret), "\(text)") }
        let header = script == .anthropic ? "x-api-key" : "authorization"
        for request in server.requests {
            #expect(request.headers[header]?.hasSuffix(secret) == true)
            #expect(!String(decoding: request.body, as: UTF8.self).contains(secret) && !request.path.contains(secret))
            #expect(request.headers.filter { $0.key != header }.values.allSatisfy { !$0.contains(secret) })
        }
    }

    private func dumped(_ value: some Any) -> String {
        var text = ""
        dump(value, to: &text, maxDepth: 8, maxItems: 10_000)
        return text
    }
}
