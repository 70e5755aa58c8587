import Ranking
import Reranking
import Resift
import TestSupport
import Testing

@Suite("Cascade")
struct CascadeTests {
    @Test("a stage ranks what the one before kept; what is left behind follows with its scores")
    func twoStages() async throws {
        let first = ScriptedRanker.preferring("edcba", name: "cheap")
        let second = ScriptedRanker.preferring("dce", name: "expensive")
        let cascade = try Cascade([.init(first, keep: 3), .init(second)])
        let ranking = try await cascade.rerank("q", letters, limit: nil)
        #expect(ranking.order == "dceba")
        #expect(second.calls.map(\.texts) == [["e", "d", "c"]])
        #expect(
            ranking.candidates.map(\.rankedBy) == ["expensive", "expensive", "expensive", "cheap", "cheap"])
        #expect(ranking.candidates.map(\.index) == [3, 2, 4, 1, 0])
        #expect(ranking.report.parts.map(\.model) == ["cheap", "expensive"])
        #expect(ranking.report.pairs == 8)
        #expect(ranking.report.usage == ServiceUsage(requests: 2, inputTokens: 10))
        #expect(ranking.report.isComplete && ranking.report.isReranked)
        #expect(ranking.report.model == "cheap > expensive")
    }

    @Test("three stages leave two tails, the later one first")
    func threeStages() async throws {
        let cascade = try Cascade([
            .init(ScriptedRanker.preferring("abcde", name: "1"), keep: 4),
            .init(ScriptedRanker.preferring("dcba", name: "2"), keep: 2),
            .init(ScriptedRanker.preferring("cd", name: "3")),
        ])
        let ranking = try await cascade.rerank("q", letters, limit: nil)
        #expect(ranking.order == "cdbae")
        let limited = try await cascade.rerank("q", letters, limit: 3)
        #expect(limited.order == "cdb")
        #expect(limited.report.documents == 5)
    }

    @Test("what a stage does not get to keeps the place and the score of the stage before")
    func unscored() async throws {
        let cascade = try Cascade([
            .init(ScriptedRanker.preferring("edcba", name: "cheap"), keep: 4),
            .init(ScriptedRanker.preferring("b", name: "late")),
        ])
        let ranking = try await cascade.rerank("q", letters, limit: nil)
        #expect(ranking.order == "bedca")
        #expect(ranking.candidates.map(\.rankedBy) == ["late", "cheap", "cheap", "cheap", "cheap"])
        #expect(ranking.report.unscoredDocuments == 0)
        #expect(!ranking.report.isComplete)
    }

    @Test("the deadline is for all stages; one without time left is skipped, and that is said")
    func deadline() async throws {
        let slow = ScriptedRanker("slow", wait: .milliseconds(60)) { $0 == "c" ? 1 : 0 }
        let next = ScriptedRanker.preferring("abcde", name: "next")
        let cascade = try Cascade([.init(slow), .init(next)])
        let ranking = try await cascade.rerank("q", letters, limit: nil, options: .init(deadline: .milliseconds(50)))
        #expect(ranking.order == "cabde")
        #expect(next.calls.isEmpty)
        #expect(ranking.report.skippedRankers == ["next"])
        #expect(!ranking.report.isComplete)
        let share = try #require(slow.calls.first?.options.deadline)
        #expect(share <= .milliseconds(25))

        let patient = try await cascade.rerank("q", letters, limit: nil, options: .init(deadline: .seconds(100)))
        #expect(patient.order == "abcde")
        let rest = try #require(next.calls.first?.options.deadline)
        #expect(rest > .seconds(50))
    }

    @Test("a minimum score is the last stage's, and what it did not score is left out")
    func minScore() async throws {
        let cascade = try Cascade([
            .init(ScriptedRanker("1") { _ in 9 }, keep: 3), .init(ScriptedRanker("2") { $0 == "b" ? 5 : 1 }),
        ])
        let ranking = try await cascade.rerank("q", letters, limit: nil, options: .init(minScore: 3))
        #expect(ranking.order == "b")
        #expect(ranking.report.belowMinScore == 4)
        #expect(ranking.report.documents == 5)
    }

    @Test("a stage that fails and keeps the order leaves the stage before in charge")
    func failingStage() async throws {
        let error = RankingError(.unreachable, what: "no answer", why: "w", fix: "f")
        let cascade = try Cascade([
            .init(ScriptedRanker.preferring("edcba", name: "1"), keep: 2),
            .init(FallbackRanker(ScriptedRanker.failing(error), onFailure: .keepOrder)),
        ])
        let ranking = try await cascade.rerank("q", letters, limit: nil)
        #expect(ranking.order == "edcba")
        #expect(ranking.report.isReranked)
        #expect(ranking.report.failures == [.init(ranker: "broken", code: .unreachable, reason: "no answer")])
        let other = FallbackRanker(
            ScriptedRanker.failing(error), onFailure: .fallBack(to: ScriptedRanker.preferring("e", name: "other")))
        let replaced = try await Cascade([.init(other)]).rerank("q", letters, limit: 1)
        #expect(replaced.candidates.map(\.rankedBy) == ["other"])
        await #expect(throws: RankingError.self) {
            try await Cascade([.init(ScriptedRanker.failing(error))]).rerank("q", letters, limit: nil)
        }
    }

    @Test("whatever the stages keep and score, no document is lost or named twice", arguments: 0..<200)
    func permutation(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let documents = (0..<Int.random(in: 1...12, using: &random)).map { Document("\($0)") }
        let stages = (0..<Int.random(in: 1...4, using: &random)).map { stage -> Cascade.Stage in
            let scores = documents.map { _ in
                Bool.random(using: &random) ? Float.random(in: -1...1, using: &random) : nil
            }
            let ranker = ScriptedRanker("\(stage)") { text in Int(text).flatMap { scores[$0] } }
            return .init(ranker, keep: Bool.random(using: &random) ? Int.random(in: 1...12, using: &random) : nil)
        }
        let ranking = try await Cascade(stages).rerank("q", documents, limit: nil)
        #expect(ranking.candidates.map(\.index).sorted() == Array(documents.indices))
        #expect(ranking.candidates.allSatisfy { $0.isScored == ($0.rankedBy != nil) })
    }

    @Test("no stage, or one that keeps nothing, is refused")
    func refused() {
        #expect(throws: RankingError.self) { try Cascade([]) }
        #expect(throws: RankingError.self) {
            try Cascade([.init(ScriptedRanker.preferring("a", name: "1"), keep: 0)])
        }
    }
}
