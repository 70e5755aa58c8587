import Ranking
import Retrieval
import Testing

@Suite("Fusion")
struct FusionTests {
    static func run(_ name: String, _ entries: [(String, Double)]) throws -> RankedRun {
        try RankedRun(name: name, entries: entries.map { RankedRun.Entry(documentID: $0.0, score: $0.1) })
    }

    let bm25: RankedRun
    let dense: RankedRun

    init() throws {
        bm25 = try FusionTests.run("bm25", [("a", 9), ("b", 7), ("c", 1)])
        dense = try FusionTests.run("dense", [("c", 0.9), ("a", 0.5), ("d", 0.4)])
    }

    @Test("RRF: weight 1 / (60 + rank), ranks from 1, summed over the runs that have the document")
    func reciprocalRanks() throws {
        let fused = try ReciprocalRankFusion().fuse([bm25, dense])
        #expect(fused.map(\.documentID) == ["a", "c", "b", "d"])
        #expect(fused.map(\.score) == [1 / 61.0 + 1 / 62.0, 1 / 63.0 + 1 / 61.0, 1 / 62.0, 1 / 63.0])
        #expect(fused.map(\.ranks) == [[1, 2], [3, 1], [2, nil], [nil, 3]])
    }

    @Test("weighted RRF: a weight multiplies a run's part, another constant moves the ranks together")
    func weights() throws {
        let fused = try ReciprocalRankFusion(rankConstant: 0).fuse([bm25, dense], weights: [1, 4])
        // c: 1/3 + 4/1; a: 1/1 + 4/2; d: 4/3; b: 1/2
        #expect(fused.map(\.documentID) == ["c", "a", "d", "b"])
        let expected: [Double] = [1 / 3.0 + 4, 1 + 4 / 2.0, 4 / 3.0, 1 / 2.0]
        #expect(fused.map(\.score) == expected)
    }

    @Test("equal scores are ordered by the bytes of the document id")
    func ties() throws {
        let first = try FusionTests.run("x", [("b", 1), ("é", 1)])
        let second = try FusionTests.run("y", [("a", 1), ("Z", 1)])
        #expect(try ReciprocalRankFusion().fuse([first, second]).map(\.documentID) == ["a", "b", "Z", "é"])
    }

    @Test("one run keeps its order; no runs and empty runs give what is there")
    func fewRuns() throws {
        let empty = try FusionTests.run("empty", [])
        #expect(try ReciprocalRankFusion().fuse([bm25]).map(\.documentID) == ["a", "b", "c"])
        #expect(try ReciprocalRankFusion().fuse([]).isEmpty)
        #expect(try ConvexCombination().fuse([]).isEmpty)
        #expect(try ConvexCombination().fuse([empty, bm25]).map(\.documentID) == ["a", "b", "c"])
        #expect(try ReciprocalRankFusion().fuse([bm25, dense, bm25, dense]).count == 4)
    }

    @Test("normalizations by hand of the scores 9, 7 and 1")
    func normalizations() {
        // (9 - 1) / 8, (7 - 1) / 8, 0
        #expect(ScoreNormalization.minMax.normalize([9, 7, 1]) == [1, 0.75, 0])
        // 8 / 14, 6 / 14, 0
        let sum = ScoreNormalization.sum.normalize([9, 7, 1])
        for (a, b) in zip(sum, [8 / 14.0, 6 / 14.0, 0]) { #expect(abs(a - b) < 1e-15) }
        #expect(ScoreNormalization.rank.normalize([9, 7, 1]) == [1, 2 / 3.0, 1 / 3.0])
        // μ = 17 / 3; σ² = (9² + 7² + 1²) / 3 - μ² = 131 / 3 - 289 / 9 = 104 / 9
        let deviation = (104 / 9.0).squareRoot()
        let expected = [(9 - 17 / 3.0) / deviation, (7 - 17 / 3.0) / deviation, (1 - 17 / 3.0) / deviation]
        for (a, b) in zip(ScoreNormalization.zScore.normalize([9, 7, 1]), expected) { #expect(abs(a - b) < 1e-15) }
    }

    @Test("equal scores, one score, none, and scores at the ends of the range stay finite")
    func degenerate() {
        #expect(ScoreNormalization.minMax.normalize([3, 3]) == [1, 1])
        #expect(ScoreNormalization.zScore.normalize([3, 3]) == [0, 0])
        #expect(ScoreNormalization.sum.normalize([-3, -3]) == [0.5, 0.5])
        #expect(ScoreNormalization.rank.normalize([3, 3]) == [1, 0.5])
        for normalization in ScoreNormalization.allCases {
            #expect(normalization.normalize([]).isEmpty)
            let extremes = [Double.greatestFiniteMagnitude, 0, -Double.greatestFiniteMagnitude]
            for scores in [extremes, [1e-300, 0], [5]] {
                #expect(
                    normalization.normalize(scores).allSatisfy { $0.isFinite }, "\(normalization.rawValue) of \(scores)"
                )
            }
        }
    }

    @Test("convex combination: weighted normalized scores over the sum of the weights")
    func convex() throws {
        let fused = try ConvexCombination().fuse([bm25, dense], weights: [1, 3])
        // a: (1·1 + 3·0.2) / 4; c: (1·0 + 3·1) / 4; b: 1·0.75 / 4; d: 3·0 / 4
        #expect(fused.map(\.documentID) == ["c", "a", "b", "d"])
        for (a, b) in zip(fused.map(\.score), [3 / 4.0, 1.6 / 4, 0.75 / 4, 0]) { #expect(abs(a - b) < 1e-12) }
    }

    @Test("normalized scores do not depend on the scale and the origin of a run", arguments: 0..<20)
    func invariance(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        let scores = (0..<Int.random(in: 2...50, using: &random)).map { _ in Double.random(in: -5...5, using: &random) }
        for normalization in ScoreNormalization.allCases {
            let moved = normalization.normalize(scores.map { 8 * $0 + 16 })
            for (a, b) in zip(normalization.normalize(scores), moved) { #expect(abs(a - b) < 1e-9) }
        }
    }

    @Test("a document twice, a score that is no number, and weights that do not fit are refused")
    func refusals() throws {
        let twice = #expect(throws: RankingError.self) { try FusionTests.run("bm25", [("a", 2), ("b", 1), ("a", 0)]) }
        #expect(twice?.what == "Run \"bm25\" has document \"a\" twice, again at rank 3.")
        let nan = #expect(throws: RankingError.self) { try FusionTests.run("bm25", [("a", .nan)]) }
        #expect(nan?.code == .nonFiniteScore)
        for weights in [[1], [1, -1], [1, .nan], [.infinity, 1]] as [[Double]] {
            #expect(throws: RankingError.self) { try ReciprocalRankFusion().fuse([bm25, dense], weights: weights) }
            #expect(throws: RankingError.self) { try ConvexCombination().fuse([bm25, dense], weights: weights) }
        }
        #expect(throws: RankingError.self) { try ConvexCombination().fuse([bm25, dense], weights: [0, 0]) }
        #expect(throws: RankingError.self) { try ReciprocalRankFusion(rankConstant: -1) }
    }
}
