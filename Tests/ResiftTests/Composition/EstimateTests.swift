import Ranking
import Reranking
import Resift
import Retrieval
import Testing

@Suite("What a ranker made of others is going to ask")
struct EstimateTests {
    /// Asks a service once for each document, of a token a letter, for a dollar a token.
    private struct Service: DocumentRanker {
        var name: String
        var isPriced = true
        var services: [String] { [name] }

        func estimate(
            _ query: String, _ documents: [Document], options: RerankOptions
        ) async throws -> RunEstimate {
            guard options.minScore == nil else {
                throw RankingError(.invalidInput, what: "no minimum", why: "w", fix: "f")
            }
            if options.longDocuments == .refuse, try documents.contains(where: { try $0.text().count > 4 }) {
                throw RankingError(.invalidInput, what: "too long", why: "w", fix: "f")
            }
            let tokens = try documents.reduce(0) { $0 + (try $1.text().count) }
            let cost = isPriced ? Double(tokens) : nil
            return RunEstimate(requests: documents.count, inputTokens: tokens, cost: cost, maxCost: cost)
        }

        func rerank(
            _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
        ) async throws -> DocumentRanking {
            throw RankingError(.unreachable, what: "It was asked.", why: "w", fix: "f")
        }
    }

    private let local = ScriptedRanker("local") { _ in 1 }
    private let documents = ["aaaa", "b", "cc", "ddd", "eeeee"].map { Document($0) }

    @Test("a model on this machine asks nobody")
    func nobody() async throws {
        #expect(local.services.isEmpty)
        #expect(try await local.estimate("q", documents) == .zero)
    }

    @Test("a cascade: the longest of what each stage keeps, so that it is not too low")
    func cascade() async throws {
        let cascade = try Cascade([
            .init(local, keep: 4), .init(Service(name: "s"), keep: 2), .init(Service(name: "t")),
        ])
        #expect(cascade.services == ["s", "t"])
        let estimate = try await cascade.estimate("q", documents)
        // 5, 4, 3 and 2 letters for the second stage, 5 and 4 for the third.
        #expect(estimate == RunEstimate(requests: 6, inputTokens: 14 + 9, cost: 23, maxCost: 23))
        // A minimum is the last stage's.
        let minimum = RerankOptions(minScore: 0)
        #expect(
            try await Cascade([.init(Service(name: "s")), .init(local)]).estimate("q", documents, options: minimum)
                .requests == 5)
        await #expect(throws: RankingError.self) { try await cascade.estimate("q", documents, options: minimum) }
    }

    @Test("a long document is refused by the first stage of a cascade alone: later ones may never get it")
    func longDocuments() async throws {
        let refusing = RerankOptions(longDocuments: .refuse)
        let later = try Cascade([.init(local, keep: 2), .init(Service(name: "s"))])
        #expect(try await later.estimate("q", documents, options: refusing).inputTokens == 5 + 4)
        let first = try Cascade([.init(Service(name: "s"), keep: 2), .init(local)])
        await #expect(throws: RankingError.self) { try await first.estimate("q", documents, options: refusing) }
    }

    @Test("an ensemble asks all, a boosted ranker its own, one behind a policy the first")
    func others() async throws {
        let one = RunEstimate(requests: 5, inputTokens: 15, cost: 15, maxCost: 15)
        let ensemble = try Ensemble(
            [.init(local), .init(Service(name: "s")), .init(Service(name: "t"))], fusion: ReciprocalRankFusion())
        #expect(ensemble.services == ["s", "t"])
        let minimum = RerankOptions(minScore: 0)
        #expect(try await ensemble.estimate("q", documents, options: minimum) == one + one)
        let boosted = BoostedRanker(Service(name: "s"), boosts: [])
        #expect(boosted.services == ["s"])
        #expect(try await boosted.estimate("q", documents, options: minimum) == one)
        let replaced = FallbackRanker(Service(name: "s"), onFailure: .fallBack(to: Service(name: "t")))
        #expect(replaced.services == ["s", "t"])
        #expect(try await replaced.estimate("q", documents) == one)
    }

    @Test("a part whose price is not known leaves the cost of the whole unknown, not lower")
    func unknown() async throws {
        let ensemble = try Ensemble(
            [.init(Service(name: "s")), .init(Service(name: "t", isPriced: false))], fusion: ReciprocalRankFusion())
        let estimate = try await ensemble.estimate("q", documents)
        #expect(estimate.cost == nil && estimate.maxCost == nil && estimate.requests == 10)
    }

    @Test("a rehearsal asks nothing, keeps the order and adds up")
    func rehearsal() async throws {
        let estimating = EstimatingRanker(Service(name: "s"))
        #expect(estimating.total == .zero)
        for _ in 0..<3 {
            let ranking = try await estimating.rerank("q", documents, limit: 4)
            #expect(ranking.candidates.map(\.index) == [0, 1, 2, 3])
            #expect(ranking.candidates.allSatisfy { !$0.isScored } && !ranking.report.isComplete)
        }
        #expect(estimating.total == RunEstimate(requests: 15, inputTokens: 45, cost: 45, maxCost: 45))
        await #expect(throws: RankingError.self) {
            try await estimating.rerank("q", documents, limit: nil, options: RerankOptions(minScore: 0))
        }
    }
}
