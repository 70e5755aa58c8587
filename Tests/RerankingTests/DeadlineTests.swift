import Foundation
import Inference
import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Reranking

@Suite("Cost model")
struct CostModelTests {
    @Test(
        "finds the coefficients that made the samples",
        arguments: [
            CostModel(call: 2, token: 0.05, pair: 0.0001), CostModel(call: 0, token: 0.02, pair: 0),
            CostModel(call: 1, token: 0, pair: 0.001),
        ])
    func fit(truth: CostModel) throws {
        let samples = [16, 64, 128, 512].flatMap { tokens in
            [1, 8].map { count in
                CostModel.Sample(
                    tokens: tokens, sequences: count,
                    milliseconds: truth.call + Double(count) * truth.milliseconds(tokens: tokens))
            }
        }
        let fit = try #require(CostModel(fitting: samples))
        for (found, expected) in [(fit.call, truth.call), (fit.token, truth.token), (fit.pair, truth.pair)] {
            #expect(abs(found - expected) <= 1e-6 * (1 + expected), "\(fit)")
        }
    }

    @Test("no coefficient is negative, and too few samples are no model")
    func edges() throws {
        // Longer sequences that cost less a token would make pairs of tokens negative.
        let samples = [(16, 2.0), (64, 7), (256, 20)].map {
            CostModel.Sample(tokens: $0.0, sequences: 1, milliseconds: $0.1)
        }
        let fit = try #require(CostModel(fitting: samples))
        #expect(fit.pair == 0 && fit.call >= 0 && fit.token > 0)
        #expect(CostModel(fitting: Array(samples.prefix(2))) == nil)
        #expect(CostModel(fitting: []) == nil)
        let none = [16, 64, 256].map { CostModel.Sample(tokens: $0, sequences: 1, milliseconds: 0) }
        #expect(CostModel(fitting: none) == nil)
    }

    @Test("a profile is read back; a damaged one is an error that says how to make it again")
    func stored() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let profile = CostProfile(
            model: "m", kernels: "scalar", precision: .int8, threads: 2,
            cost: CostModel(call: 1, token: 0.5, pair: 0.25),
            samples: [CostModel.Sample(tokens: 16, sequences: 8, milliseconds: 3.5)])
        let json = JSONValue.object(profile.json).pretty
        #expect(try CostProfile(path: folder.write("p.json", json)) == profile)
        for (cut, put) in [
            ("\"token\": 0.5", "\"token\": -0.5"), ("\"threads\": 2", "\"threads\": 0"), ("\"call\"", "\"cell\""),
            ("\"int8\"", "\"int7\""),
            ("{", "["),
        ] {
            let path = try folder.write("damaged.json", json.replacingOccurrences(of: cut, with: put))
            let error = #expect(throws: RankingError.self) { try CostProfile(path: path) }
            #expect(error?.code == .corruptFile)
            #expect(error?.fix.contains("resift profile") == true)
        }
    }
}

@Suite("Deadline schedule")
struct DeadlineScheduleTests {
    /// 1 ms a call, 0.1 ms a token.
    private let cost = CostModel(call: 1, token: 0.1, pair: 0)

    @Test("a block holds what keeps the threads busy, and not more than the time that is left")
    func blocks() {
        let schedule = DeadlineSchedule(cost: cost)
        let documents = [[Int]](repeating: [20], count: 100)
        // 1 + 2 n <= 12: five documents; a sixth would be the next block's.
        #expect(schedule.blockCount(documents, remaining: 1_000) == 5)
        #expect(schedule.blockCount(documents, remaining: 7) == 3)
        #expect(schedule.blockCount(documents, remaining: 2.9) == 0)
        #expect(schedule.blockCount(documents, remaining: 0) == 0)
        #expect(schedule.blockCount(documents.prefix(2), remaining: 1_000) == 2)
        // A document that takes longer than a block is one; its passages stay together.
        #expect(schedule.blockCount([[500], [20]], remaining: 1_000) == 1)
        #expect(schedule.blockCount([[500], [20]], remaining: 50) == 0)
        #expect(schedule.blockCount([[20, 20, 20], [20, 20, 20]], remaining: 1_000) == 1)
    }

    @Test("slower than predicted is believed at once, faster little by little")
    func correction() {
        var schedule = DeadlineSchedule(cost: cost)
        // Predicted 1 + 10.
        schedule.record([100], milliseconds: 33)
        #expect(schedule.correction == 3)
        let documents = [[Int]](repeating: [20], count: 100)
        // (1 + 2 n) * 3 <= 12: one; and a single document needs 9 ms.
        #expect(schedule.blockCount(documents, remaining: 1_000) == 1)
        #expect(schedule.blockCount(documents, remaining: 8.9) == 0)
        schedule.record([100], milliseconds: 11)
        #expect(abs(schedule.correction - (0.7 * 3 + 0.3)) < 1e-12)
        for _ in 0..<50 { schedule.record([100], milliseconds: 11) }
        #expect(abs(schedule.correction - 1) < 1e-3)
    }

    @Test("on an unknown machine the first block is small and measures it")
    func unknown() {
        var schedule = DeadlineSchedule(cost: nil)
        let documents = [[Int]](repeating: [100], count: 50)
        #expect(schedule.blockCount(documents, remaining: 1_000) == 2)
        #expect(schedule.blockCount([[5_000]], remaining: 1) == 1)
        schedule.record([100, 100], milliseconds: 10)
        // 0.05 ms a token: two documents are 10 ms, three 15.
        #expect(schedule.blockCount(documents, remaining: 1_000) == 2)
        #expect(schedule.blockCount(documents, remaining: 4) == 0)
    }
}

@Suite("Deadlines")
struct DeadlineTests {
    private let query = "river temperature"
    private let texts = (0..<100).map { "water budget number \($0) of the river" }

    @Test("with enough time, the ranking is that without a deadline, bit for bit")
    func enough() async throws {
        let reranker = try Models.plain()
        let all = try await reranker.rerank(query, texts, limit: nil)
        for cost in [nil, CostModel(call: 0, token: 1e-9, pair: 0), CostModel(call: 10, token: 1, pair: 1)] {
            let own = Reranker(reranker.crossEncoder, costModel: cost)
            let ranking = try await own.rerank(
                query, texts, limit: nil, options: RerankOptions(deadline: .seconds(600)))
            #expect(ranking.report.isComplete)
            #expect(ranking.candidates.map(\.index) == all.candidates.map(\.index))
            #expect(ranking.candidates.map(\.score.bitPattern) == all.candidates.map(\.score.bitPattern))
            #expect(ranking.report.tokens == all.report.tokens && ranking.report.pairs == 100)
        }
    }

    @Test("without time, all candidates keep their order, are marked and counted")
    func none() async throws {
        let reranker = try Models.plain()
        let ranking = try await reranker.rerank(
            query, texts, limit: 7, options: RerankOptions(deadline: .nanoseconds(1)))
        #expect(!ranking.report.isComplete)
        #expect(ranking.report.unscoredDocuments == 100)
        #expect(ranking.report.pairs == 0)
        #expect(ranking.candidates.map(\.index) == Array(0..<7))
        #expect(ranking.candidates.allSatisfy { !$0.isScored && $0.scoreKind == .unscored && $0.score == -.infinity })
        let best = try await reranker.rerank(
            query, texts, options: RerankOptions(minScore: -1_000, deadline: .nanoseconds(1)))
        #expect(best.candidates.isEmpty && best.report.belowMinScore == 0)
    }

    @Test("in between, the first documents are scored and the rest follow as they were given")
    func some() async throws {
        // A document takes the model, which thinks that 40 of them fit, much longer than the machine.
        let reranker = try Models.plain()
        let tokens = try await reranker.rerank(query, [texts[0]]).report.tokens
        let cost = CostModel(call: 0, token: 1_000 / Double(40 * tokens + tokens / 2), pair: 0)
        let own = Reranker(reranker.crossEncoder, costModel: cost)
        let ranking = try await own.rerank(query, texts, limit: nil, options: RerankOptions(deadline: .seconds(1)))
        let scored = ranking.candidates.prefix { $0.isScored }
        #expect(ranking.report.unscoredDocuments == 100 - scored.count)
        #expect(Set(scored.map(\.index)) == Set(0..<scored.count))
        #expect(ranking.candidates.dropFirst(scored.count).map(\.index) == Array(scored.count..<100))
        let scores = try await reranker.scores(query, texts)
        #expect(scored.allSatisfy { $0.score == scores[$0.index] })
        #expect(scored.map(\.score) == scored.map(\.score).sorted(by: >))
    }

    @Test("a deadline of no time, and one for scores of all documents, are errors; cancelling is still cancelling")
    func errors() async throws {
        let reranker = try Models.plain()
        for deadline in [Duration.zero, .seconds(-1)] {
            let error = await #expect(throws: RankingError.self) {
                try await reranker.rerank(query, texts, options: RerankOptions(deadline: deadline))
            }
            #expect(error?.code == .invalidInput)
        }
        let error = await #expect(throws: RankingError.self) {
            try await reranker.scores(query, texts, options: RerankOptions(deadline: .seconds(1)))
        }
        #expect(error?.what == "All scores are asked for, and a deadline or a layer exit.")
        let task = Task { [texts] in
            withUnsafeCurrentTask { $0?.cancel() }
            return try await reranker.rerank("q", texts, options: RerankOptions(deadline: .seconds(100)))
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
