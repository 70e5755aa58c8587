import Evaluation
import Ranking
import Testing
import TextFiles

@Suite("Evaluating runs")
struct EvaluatorTests {
    private func qrels(_ text: String) throws -> Qrels {
        try QrelsReader().qrels(in: InputBytes(name: "qrels", bytes: Array(text.utf8)))
    }

    private func run(_ text: String) throws -> Run {
        try RunReader().run(in: InputBytes(name: "run", bytes: Array(text.utf8)))
    }

    @Test("a judged query that the run misses counts 0, unless only present ones count")
    func missingQueries() throws {
        let qrels = try qrels("1 0 a 1\n2 0 b 1\n")
        let run = try run("1 Q0 a 1 2.5 x\n3 Q0 a 1 1 x\n")
        let measure = Measure(.reciprocalRank)
        let all = Evaluator([measure]).evaluate(run, qrels)
        #expect(all.mean(measure) == (1 + 0) / 2.0)
        #expect(all.missingQueries == 1)
        #expect(all.unjudgedQueries == 1)
        #expect(Evaluator([measure], presentOnly: true).evaluate(run, qrels).mean(measure) == 1)
    }

    @Test("documents with the query's id are passed over on request")
    func identicalIDs() throws {
        let qrels = try qrels("q 0 a 1\n")
        let run = try run("q Q0 q 1 3 x\nq Q0 a 2 2 x\n")
        let measure = Measure(.reciprocalRank)
        #expect(Evaluator([measure]).evaluate(run, qrels).mean(measure) == 1 / 2.0)
        #expect(Evaluator([measure], ignoresIdenticalIDs: true).evaluate(run, qrels).mean(measure) == 1)
    }

    @Test("TREC and BEIR judgements read alike, with comments, tabs and carriage returns")
    func formats() throws {
        let expected: Qrels = ["1": ["a": 2, "b": 0], "2": ["c": -1]]
        #expect(try qrels("# judged by hand\n1\t0 a  2\r\n1 0 b 0\n\n2 0 c -1") == expected)
        #expect(try qrels("query-id\tcorpus-id\tscore\n1\ta\t2\n1\tb\t0\n2\tc\t-1\n") == expected)
    }

    @Test("a run is written so that it reads back, best candidate first")
    func writing() throws {
        let run: Run = ["2": ["a": 1, "b": 1.5], "1": ["c": -0.25, "d": -0.25]]
        let text = run.trec(tag: "t")
        #expect(text == "1 Q0 d 1 -0.25 t\n1 Q0 c 2 -0.25 t\n2 Q0 b 1 1.5 t\n2 Q0 a 2 1.0 t\n")
        #expect(try self.run(text) == run)
    }

    @Test(
        "a broken run line is refused with its number",
        arguments: [
            ("1 Q0 a 1 2.5 x\n1 Q0 b 2 x\n", "line 2"), ("1 Q0 a 1 two x\n", "two"), ("1 Q0 a 1 nan x\n", "nan"),
            ("1 Q0 a 1 inf x\n", "inf"), ("1 Q0 a 1 2 x\n1 Q0 a 2 1 x\n", "line 2"), ("", "no rankings"),
            ("1 Q0 a 1 2 x y\n", "7 columns"),
        ])
    func brokenRuns(text: String, part: String) {
        let error = #expect(throws: RankingError.self) { try run(text) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what.contains(part) == true, "\(error?.what ?? "")")
    }

    @Test(
        "broken judgements are refused with their line",
        arguments: [
            ("1 0 a x\n", "\"x\""), ("1 0 a 1\n1 0 a 1\n", "line 2"), ("1 0\n", "2 columns"),
            ("# only\n", "no judgements"),
        ])
    func brokenQrels(text: String, part: String) {
        let error = #expect(throws: RankingError.self) { try qrels(text) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what.contains(part) == true, "\(error?.what ?? "")")
    }
}

@Suite("Significance")
struct SignificanceTests {
    static let first = [0.5, 0.62, 0.41, 0.9, 0.33, 0.71, 0.28, 0.84, 0.55, 0.47]
    static let second = [0.58, 0.6, 0.52, 0.97, 0.35, 0.7, 0.41, 0.9, 0.6, 0.55]

    @Test("the paired t-test has the p-value of scipy 1.17.1's stats.ttest_rel")
    func tTest() throws {
        let p = try #require(Significance.pairedTTest(Self.first, Self.second))
        #expect(abs(p - 0.004822494978375118) < 1e-9)
    }

    @Test("equal values have p 1, and a constant difference has p 0")
    func degenerate() {
        #expect(Significance.pairedTTest([1, 2, 3], [1, 2, 3]) == 1)
        #expect(Significance.pairedTTest([1, 2, 3], [2, 3, 4]) == 0)
        #expect(Significance.pairedTTest([1], [2]) == nil)
        #expect(Significance.randomizationTest([1, 2], [1, 2]) == 1)
    }

    @Test("the randomization test counts sign flips: 3 equal differences are matched by 2 of 8")
    func randomization() throws {
        #expect(Significance.randomizationTest([0, 0, 0], [1, 1, 1]) == 0.25)
        // 8 ways are more than 7, which are therefore drawn: (1 + hits) / 8.
        let drawn = try #require(Significance.randomizationTest([0, 0, 0], [1, 1, 1], permutations: 7))
        #expect((drawn * 8).rounded() == drawn * 8 && drawn > 0)
    }

    @Test("the randomization test is exact over all 1,024 sign flips, and near it where it draws them")
    func randomizationExact() throws {
        let differences = zip(Self.first, Self.second).map { $0 - $1 }
        let observed = abs(differences.reduce(0, +))
        let hits = (0..<1_024).count { mask in
            let sum = differences.indices.reduce(0.0) {
                $0 + (mask >> $1 & 1 == 0 ? differences[$1] : -differences[$1])
            }
            return abs(sum) >= observed - 1e-12
        }
        #expect(Significance.randomizationTest(Self.first, Self.second) == Double(hits) / 1_024)
        // The same ten differences among queries that do not differ have the same p-value.
        let padding = [Double](repeating: 0.5, count: 70)
        #expect(Significance.randomizationTest(Self.first + padding, Self.second + padding) == Double(hits) / 1_024)
        let drawn = try #require(Significance.randomizationTest(Self.first, Self.second, permutations: 1_000))
        #expect(abs(drawn - Double(hits) / 1_024) < 0.03)
    }

    @Test("with more than 64 queries that differ, every one of them changes places")
    func randomizationOfMany() throws {
        // 70 differences of 1 and one of 100: the sum is as large where the last keeps its sign or all turn with it.
        let first = [Double](repeating: 1, count: 70) + [100]
        let p = try #require(Significance.randomizationTest([Double](repeating: 0, count: 71), first))
        // |±100 + Σ±1| >= 170 needs all signs alike: 2 of 2^71.
        #expect(p < 1e-5)
        // Without the last, 35 ± more: sums are binomial, and 0 is reached by all.
        let even = (0..<70).map { Double($0 % 2 * 2 - 1) }
        #expect(Significance.randomizationTest([Double](repeating: 0, count: 70), even) == 1)
    }
}
