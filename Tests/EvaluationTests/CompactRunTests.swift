import Evaluation
import Ranking
import TestSupport
import Testing
import TextFiles

@Suite("Runs in little memory")
struct CompactRunTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func compact(_ text: String) throws -> CompactRun {
        try RunReader().compactRun(path: folder.write("run", text))
    }

    private func plain(_ text: String) throws -> Run {
        try RunReader().run(in: InputBytes(name: "run", bytes: Array(text.utf8)))
    }

    @Test(
        "reads what the other reader reads",
        arguments: [
            "1 Q0 a 1 2.5 x\n1 Q0 b 2 -0.125 x\n2 Q0 a 1 3 x\n",
            "\u{FEFF}1 Q0 a 1 2.5 x\r\n\r\n  \t\n# comment\n1\tQ0\tb  2 1 x",
            // Queries that come back, scores that need a full parser, ids beyond ASCII.
            "1 Q0 a 1 1e-3 x\n2 Q0 a 1 1 x\n1 Q0 b 1 +.5 x\n1 Q0 c 1 0.12345678901234567 x\n1 Q0 é 1 7. x\n",
            "1 Q0 a 1 123456789012345 x\n1 Q0 b 1 1234567890123456789 x\n1 Q0 c 1 -0 x\n1 Q0 d 1 0.1 x\n",
            "{\"query_id\": \"1\", \"id\": \"a\", \"score\": 1}\n{\"query_id\": \"1\", \"id\": \"b\", \"score\": 2e2}\n",
        ])
    func sameAsPlain(text: String) throws {
        #expect(try compact(text).run == plain(text))
    }

    @Test(
        "refuses what the other reader refuses, in the same words",
        arguments: [
            "1 Q0 a 1 2.5 x\n1 Q0 b 2 x\n", "1 Q0 a 1 two x\n", "1 Q0 a 1 nan x\n", "1 Q0 a 1 - x\n", "1 Q0 a 1 . x\n",
            "1 Q0 a 1 2 x\n2 Q0 a 1 1 x\n1 Q0 a 2 1 x\n", "", "# only\n", "1 Q0 a 1 2 x y\n", "{\"query_id\": 1}\n",
        ])
    func sameErrors(text: String) throws {
        let own = #expect(throws: RankingError.self) { try compact(text) }
        let expected = #expect(throws: RankingError.self) { try plain(text) }
        #expect(own?.code == expected?.code)
        let folderless = own?.what.replacing(folder.path + "/", with: "")
        #expect(folderless == expected?.what)
    }

    @Test("gives the same figures on random runs with ties, negative grades and documents named like the query")
    func sameFigures() throws {
        var generator = SeededGenerator(seed: 11)
        let measures = try ["nDCG@10", "AP", "RR", "P@5", "Bpref", "Judged@10", "R@20"].map {
            text throws(RankingError) in
            try Measure(parsing: text)
        }
        var (text, qrels) = ("", Qrels())
        for query in 0..<200 {
            for document in 0..<Int.random(in: 1...40, using: &generator) {
                // Some documents have the query's id.
                let id = document == 3 ? "\(query)" : "d\(document)"
                if Bool.random(using: &generator) {
                    text += "\(query) Q0 \(id) 0 \(Double(Int.random(in: -6...6, using: &generator)) / 4) x\n"
                }
                if Bool.random(using: &generator) {
                    qrels["\(query)", default: [:]][id] = Int.random(in: -2...3, using: &generator)
                }
            }
        }
        let (run, compact) = (try plain(text), try compact(text))
        for ignores in [false, true] {
            let evaluator = Evaluator(measures, ignoresIdenticalIDs: ignores)
            let (own, expected) = (evaluator.evaluate(compact, qrels), evaluator.evaluate(run, qrels))
            #expect(own.values == expected.values)
            #expect(own.missingQueries == expected.missingQueries)
            #expect(own.unjudgedQueries == expected.unjudgedQueries)
        }
    }
}
