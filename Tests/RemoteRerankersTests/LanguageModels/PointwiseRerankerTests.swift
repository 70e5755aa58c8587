import OrderedJSON
import Ranking
import Reranking
import ScriptedServer
import Testing

@testable import RemoteRerankers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("Pointwise yes or no")
struct PointwiseRerankerTests {
    private let servers = ScriptedServers()
    private let documents = ["relevant 90", "relevant 10", "relevant 50", "relevant 70"].map { Document($0) }

    /// Says yes with the probability in percent that the text ends with.
    private static func answer(_ request: ScriptedServer.Request) -> ScriptedServer.Answer {
        let percent = Double(AskedPrompt(request).passages.first?.split(separator: " ").last ?? "") ?? 0
        return answer([("Yes", 0.9 * percent / 100), ("No", 0.9 * (1 - percent / 100)), ("Maybe", 0.1)])
    }

    private static func answer(_ tokens: [(String, Double)]) -> ScriptedServer.Answer {
        let list = tokens.compactMap { token, probability in
            JSONNumber(log(probability)).map { JSONValue.members(["token": .string(token), "logprob": .number($0)]) }
        }
        let content = JSONValue.members(["token": .string("Maybe"), "top_logprobs": .array(list)])
        let choice = JSONValue.members([
            "message": .members(["content": .string("Maybe")]), "logprobs": .members(["content": .array([content])]),
        ])
        return ScriptedServer.Answer(
            JSONValue.members([
                "choices": .array([choice]),
                "usage": .members(["prompt_tokens": .integer(50), "completion_tokens": .integer(1)]),
            ]).compact)
    }

    @Test("the score is p(yes) / (p(yes) + p(no)), one request a document")
    func scores() async throws {
        let server = try servers.start { request, _ in PointwiseRerankerTests.answer(request) }
        let ranker = try PointwiseReranker(
            ChatScript.openAI.model(server, price: ServicePrice(perMillionInputTokens: 10, perMillionOutputTokens: 100))
        )
        let ranking = try await ranker.rerank("q", documents, limit: 3)
        #expect(ranking.candidates.map(\.index) == [0, 3, 2])
        for (candidate, expected) in zip(ranking.candidates, [0.9, 0.7, 0.5]) {
            #expect(abs(Double(candidate.score) - expected) < 1e-6)
            #expect(abs(Double(candidate.logit) - log(expected / (1 - expected))) < 1e-5)
            #expect(candidate.scoreKind == .normalizedRelevance)
        }
        let usage = try #require(ranking.report.usage)
        // 4 · (50 · 10 + 1 · 100) / 1,000,000
        #expect(usage.requests == 4 && usage.inputTokens == 200 && abs((usage.cost ?? 0) - 0.0024) < 1e-12)
        let request = try #require(server.requests.first?.json)
        #expect(request.count("max_tokens") == 1 && request.count("top_logprobs") == 20)
        let estimate = try await ranker.estimate("q", documents)
        #expect(estimate.requests == 4 && estimate.outputTokens == 4 && estimate.maxOutputTokens == 4)
    }

    @Test("a minimum leaves out what is below it, and counts it")
    func minScore() async throws {
        let server = try servers.start { request, _ in PointwiseRerankerTests.answer(request) }
        let ranker = try PointwiseReranker(ChatScript.openAI.model(server))
        let ranking = try await ranker.rerank("q", documents, limit: nil, options: RerankOptions(minScore: 0.6))
        #expect(ranking.candidates.map(\.index) == [0, 3] && ranking.report.belowMinScore == 2)
    }

    @Test("no more requests run at once than the settings allow")
    func concurrency() async throws {
        let server = try servers.start { request, _ in
            try? await Task.sleep(for: .milliseconds(5))
            return PointwiseRerankerTests.answer(request)
        }
        let ranker = try PointwiseReranker(ChatScript.openAI.model(server) { $0.maxRequestsAtOnce = 3 })
        let many = (0..<30).map { Document("relevant \($0 + 1)") }
        let ranking = try await ranker.rerank("q", many, limit: nil)
        #expect(ranking.candidates.map(\.index) == (0..<30).reversed())
        #expect(server.mostRequestsAtOnce <= 3 && server.requests.count == 30)
    }

    @Test("a document whose answer is neither has no score, and is counted")
    func unreadable() async throws {
        let server = try servers.start { request, _ in
            AskedPrompt(request).passages.first == "relevant 70"
                ? PointwiseRerankerTests.answer([("Perhaps", 0.8), ("?", 0.1)]) : PointwiseRerankerTests.answer(request)
        }
        let ranking = try await PointwiseReranker(ChatScript.openAI.model(server)).rerank("q", documents, limit: nil)
        #expect(ranking.candidates.map(\.index) == [0, 2, 1, 3])
        #expect(ranking.candidates.last?.isScored == false && ranking.report.unscoredDocuments == 1)
        #expect(ranking.report.usage?.malformedAnswers == 1 && ranking.report.usage?.answerFaults == [.unreadable: 1])
    }

    @Test("where no answer is a yes or a no, that is an error")
    func nothing() async throws {
        let server = try servers.start(PointwiseRerankerTests.answer([("<think>", 1)]))
        let error = await #expect(throws: RankingError.self) {
            try await PointwiseReranker(ChatScript.openAI.model(server)).rerank("q", documents, limit: nil)
        }
        #expect(error?.code == .unexpectedAnswer)
    }

    @Test("a server without probabilities is an error that says so, whether it is silent about them or refuses")
    func noProbabilities() async throws {
        let silent = ChatScript.openAI.answer("yes")
        let refusing = ChatScript.openAI.error(400, type: "invalid", "logprobs are not supported")
        for answer in [silent, refusing] {
            let server = try servers.start(answer)
            let error = await #expect(throws: RankingError.self) {
                try await PointwiseReranker(ChatScript.openAI.model(server)).rerank("q", documents, limit: nil)
            }
            #expect(error?.code == .unsupportedModel)
            #expect(error?.what == "llm:openAI/test gives no probabilities of tokens.")
        }
        let server = try servers.start(silent)
        let error = #expect(throws: RankingError.self) { try PointwiseReranker(ChatScript.anthropic.model(server)) }
        #expect(error?.code == .unsupportedModel && server.requests.isEmpty)
    }

    @Test("one failure ends the others")
    func failure() async throws {
        let server = try servers.start { request, _ in
            var answer = PointwiseRerankerTests.answer(request)
            if AskedPrompt(request).passages.first == "relevant 50" {
                return ChatScript.openAI.error(401, type: "invalid", "no")
            }
            answer.fault = .silence
            return answer
        }
        let error = await #expect(throws: RankingError.self) {
            try await PointwiseReranker(ChatScript.openAI.model(server)).rerank("q", documents, limit: nil)
        }
        #expect(error?.code == .accessDenied)
    }

    @Test("documents that the deadline came before have no score")
    func deadline() async throws {
        let server = try servers.start { request, _ in
            var answer = PointwiseRerankerTests.answer(request)
            if AskedPrompt(request).passages.first == "relevant 70" { answer.fault = .silence }
            return answer
        }
        let ranker = try PointwiseReranker(ChatScript.openAI.model(server))
        for seconds in [1, 4, 16, 64] {
            let ranking = try await ranker.rerank(
                "q", documents, limit: nil, options: RerankOptions(deadline: .seconds(seconds)))
            if ranking.report.unscoredDocuments > 1 { continue }
            #expect(ranking.candidates.map(\.index) == [0, 2, 1, 3] && ranking.report.unscoredDocuments == 1)
            return
        }
        Issue.record("Three answers took more than a minute.")
    }

    // MARK: Formula

    private func tokens(_ list: [(String, Double)]) -> [TokenProbability] {
        list.map { TokenProbability(token: $0.0, logarithm: log($0.1)) }
    }

    @Test("probabilities of the same word in other spellings add up")
    func sum() throws {
        let answer = try #require(
            YesNo(
                tokens([("Yes", 0.3), (" yes", 0.2), ("▁YES", 0.1), ("no", 0.15), ("\"No", 0.05), ("yesterday", 0.1)])))
        // 0.6 / (0.6 + 0.2)
        #expect(abs(answer.score - 0.75) < 1e-12)
    }

    @Test("a word that is not listed counts as the least likely that is")
    func bound() throws {
        let yes = try #require(YesNo(tokens([("yes", 0.9), ("maybe", 0.1)])))
        #expect(abs(yes.score - 0.9) < 1e-12)
        let no = try #require(YesNo(tokens([("no", 0.98), ("maybe", 0.02)])))
        #expect(abs(no.score - 0.02) < 1e-12)
        #expect(YesNo(tokens([("maybe", 1)])) == nil && YesNo([]) == nil)
        #expect(YesNo([TokenProbability(token: "yes", logarithm: -.infinity)]) == nil)
    }

    @Test("probabilities too small for a Double are compared all the same")
    func tiny() throws {
        let answer = try #require(
            YesNo([TokenProbability(token: "yes", logarithm: -2_000), TokenProbability(token: "no", logarithm: -2_001)])
        )
        #expect(abs(answer.logit - 1) < 1e-9)
    }
}
