import Outbound
import Ranking
import Reranking
import ScriptedServer
import Testing

@testable import RemoteRerankers

/// Windows of four documents in steps of two: three for eight documents, one after the other.
@Suite("Language models that are slow")
struct SlowModelTests {
    private let servers = ScriptedServers()
    private let documents = (0..<8).map { Document("document \($0)", id: "d\($0)") }

    private func ranker(
        _ server: ScriptedServer, time: FakeTime = FakeTime(), _ change: (inout ServiceSettings) -> Void = { _ in }
    ) throws -> ListwiseReranker {
        var settings = ListwiseReranker.Settings()
        settings.window = SlidingWindow(size: 4, step: 2)
        return try ListwiseReranker(ChatScript.openAI.model(server, time: time, change), settings: settings)
    }

    private static func reversed(_ request: ScriptedServer.Request) -> ScriptedServer.Answer {
        let asked = AskedPrompt(request)
        return ChatScript.openAI.answer(asked.answer(asked.passages.indices.reversed()))
    }

    @Test("a slow answer is waited for: the order is whole, and one window is asked at a time")
    func slow() async throws {
        let server = try servers.start { request, _ in
            try? await Task.sleep(for: .milliseconds(150))
            return SlowModelTests.reversed(request)
        }
        let ranking = try await ranker(server).rerank("q", documents, limit: nil)
        // 4-7 become 7 6 5 4; 2 3 7 6 become 6 7 3 2; 0 1 6 7 become 7 6 1 0.
        #expect(ranking.candidates.map(\.index) == [7, 6, 1, 0, 3, 2, 5, 4] && ranking.report.isComplete)
        #expect(ranking.report.usage?.requests == 3 && ranking.report.usage?.retries == 0)
        #expect(server.mostRequestsAtOnce == 1 && ranking.report.totalMilliseconds >= 450)
    }

    @Test(
        "a window whose answer takes too long, or stops in the middle, is asked for again, and the report says so",
        arguments: [ScriptedServer.Fault.silence, .stall(after: 0), .stall(after: 40)], 0..<3)
    func timeout(fault: ScriptedServer.Fault, window: Int) async throws {
        let server = try servers.start { request, number in
            var answer = SlowModelTests.reversed(request)
            if number == window { answer.fault = fault }
            return answer
        }
        // A busy machine can be too late as well: then there are more attempts.
        let ranking = try await ranker(server) { settings in
            settings.timeout = .seconds(2)
            settings.retries.attempts = 50
            settings.circuitBreaker.failures = 50
        }.rerank("q", documents, limit: nil)
        #expect(ranking.candidates.map(\.index) == [7, 6, 1, 0, 3, 2, 5, 4] && ranking.report.isComplete)
        let usage = try #require(ranking.report.usage)
        #expect(usage.retries >= 1 && usage.requests == 3 + usage.retries && usage.requests == server.requests.count)
        while server.closedConnections < 1 { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test(
        "a model that never answers in time is an error that says so, and its connections are closed",
        arguments: ChatScript.allCases)
    func tooSlow(script: ChatScript) async throws {
        let server = try servers.start(ScriptedServer.Answer("", fault: .silence))
        let model = try script.model(server) { settings in
            settings.timeout = .milliseconds(200)
            settings.retries.attempts = 2
        }
        let ranker = try ListwiseReranker(model)
        let error = await #expect(throws: RankingError.self) { try await ranker.rerank("q", documents, limit: nil) }
        #expect(error?.code == .unreachable && error?.what.contains("did not answer in 0.2 seconds") == true)
        while server.closedConnections < 2 { try await Task.sleep(for: .milliseconds(2)) }
        #expect(server.requests.count == 2)
    }

    @Test("cancelled at any window, the request under way ends, and no other is sent", arguments: 0..<3)
    func cancellation(window: Int) async throws {
        let server = try servers.start { request, number in
            var answer = SlowModelTests.reversed(request)
            if number >= window { answer.fault = number.isMultiple(of: 2) ? .silence : .stall(after: 10) }
            return answer
        }
        let ranker = try ranker(server)
        let task = Task { [documents] in try await ranker.rerank("q", documents, limit: nil) }
        while server.requests.count < window + 1 { try await Task.sleep(for: .milliseconds(2)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        while server.closedConnections == 0 { try await Task.sleep(for: .milliseconds(2)) }
        #expect(server.requests.count == window + 1)
        #expect(ranker.model.circuitBreaker.state == .closed(failures: 0))
    }

    @Test(
        "at any window, the deadline leaves every document once: those read in their places, the rest behind",
        arguments: 0..<3)
    func deadline(window: Int) async throws {
        let server = try servers.start { request, _ in
            var answer = SlowModelTests.reversed(request)
            // From the front: 0-3, then two of these with 4 and 5, then two of these with 6 and 7.
            let isLast = [["document 0"], ["document 4"], ["document 6"]][window]
            if isLast.allSatisfy(AskedPrompt(request).passages.contains) { answer.fault = .silence }
            return answer
        }
        let ranker = try ranker(server)
        let expected = [
            ([0, 1, 2, 3, 4, 5, 6, 7], 8), ([3, 2, 1, 0, 4, 5, 6, 7], 4), ([5, 4, 2, 3, 1, 0, 6, 7], 2),
        ][window]
        // A busy machine may need more than a second for two windows.
        for seconds in [1, 4, 16, 64] {
            let ranking = try await ranker.rerank(
                "q", documents, limit: nil, options: RerankOptions(deadline: .seconds(seconds)))
            #expect(ranking.candidates.map(\.index).sorted() == Array(0..<8) && !ranking.report.isComplete)
            #expect(ranking.report.unscoredDocuments == ranking.candidates.count { !$0.isScored })
            if ranking.report.unscoredDocuments > expected.1 { continue }
            #expect(ranking.candidates.map(\.index) == expected.0)
            #expect(ranking.report.unscoredDocuments == expected.1)
            return
        }
        Issue.record("Two windows took more than a minute.")
    }
}
