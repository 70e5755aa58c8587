import TestSupport
import Testing

@Suite("resift evaluate", .blocking)
struct EvaluateCommandTests {
    private let folder: TemporaryFolder
    private let qrels: String
    private let first: String
    private let second: String

    /// Query 1 has one relevant document, a; query 2 has b (grade 2) and c (grade 1).
    init() throws {
        folder = try TemporaryFolder()
        qrels = try folder.write("qrels.txt", "1 0 a 1\n1 0 b 0\n2 0 b 2\n2 0 c 1\n")
        first = try folder.write("first.trec", "1 Q0 b 1 2 x\n1 Q0 a 2 1 x\n2 Q0 c 1 2 x\n2 Q0 b 2 1 x\n")
        second = try folder.write("second.trec", "1 Q0 a 1 2 y\n1 Q0 b 2 1 y\n2 Q0 c 1 2 y\n2 Q0 b 2 1 y\n")
    }

    @Test("JSON is an object of runs, each an object of measures with 6 decimals")
    func json() throws {
        let output = try Resift.run([
            "evaluate", first, "--qrels", qrels, "--measure", "RR", "--measure", "nDCG@10", "--format", "json",
        ])
        // RR: (1/2 + 1) / 2. nDCG: query 1 is 1/log2 3 = .630930; query 2 is (1 + 2/log2 3) / (2 + 1/log2 3) = .859719.
        #expect(
            output
                == .init(
                    stdout: "{\n  \"\(first)\": {\n    \"RR\": 0.75,\n    \"nDCG@10\": 0.745324\n  }\n}\n", stderr: "",
                    status: 0))
    }

    @Test("several runs are compared with the first: change, p-values, wins, ties and losses")
    func comparison() throws {
        let output = try Resift.run([
            "evaluate", first, second, "--qrels", qrels, "--measure", "MRR", "--format", "tsv",
        ])
        // Query 1 gains 1/2 and query 2 nothing: the mean gains 1/4; t = 1 with one degree of freedom, p = 1/2; of the
        // sign flips of one difference, all are as large.
        let expected = [
            "run\tquery\tmeasure\tvalue\tchange\tp (t-test)\tp (random.)\twin/tie/loss",
            "\(first)\tall\tRR\t0.7500\t\t\t\t", "\(second)\tall\tRR\t1.0000\t+0.2500\t0.5000\t1.0000\t1/1/0",
        ]
        #expect(output == .init(stdout: expected.joined(separator: "\n") + "\n", stderr: "", status: 0))
    }

    @Test("-q prints each query before the mean")
    func perQuery() throws {
        let output = try Resift.run([
            "evaluate", first, "--qrels", qrels, "--measure", "P(rel=2)@1", "-q", "--format", "markdown",
        ])
        let expected = """
            | run | query | measure | value |
            |---|---|---|---|
            | \(first) | 1 | P(rel=2)@1 | 0.0000 |
            | \(first) | 2 | P(rel=2)@1 | 0.0000 |
            | \(first) | all | P(rel=2)@1 | 0.0000 |

            """
        #expect(output == .init(stdout: expected, stderr: "", status: 0))
    }

    @Test("an unmet minimum ends with status 1 and says by how much; a met one with 0")
    func minimum() throws {
        let command = ["evaluate", first, "--qrels", qrels, "--measure", "RR", "--format", "json"]
        let unmet = try Resift.run(command + ["--min", "RR=0.8"])
        #expect(unmet.status == 1)
        #expect(unmet.stderr == "unmet: RR is 0.750000, less than 0.8\n")
        #expect(try Resift.run(command + ["--min", "RR=0.75"]).status == 0)
    }

    @Test("judged queries that the run misses are counted in a note")
    func missingQueries() throws {
        let short = try folder.write("short.trec", "1 Q0 a 1 2 x\n3 Q0 a 1 1 x\n")
        let output = try Resift.run(["evaluate", short, "--qrels", qrels, "--measure", "RR", "--format", "json"])
        #expect(output.stdout.contains("\"RR\": 0.5\n"))
        #expect(
            output.stderr == """
                note: \(short) has no ranking for 1 judged queries; they count 0
                note: \(short) has 1 queries without judgements; they do not count

                """)
    }

    @Test("bad input ends with status 65, or 66 where a file is missing, and nothing on standard output")
    func badInput() throws {
        let broken = try folder.write("broken.trec", "1 Q0 a 1 nan x\n")
        let cases: [([String], Int32, String)] = [
            ([broken, "--qrels", qrels], 65, "line 1: the line has the score \"nan\""),
            ([first, "--qrels", qrels, "--measure", "nDGC@10"], 65, "\"nDGC@10\" is no measure"),
            ([first, "--qrels", qrels, "--min", "RR"], 65, "\"RR\" is no minimum"),
            ([first, "--qrels", folder.path + "/none"], 66, "cannot be read"),
            ([first], 64, "Missing expected argument '--qrels <file>'"),
            ([first, first, "--qrels", qrels], 64, "is given twice"),
        ]
        for (arguments, status, message) in cases {
            let output = try Resift.run(["evaluate"] + arguments)
            #expect(output.status == status, "\(output.stderr)")
            #expect(output.stdout == "")
            #expect(output.stderr.contains(message), "\(output.stderr)")
        }
    }
}
