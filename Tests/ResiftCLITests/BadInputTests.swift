import Foundation
import TestSupport
import Testing

@Suite("Bad input ends with a message and a status, and nothing is ranked", .blocking)
struct BadInputTests {
    private func error(_ what: String, _ why: String, _ fix: String) -> String {
        "error: \(what)\n  why: \(why)\n  fix: \(fix)\n"
    }

    @Test(
        "documents that cannot be used end with status 65",
        arguments: [
            ("", "standard input is empty.", "There is nothing to rank.", "Give at least one document."),
            ("[]", "standard input has no documents.", "The array is empty.", "Give at least one document."),
            (
                "\"one\"\n{\"text\": \"two\"\n",
                "standard input, line 2: the line is not valid JSON: \",\" or \"}\" was expected at column 15.",
                "It is read as JSON Lines, one value a line.",
                "Correct the line, or name the format if it is another (--input-format lines)."
            ),
            (
                "{\"id\": \"a\"}\n{\"id\": \"a\"}\n", "standard input: the id \"a\" appears twice, in lines 1 and 2.",
                "A ranking by id would not say which of the two it means.",
                "Give each document an id of its own, or none."
            ),
            (
                "\"one\"\n7\n", "standard input, line 2: a document is a string or an object.",
                "This is another kind of JSON value.",
                "Write a string, or an object with \"text\"."
            ),
        ])
    func documents(input: String, what: String, why: String, fix: String) throws {
        let output = try Resift.rerank("river", input: input)
        #expect(output == .init(stdout: "", stderr: error(what, why, fix), status: 65))
    }

    @Test("a file that is not there ends with status 66, an empty one with 65")
    func files() throws {
        let folder = try TemporaryFolder()
        let missing = folder.path + "/none.jsonl"
        #expect(
            try Resift.run(["rerank", "q", "--documents", missing, "--model", Resift.model])
                == .init(
                    stdout: "",
                    stderr: error(
                        "\(missing) cannot be read.", "No such file or directory.",
                        "Check the path and its permissions."),
                    status: 66))
        let empty = try folder.write("empty.jsonl", "")
        #expect(
            try Resift.run(["rerank", "q", "--documents", empty, "--model", Resift.model])
                == .init(
                    stdout: "",
                    stderr: error("\(empty) is empty.", "There is nothing to rank.", "Give at least one document."),
                    status: 65))
    }

    @Test("a line that is not UTF-8 ends with status 65 and its number")
    func invalidUTF8() throws {
        let input = Array("one\ntwo\ncaf".utf8) + [0xE9, 0x0A]
        let output = try Resift.run(["rerank", "q", "--documents", "-", "--model", Resift.model], input: input)
        let expected = error(
            "standard input, line 3: the line is not valid UTF-8.", "The file is in another encoding, or not text.",
            "Convert it, for example with: iconv -f LATIN1 -t UTF-8.")
        #expect(output == .init(stdout: "", stderr: expected, status: 65))
    }

    @Test("an empty query ends with status 65", arguments: ["", " \n"])
    func emptyQuery(query: String) throws {
        let expected = error(
            "The query is empty.", "A document can only be relevant to something.",
            "Give a query with at least one character that is not white space.")
        #expect(try Resift.rerank(query, input: "water") == .init(stdout: "", stderr: expected, status: 65))
    }

    @Test("an empty document is no error but a document")
    func emptyDocument() async throws {
        let scores = try await Resift.scores("river", ["", "water"])
        let output = try Resift.rerank("river", ["--format", "tsv"], input: "\"\"\n{\"text\": \"water\"}\n")
        let texts = ["", "water"]
        let lines = Resift.order(scores).enumerated().map { "\($0 + 1)\t\($1)\t\(scores[$1])\t\(texts[$1])\n" }
        #expect(output == .init(stdout: lines.joined(), stderr: "", status: 0))
    }

    @Test("a line of 100 MB ends with status 65 and its length; the limit is 64 MiB")
    func hugeLine() throws {
        var input = [UInt8](repeating: UInt8(ascii: "a"), count: 100_000_000)
        input.insert(contentsOf: Array("small\n".utf8), at: 0)
        let output = try Resift.run(["rerank", "q", "--documents", "-", "--model", Resift.model], input: input)
        // 64 * 1,024 * 1,024 = 67,108,864.
        let expected = error(
            "standard input, line 2: the line is 100000000 bytes long.", "The limit is 67108864 bytes a line.",
            "Check the input format, cut the line, or raise --max-line-bytes.")
        #expect(output == .init(stdout: "", stderr: expected, status: 65))
    }

    @Test("options that no ranking can follow end with status 65")
    func options() throws {
        for (options, what) in [
            (["--min-score", "nan"], "The minimum score is not a number."), (["--label", "4"], "There is no label 4."),
            (["--max-tokens", "4"], "A window of 4 tokens has no room for a query and a document."),
            (["--long-documents", "split", "--overlap", "-2"], "Passages are to overlap by -2 tokens."),
            (["--rank-fields", "author"], "A document has none of the fields author."),
        ] {
            // A negative number would be taken for an option.
            let arguments = options.count == 4 ? [options[0], options[1], "\(options[2])=\(options[3])"] : options
            let output = try Resift.rerank("river", arguments, input: "{\"text\": \"water\"}")
            #expect(output.status == 65 && output.stdout == "", "\(options)")
            #expect(output.stderr.hasPrefix("error: \(what)\n  why: "), "\(output.stderr)")
        }
    }

    @Test("--truncation only_second keeps the query whole, and refuses one that leaves no room for a document")
    func onlySecond() throws {
        let arguments = ["--documents", "-", "--model", Resift.model, "--max-tokens", "8", "--truncation"]
        let query = "river water council election temperature budget"
        let refused = try Resift.run(["rerank", query] + arguments + ["only_second"], input: "one two three\n")
        #expect(refused.status == 65)
        #expect(refused.stderr.contains("truncate with longest_first"))
        let cut = try Resift.run(["rerank", query] + arguments + ["longest_first"], input: "one two three\n")
        #expect(cut.status == 0)
    }
}
