import Evaluation
import Ranking
import Testing

@Suite("Measures by hand")
struct MeasureTests {
    /// Judgements d1 1, d2 0, d3 3, dn -1; run dn 3, d3 2, d1 1: the order is dn, d3, d1.
    let ranking = JudgedRanking(
        scores: ["dn": 3, "d3": 2, "d1": 1], grades: ["d1": 1, "d2": 0, "d3": 3, "dn": -1])

    private func value(_ measure: String, _ ranking: JudgedRanking? = nil) throws -> Double {
        try Measure(parsing: measure).value(ranking ?? self.ranking)
    }

    @Test("the worked example of trec_eval has its published values")
    func workedExample() throws {
        #expect(abs(try value("AP") - (1 / 2.0 + 2 / 3.0) / 2) < 1e-12)
        #expect(try value("RR") == 1 / 2.0)
        #expect(try value("P@5") == 2 / 5.0)
        #expect(try value("R@10") == 1)
        #expect(abs(try value("nDCG@10") - 0.65900180) < 1e-8)
        #expect(try value("Success@1") == 0)
    }

    @Test("equal scores are ordered by document id, descending")
    func ties() throws {
        let tied = JudgedRanking(scores: ["d1": 1, "d2": 1, "d3": 1], grades: ["d1": 1, "d2": 0, "d3": 3])
        #expect(tied.grades == [3, 0, 1])
        #expect(abs(try value("AP", tied) - (1 / 1.0 + 2 / 3.0) / 2) < 1e-12)
        // (3 / log2 2 + 1 / log2 4) / (3 / log2 2 + 1 / log2 3)
        #expect(abs(try value("nDCG", tied) - 3.5 / (3 + 1 / 1.5849625007211562)) < 1e-12)
    }

    @Test("the exponential gain of a grade is 2^grade - 1")
    func exponentialGain() throws {
        // 7 / log2 3 + 1 / log2 4, over 7 / log2 2 + 1 / log2 3
        let expected = (7 / 1.5849625007211562 + 1 / 2.0) / (7 + 1 / 1.5849625007211562)
        #expect(abs(try value("nDCG(gain=exponential)@10") - expected) < 1e-12)
    }

    @Test("a relevance level moves what counts")
    func relevanceLevel() throws {
        #expect(try value("P(rel=2)@10") == 1 / 10.0)
        #expect(try value("R(rel=2)@10") == 1)
        #expect(try value("RR(rel=4)") == 0)
    }

    @Test("RBP weighs rank i by (1 - p) p^(i-1)")
    func rankBiasedPrecision() throws {
        #expect(abs(try value("RBP(p=0.5)") - (0.5 * 0.5 + 0.5 * 0.25)) < 1e-12)
        #expect(abs(try value("RBP") - (0.2 * 0.8 + 0.2 * 0.64)) < 1e-12)
    }

    @Test("ERR multiplies the chances of not having stopped")
    func expectedReciprocalRank() throws {
        // satisfaction 0, 7/16, 1/16 at ranks 1, 2, 3
        #expect(abs(try value("ERR@20") - (7 / 16.0 / 2 + 9 / 16.0 * 1 / 16.0 / 3)) < 1e-12)
    }

    @Test("judged counts grade 0 but not negative grades, over what was retrieved")
    func judged() throws {
        #expect(try value("Judged@10") == 2 / 3.0)
        #expect(try value("Judged@1") == 0)
    }

    @Test("context precision divides by what was retrieved, precision by the cutoff")
    func contextPrecision() throws {
        #expect(try value("ContextPrecision@10") == 2 / 3.0)
        #expect(try value("P@10") == 2 / 10.0)
        #expect(try value("ContextRecall") == 1)
    }

    @Test("a query without relevant documents gives 0, never a division by zero", arguments: Measure.Family.allCases)
    func nothingRelevant(family: Measure.Family) {
        let measure = Measure(family, cutoff: family == .rPrecision || family == .bpref ? nil : 10)
        #expect(measure.value(JudgedRanking(scores: [:], grades: [:])) == 0)
        let irrelevant = measure.value(JudgedRanking(scores: ["a": 1], grades: ["a": 0]))
        #expect(irrelevant == (family == .judged ? 1 : 0))
    }

    @Test(
        "what a measure prints parses back to it",
        arguments: [
            "nDCG@10", "nDCG", "nDCG(gain=exponential)@5", "RR", "RR@10", "AP", "AP(rel=2)@100", "P(rel=2)@10", "R@100",
            "Success@1", "Rprec", "Rprec(rel=3)", "Judged@10", "Bpref", "RBP", "RBP(rel=2,p=0.5)@20", "ERR@20",
            "ERR(max=3)@10", "ContextPrecision@5", "ContextRecall",
        ])
    func spelling(text: String) throws {
        #expect(try Measure(parsing: text).description == text)
    }

    @Test("MAP is AP, MRR is RR, in any case", arguments: [("MAP", "AP"), ("mrr@10", "RR@10"), ("ndcg@10", "nDCG@10")])
    func aliases(alias: String, name: String) throws {
        #expect(try Measure(parsing: alias) == Measure(parsing: name))
    }

    @Test(
        "what is no measure is refused",
        arguments: [
            "", "nDGC@10", "P", "P@0", "P@x", "nDCG@-1", "Rprec@5", "RBP(p=2)", "P(p=0.5)@5", "nDCG(rel=2)@10",
            "AP(x=1)",
            "AP(rel=)",
        ])
    func refused(text: String) {
        let error = #expect(throws: RankingError.self) { try Measure(parsing: text) }
        #expect(error?.code == .invalidInput)
    }
}
