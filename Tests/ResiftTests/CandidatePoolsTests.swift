import Ranking
import Resift
import Testing

@Suite("A run says which documents each query ranks")
struct CandidatePoolsTests {
    private let documents = [Document("one", id: "d1"), Document("two", id: "d2"), Document("three")]
    private let queries = [Query(id: "q1", text: "a"), Query(id: "q2", text: "b")]

    private func input(_ text: String) -> InputBytes { InputBytes(name: "run", bytes: Array(text.utf8)) }

    @Test(
        "documents come in the order of the run's scores, whatever its ranks say; columns are separated by any white space"
    )
    func run() throws {
        let run = input("q1 Q0 d2 1 9.5 tag\r\n\nq2\tQ0\td1 1 3 tag\n q1  Q0 d1 2 4 tag")
        let pools = try CandidatePools(documents: documents, run: run, queries: queries)
        #expect(pools.documents(for: queries[0]).map(\.id) == ["d2", "d1"])
        #expect(pools.documents(for: queries[1]).map(\.id) == ["d1"])
        #expect(pools.queriesWithoutCandidates == 0)
    }

    @Test("without a run, every query ranks all documents, those without an id too")
    func noRun() throws {
        let pools = try CandidatePools(documents: documents, run: nil, queries: queries)
        #expect(pools.documents(for: queries[1]) == documents)
        #expect(pools.queriesWithoutCandidates == 0)
    }

    @Test("a query that the run has no line for has no candidates, and is counted")
    func missingQuery() throws {
        let pools = try CandidatePools(documents: documents, run: input("q2 Q0 d1 1 3 tag"), queries: queries)
        #expect(pools.documents(for: queries[0]).isEmpty)
        #expect(pools.queriesWithoutCandidates == 1)
    }

    @Test(
        "a run that does not fit is an error",
        arguments: [
            ("q1 Q0 d9 1 3 tag", "run names the document \"d9\", which is not among the documents."),
            ("q9 Q0 d1 1 3 tag", "run has candidates for the query \"q9\", which is not among the queries."),
            ("q1 Q0 d1 1 3 tag\nq1 d1 1 3", "run, line 2: the line has 4 columns."),
            ("q1 Q0 d1 1 3 my tag", "run, line 1: the line has 7 columns."),
            (
                "q1 Q0 d1 1 3 t\nq2 Q0 d1 1 3 t\nq1 Q0 d1 2 1 t",
                "run, line 3: the line repeats document \"d1\" for query \"q1\"."
            ),
            ("", "run has no rankings."), ("\n \n", "run has no rankings."),
        ])
    func broken(text: String, what: String) {
        let error = #expect(throws: RankingError.self) {
            try CandidatePools(documents: documents, run: input(text), queries: queries)
        }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == what)
    }

    @Test("a run that is not UTF-8 is an error with its line")
    func invalidUTF8() {
        let run = InputBytes(name: "run", bytes: Array("q1 Q0 d1 1 3 t\nq1 Q0 ".utf8) + [0xE9] + Array(" 2 1 t".utf8))
        let error = #expect(throws: RankingError.self) {
            try CandidatePools(documents: documents, run: run, queries: queries)
        }
        #expect(error?.what == "run, line 2: the line is not valid UTF-8.")
    }
}
