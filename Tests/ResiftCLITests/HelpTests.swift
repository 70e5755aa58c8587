import Testing

@Suite("The command explains itself", .blocking)
struct HelpTests {
    @Test(
        "--help of every command is the text in Snapshots, on standard output, with status 0",
        arguments: [
            [], ["rerank"], ["index"], ["index", "build"], ["index", "add"], ["index", "delete"], ["index", "info"],
            ["index", "verify"], ["index", "compact"], ["search"], ["serve"], ["evaluate"], ["tune"], ["cost"],
            ["models"], ["models", "list"], ["models", "pull"], ["models", "fit-exit"],
            ["models", "info"], ["models", "selftest"], ["models", "quantize"], ["models", "prompt"], ["profile"],
        ]
            as [[String]])
    func help(command: [String]) throws {
        let output = try Resift.run(command + ["--help"])
        try Snapshot.expect(output.stdout, is: (["help"] + command).joined(separator: "-"))
        #expect(output.stderr == "")
        #expect(output.status == 0)
    }

    @Test("--version prints the version alone")
    func version() throws {
        #expect(try Resift.run(["--version"]) == Resift.Output(stdout: "0.1.0\n", stderr: "", status: 0))
    }

    @Test(
        "a wrong command line ends with status 64, a message on standard error, and nothing on standard output",
        arguments: [
            (["rerank", "q", "--documents", "-", "--nope"], "Error: Unknown option '--nope'"),
            (["rerank", "q"], "Error: Missing expected argument '--documents <file>'"),
            (["rerank", "--documents", "-"], "Error: Give a query, or --queries FILE."),
            (
                ["rerank", "q", "--documents", "-", "--queries", "f"],
                "Error: Give a query or --queries FILE, not both."
            ),
            (["rerank", "q", "--documents", "-", "--candidates", "f"], "Error: --candidates needs --queries."),
            (
                ["rerank", "q", "--documents", "-", "--limit=-1"],
                "Error: --limit is -1; it counts documents, from 0 (all)."
            ),
            (
                ["rerank", "q", "--documents", "-", "--max-tokens", "0"],
                "Error: --max-tokens is 0; it has to be positive."
            ),
            (
                ["rerank", "q", "--documents", "-", "--max-line-bytes", "0"],
                "Error: --max-line-bytes has to be positive."
            ),
            (["rerank", "q", "--documents", "-", "--threads", "0"], "Error: --threads is 0; it has to be 1 to 1024."),
            (
                ["rerank", "q", "--documents", "-", "--format", "xml"],
                "Error: The value 'xml' is invalid for '--format <format>'"
            ),
            (
                ["rerank", "q", "--documents", "-", "--limit", "many"],
                "Error: The value 'many' is invalid for '--limit <limit>'"
            ),
            (["rerank", "q", "--documents", "-", "--rank-fields", ","], "Error: --rank-fields names no field."),
            (["serch"], "Error: Unexpected argument 'serch'"),
            (["search", "--index", "i"], "Error: Give a query, or --queries FILE."),
            (["search", "q", "--index", "i", "--limit", "0"], "Error: --limit is 0; it counts results, from 1."),
            (
                ["search", "q", "--index", "i", "--stages", "bm25-colbert", "--lexical-weight", "0.3"],
                "Error: --lexical-weight is about --stages hybrid; bm25-colbert has no such share."
            ),
            (["tune"], "Error: Missing expected argument '--dataset <directory>'"),
            (["tune", "--dataset", "d", "--weights", "2"], "Error: --weights is \"2\""),
            (["cost", "--queries-per-day", "0", "--pairs-per-second", "1"], "Error: --queries-per-day is 0.0"),
        ])
    func usage(arguments: [String], message: String) throws {
        let output = try Resift.run(arguments)
        #expect(output.status == 64)
        #expect(output.stdout == "")
        #expect(output.stderr.hasPrefix(message), "\(output.stderr)")
        #expect(output.stderr.contains("Usage: resift"))
    }
}
