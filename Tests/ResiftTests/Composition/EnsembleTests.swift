import Ranking
import Reranking
import Resift
import Retrieval
import Synchronization
import Testing

@Suite("Ensemble")
struct EnsembleTests {
    @Test("scores are sums of weight / (k + rank), as computed by hand")
    func byHand() async throws {
        let ensemble = try Ensemble(
            [
                .init(ScriptedRanker.preferring("abcde", name: "1")),
                .init(ScriptedRanker.preferring("cba", name: "2"), weight: 2),
            ], fusion: ReciprocalRankFusion(rankConstant: 60))
        let ranking = try await ensemble.rerank("q", letters, limit: nil)
        let expected: [(String, Double)] = [
            ("c", 1.0 / 63 + 2.0 / 61), ("b", 1.0 / 62 + 2.0 / 62), ("a", 1.0 / 61 + 2.0 / 63), ("d", 1.0 / 64),
            ("e", 1.0 / 65),
        ]
        #expect(ranking.order == expected.map(\.0).joined())
        for (candidate, pair) in zip(ranking.candidates, expected) { #expect(candidate.score == Float(pair.1)) }
        #expect(ranking.candidates.allSatisfy { $0.scoreKind == .reciprocalRankFusion })
        #expect(ranking.report.parts.count == 2)
        // The second had no score for two documents.
        #expect(!ranking.report.isComplete)
        #expect(ranking.report.unscoredDocuments == 0)
    }

    @Test("the rankers run at the same time")
    func atOnce() async throws {
        let meeting = Meeting()
        let members = (0..<4).map { _ in Ensemble.Member(MeetingRanker(meeting: meeting)) }
        let ensemble = try Ensemble(members, fusion: ReciprocalRankFusion())
        _ = try await ensemble.rerank("q", letters, limit: nil)
        #expect(meeting.arrived == 4)
    }

    @Test("a member that fails and keeps the order counts for nothing")
    func failingMember() async throws {
        let error = RankingError(.overloaded, what: "busy", why: "w", fix: "f")
        let broken = FallbackRanker(ScriptedRanker.failing(error), onFailure: .keepOrder)
        let ensemble = try Ensemble(
            [.init(broken, weight: 100), .init(ScriptedRanker.preferring("edcba", name: "2"))],
            fusion: ReciprocalRankFusion())
        let ranking = try await ensemble.rerank("q", letters, limit: nil)
        #expect(ranking.order == "edcba")
        #expect(ranking.report.failures.map(\.ranker) == ["broken"])
        #expect(ranking.report.isReranked)
    }

    @Test("no member, or a weight of nothing, is refused")
    func refused() throws {
        let fusion = try ReciprocalRankFusion()
        #expect(throws: RankingError.self) { try Ensemble([], fusion: fusion) }
        #expect(throws: RankingError.self) {
            try Ensemble([.init(ScriptedRanker.preferring("a", name: "1"), weight: 0)], fusion: fusion)
        }
    }
}

private final class Meeting: Sendable {
    private let count = Mutex(0)

    var arrived: Int { count.withLock { $0 } }
    func arrive() { count.withLock { $0 += 1 } }
}

/// Waits until four of its kind are asked at the same time.
private struct MeetingRanker: DocumentRanker {
    let meeting: Meeting
    var name: String { "meeting" }

    func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        meeting.arrive()
        for _ in 0..<6_000 where meeting.arrived < 4 { try await Task.sleep(for: .milliseconds(10)) }
        return try await ScriptedRanker("flat") { _ in 0 }.rerank(query, documents, limit: limit, options: options)
    }
}
