import Ranking
import TestSupport
import Testing

@Suite("The order of candidates")
struct CandidateTests {
    private func candidate(_ score: Float, id: String? = nil, index: Int = 0) -> Candidate {
        Candidate(
            document: Document("text", id: id), index: index, score: score, scoreKind: .logit, logit: score, tokens: 5)
    }

    @Test("a higher score goes first, whatever the ids and positions say")
    func scores() {
        #expect(Candidate.precedes(candidate(1, id: "z", index: 9), candidate(0.5, id: "a", index: 0)))
        #expect(!Candidate.precedes(candidate(0.5, id: "a"), candidate(1, id: "z")))
        #expect(Candidate.precedes(candidate(-1), candidate(-2)))
    }

    @Test(
        "of equal scores the id that is first in byte order goes first: \"10\" before \"9\", \"B\" before \"a\", \"z\" before \"é\""
    )
    func ids() {
        for (first, second) in [("10", "9"), ("B", "a"), ("z", "é"), ("a", "ab"), ("", "a"), ("｡", "😀")] {
            #expect(
                Candidate.precedes(candidate(1, id: first, index: 5), candidate(1, id: second, index: 1)),
                "\(first) \(second)")
            #expect(
                !Candidate.precedes(candidate(1, id: second, index: 1), candidate(1, id: first, index: 5)),
                "\(first) \(second)")
        }
    }

    @Test("ids that only look alike are ordered by their bytes: e + accent (65 CC 81) before é (C3 A9)")
    func canonicallyEquivalentIDs() {
        let (decomposed, composed) = ("e\u{301}", "\u{E9}")
        #expect(Candidate.precedes(candidate(1, id: decomposed, index: 2), candidate(1, id: composed, index: 1)))
        #expect(!Candidate.precedes(candidate(1, id: composed, index: 1), candidate(1, id: decomposed, index: 2)))
    }

    @Test("0 and -0 are equal scores")
    func zeros() {
        #expect(Candidate.precedes(candidate(-0.0, id: "a"), candidate(0.0, id: "b")))
    }

    @Test("documents without an id come after those with one, in the order they were given")
    func missingIDs() {
        #expect(Candidate.precedes(candidate(1, id: "z", index: 3), candidate(1, index: 0)))
        #expect(!Candidate.precedes(candidate(1, index: 0), candidate(1, id: "z", index: 3)))
        #expect(Candidate.precedes(candidate(1, index: 0), candidate(1, index: 1)))
        #expect(Candidate.precedes(candidate(1, id: "a", index: 0), candidate(1, id: "a", index: 1)))
        #expect(!Candidate.precedes(candidate(1, index: 1), candidate(1, index: 1)))
    }

    @Test(
        "the order is total: sorting gives one result from any shuffle, and any three agree",
        arguments: 0..<20 as Range<UInt64>)
    func totalOrder(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let ids: [String?] = [nil, "a", "b", "10", "9", "e\u{301}", "\u{E9}", "z"]
        let candidates = (0..<40).map { index in
            candidate(random.pick([-0.0, 0, 1, 2, .infinity]), id: random.pick(ids), index: index)
        }
        let sorted = candidates.sorted(by: Candidate.precedes).map(\.index)
        for _ in 0..<5 {
            #expect(candidates.shuffled(using: &random).sorted(by: Candidate.precedes).map(\.index) == sorted)
        }
        for _ in 0..<500 {
            let (a, b, c) = (random.pick(candidates), random.pick(candidates), random.pick(candidates))
            if a.index == b.index {
                #expect(!Candidate.precedes(a, b))
            } else {
                #expect(Candidate.precedes(a, b) != Candidate.precedes(b, a))
            }
            if Candidate.precedes(a, b), Candidate.precedes(b, c) { #expect(Candidate.precedes(a, c)) }
        }
    }
}
