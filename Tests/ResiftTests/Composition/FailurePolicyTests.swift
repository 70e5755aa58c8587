import Ranking
import Reranking
import Resift
import Testing

@Suite("What becomes of a call whose ranker fails")
struct FailurePolicyTests {
    private let down = RankingError(.unreachable, what: "The service is down.", why: "w", fix: "f")

    @Test("by default the error goes to the caller")
    func throwing() async throws {
        let ranker = FallbackRanker(ScriptedRanker.failing(down), onFailure: .throw)
        await #expect(throws: RankingError.self) { try await ranker.rerank("q", letters, limit: nil) }
    }

    @Test("the order given is kept, without scores, and the report says why")
    func keepOrder() async throws {
        let ranker = FallbackRanker(ScriptedRanker.failing(down), onFailure: .keepOrder)
        let ranking = try await ranker.rerank("q", letters, limit: 3)
        #expect(ranking.order == "abc")
        #expect(ranking.candidates.allSatisfy { !$0.isScored })
        #expect(!ranking.report.isReranked && !ranking.report.isComplete)
        #expect(
            ranking.report.failure
                == RerankFailure(ranker: "broken", code: .unreachable, reason: "The service is down."))
        let sure = try await ranker.rerank("q", letters, limit: nil, options: .init(minScore: 0))
        #expect(sure.candidates.isEmpty)
    }

    @Test("another ranker takes its place, and the report says which")
    func fallBack() async throws {
        let other = ScriptedRanker.preferring("edcba", name: "other")
        let ranker = FallbackRanker(ScriptedRanker.failing(down), onFailure: .fallBack(to: other))
        let ranking = try await ranker.rerank("q", letters, limit: nil)
        #expect(ranking.order == "edcba")
        #expect(ranking.report.isReranked && ranking.report.isComplete)
        #expect(ranking.report.failure?.rankedBy == "other")
        #expect(ranking.report.model == "other")
    }

    @Test("a ranker that works is not replaced")
    func works() async throws {
        let other = ScriptedRanker.preferring("edcba", name: "other")
        let ranker = FallbackRanker(ScriptedRanker.preferring("cabde", name: "first"), onFailure: .fallBack(to: other))
        let ranking = try await ranker.rerank("q", letters, limit: nil)
        #expect(ranking.order == "cabde")
        #expect(ranking.report.failure == nil)
        #expect(other.calls.isEmpty)
    }

    @Test("the second ranker has what is left of the deadline; without any the order is kept")
    func deadline() async throws {
        let error = down
        let slow = ScriptedRanker("slow", wait: .milliseconds(60)) { _ in throw error }
        let other = ScriptedRanker.preferring("edcba", name: "other")
        let ranker = FallbackRanker(slow, onFailure: .fallBack(to: other))
        let late = try await ranker.rerank("q", letters, limit: nil, options: .init(deadline: .milliseconds(40)))
        #expect(late.order == "abcde")
        #expect(!late.report.isReranked)
        #expect(other.calls.isEmpty)
        _ = try await ranker.rerank("q", letters, limit: nil, options: .init(deadline: .seconds(100)))
        let left = try #require(other.calls.first?.options.deadline)
        #expect(left < .seconds(99.95) && left > .seconds(10))
    }

    @Test("what the caller did wrong is thrown under every policy, and so is a second failure")
    func thrownAnyway() async throws {
        let wrong = RankingError(.invalidInput, what: "empty", why: "w", fix: "f")
        let keeping = FallbackRanker(ScriptedRanker.failing(wrong), onFailure: .keepOrder)
        await #expect(throws: RankingError.self) { try await keeping.rerank("q", letters, limit: nil) }
        let both = FallbackRanker(
            ScriptedRanker.failing(down), onFailure: .fallBack(to: ScriptedRanker.failing(down, name: "other")))
        await #expect(throws: RankingError.self) { try await both.rerank("q", letters, limit: nil) }
    }

    @Test("a cancelled call is cancelled, not replaced")
    func cancelled() async throws {
        let slow = ScriptedRanker("slow", wait: .seconds(600)) { _ in 0 }
        let ranker = FallbackRanker(slow, onFailure: .keepOrder)
        let task = Task { try await ranker.rerank("q", letters, limit: nil) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
