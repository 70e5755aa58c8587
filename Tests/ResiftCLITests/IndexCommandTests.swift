import Foundation
import OrderedJSON
import TestSupport
import Testing

@Suite("resift index", .blocking)
struct IndexCommandTests {
    private static let lines = [
        #"{"_id": "a", "title": "Boats", "text": "The river carries boats", "year": 2020}"#,
        #"{"_id": "b", "text": "The council met by the river river", "year": 2021, "metadata": {"tags": ["city"]}}"#,
        #"{"_id": "c", "text": "Temperatures fell overnight"}"#,
    ]

    // MARK: Sources

    /// Builds from what `corpus` writes into a folder, and returns what a search for "river" finds.
    private func built(
        _ corpus: (TemporaryFolder) throws -> [String], input: String = "", _ options: [String] = []
    ) throws -> (summary: Summary, rivers: [String]) {
        let index = try TestIndex()
        let arguments = try corpus(index.folder) + ["--output", index.path, "--format", "json"] + options
        let output = try index.run("build", arguments, input: input)
        try expectSuccess(output)
        let summary = try Summary(output)
        try index.expectWhole(documents: Int(summary["added"] ?? "") ?? -1)
        return (summary, try index.ids("river"))
    }

    @Test("build reads JSON Lines, the same compressed with gzip, a JSON array, and standard input")
    func buildJSON() throws {
        let text = IndexCommandTests.lines.joined(separator: "\n")
        let array = "[" + IndexCommandTests.lines.joined(separator: ",\n") + "]"
        for (summary, rivers) in [
            try built { [try $0.write("c.jsonl", text)] },
            try built { [try $0.write("c.jsonl.gz", gzip(Array(text.utf8)))] },
            try built { [try $0.write("c.json", array)] },
            try built({ _ in ["-"] }, input: text),
        ] {
            #expect(summary["added"] == "3")
            #expect(summary["passages"] == "3")
            #expect(summary["added_by_an_interrupted_build"] == nil)
            // "b" has the word twice.
            #expect(rivers == ["b", "a"])
        }
    }

    @Test("build reads tables: columns by name, two columns without names, commas and tabs, gzip too")
    func buildTables() throws {
        let csv = "sku,name,text\na,Boats,\"a \"\"wide\"\" river, slow\"\nb,Council,\"river\nriver\"\nc,x,fog\n"
        let options = ["--id-field", "sku", "--title-field", "name"]
        #expect(try built({ [try $0.write("t.csv", csv)] }, options).rivers == ["b", "a"])
        #expect(try built({ [try $0.write("t.csv.gz", gzip(Array(csv.utf8)))] }, options).rivers == ["b", "a"])
        let tsv = "a\tthe wide slow river\nb\triver river\nc\tfog\n"
        #expect(try built { [try $0.write("t.tsv", tsv)] }.rivers == ["b", "a"])
    }

    @Test("build reads a BEIR directory, whose corpus.jsonl is the corpus")
    func buildBEIR() throws {
        let (summary, rivers) = try built { folder in
            let directory = folder.path + "/beir"
            try FileManager.default.createDirectory(atPath: directory + "/qrels", withIntermediateDirectories: true)
            try folder.write("beir/corpus.jsonl", IndexCommandTests.lines.joined(separator: "\n"))
            try folder.write("beir/queries.jsonl", #"{"_id": "q", "text": "river"}"#)
            return [directory]
        }
        #expect(summary["added"] == "3")
        #expect(rivers == ["b", "a"])
    }

    @Test("build reads the text, Markdown and HTML files of a directory by their paths, and says what it passed over")
    func buildDirectory() throws {
        let index = try TestIndex()
        defer { withExtendedLifetime(index.folder) {} }
        let docs = index.folder.path + "/docs"
        try FileManager.default.createDirectory(atPath: docs + "/sub", withIntermediateDirectories: true)
        try index.folder.write("docs/a.txt", "a slow river here")
        try index.folder.write("docs/b.md", "# Council\n\nriver river")
        try index.folder.write(
            "docs/sub/c.html", "<html><head><title>Fog</title></head><body><p>no water<script>river</script></p></body>"
        )
        try index.folder.write("docs/d.bin", "river")
        let output = try index.run("build", [docs, "--output", index.path, "--format", "json"])
        #expect(output.stderr.contains("note: files of other kinds were not read: 1 .bin"), "\(output.stderr)")
        #expect(try Summary(output)["added"] == "3")
        #expect(try index.ids("river") == ["b.md", "a.txt"])
        #expect(try index.ids("fog water") == ["sub/c.html"])
        #expect(try index.ids("river", ["--filter", "extension = md"]) == ["b.md"])
    }

    // MARK: Building again

    @Test("build refuses to write over an index without --replace, and over what is no index always")
    func replacing() throws {
        let index = try TestIndex(IndexCommandTests.lines)
        defer { withExtendedLifetime(index.folder) {} }
        expectError(try index.build(IndexCommandTests.lines), status: 65, "exists already")
        try index.expectWhole(documents: 3)
        try expectSuccess(index.build([IndexCommandTests.lines[0]], ["--replace"]))
        try index.expectWhole(documents: 1)
        let foreign = try index.folder.write("letter.txt", "Dear all")
        let output = try index.run(
            "build", [try index.file(IndexCommandTests.lines), "--output", foreign, "--replace"])
        expectError(output, status: 74, "is not an index")
        #expect(try String(contentsOfFile: foreign, encoding: .utf8) == "Dear all")
    }

    @Test("info says what is in the index")
    func info() throws {
        let index = try TestIndex(IndexCommandTests.lines, ["--passage-tokens", "128", "--overlap-tokens", "16"])
        defer { withExtendedLifetime(index.folder) {} }
        let info = try Summary(try expectSuccess(index.look("info")))
        // boat river carri (twice "boat": title) | council met river (x2) | temperatur fell overnight.
        for (field, value) in [
            ("documents", "3"), ("passages", "3"), ("deleted_passages", "0"), ("terms", "8"), ("analyzer", "english"),
            ("passage_tokens", "128"), ("overlap_tokens", "16"), ("embedder", "null"), ("tenant_field", "null"),
            ("metadata_fields", #"["tags", "year"]"#), ("mean_passage_terms", "3.67"),
        ] {
            #expect(info[field] == value, "\(field)")
        }
        let size = try FileManager.default.attributesOfItem(atPath: index.path)[.size] as? Int
        #expect(info["bytes"] == size.map { "\($0)" })
        let table = try Resift.run(["index", "info", index.path]).lines
        #expect(table.contains("documents           3"), "\(table)")
    }

    // MARK: Changing

    @Test("add refuses ids that the index has, keeps the old documents with skip, takes the new ones with update")
    func existing() throws {
        let changed = [#"{"_id": "c", "text": "a river in the fog"}"#, #"{"_id": "d", "text": "river river river"}"#]
        let outcomes: [(String, [String], [String?]?)] = [
            ("refuse", ["b", "a"], nil), ("skip", ["d", "b", "a"], ["1", nil, "1"]),
            ("update", ["d", "b", "c", "a"], ["1", "1", nil]),
        ]
        for (existing, found, counts) in outcomes {
            let index = try TestIndex(IndexCommandTests.lines)
            defer { withExtendedLifetime(index.folder) {} }
            let output = try index.add(changed, ["--existing", existing])
            if let counts {
                let summary = try Summary(try expectSuccess(output))
                #expect([summary["added"], summary["updated"], summary["skipped"]] == counts, "\(existing)")
            } else {
                expectError(output, status: 65, "added.jsonl, line 1: There are two documents with the id \"c\".")
            }
            #expect(try index.ids("river") == found, "\(existing)")
            try index.expectWhole(documents: existing == "refuse" ? 3 : 4)
        }
    }

    @Test(
        "skip keeps the first of two documents with one id, wherever they are in the corpus", arguments: [1, 255, 700])
    func skipTwins(distance: Int) throws {
        let index = try TestIndex(IndexCommandTests.lines)
        defer { withExtendedLifetime(index.folder) {} }
        let between = (1..<distance).map { #"{"_id": "n\#($0)", "text": "fog"}"# }
        let twins = [#"{"_id": "t", "text": "first twin"}"#] + between + [#"{"_id": "t", "text": "second twin"}"#]
        let summary = try Summary(try expectSuccess(index.add(twins, ["--existing", "skip"])))
        #expect(summary["added"] == "\(distance)")
        #expect(summary["skipped"] == "1")
        #expect(try index.ids("first") == ["t"])
        #expect(try index.ids("second") == [])
    }

    @Test("delete takes ids and a file of ids, all or none; --ignore-missing passes over unknown ones")
    func delete() throws {
        let index = try TestIndex(IndexCommandTests.lines)
        defer { withExtendedLifetime(index.folder) {} }
        expectError(try index.delete(["a", "nobody"]), status: 66, "has no document \"nobody\"")
        try index.expectWhole(documents: 3)
        let output = try expectSuccess(index.delete(["a", "nobody"], ["--ignore-missing"]))
        #expect(try Summary(output)["deleted"] == "1")
        #expect(try Summary(output)["missing"] == "1")
        #expect(try index.ids("river") == ["b"])
        let list = try index.folder.write("gone.txt", "b\n\nc\n")
        #expect(try Summary(try expectSuccess(index.delete([], ["--ids", list])))["deleted"] == "2")
        try index.expectWhole(documents: 0)
        #expect(try index.ids("river") == [])
        #expect(try index.delete([]).status == 64)
    }

    @Test("compact removes what was deleted, gives the space back, and changes no ranking")
    func compact() throws {
        let many = (0..<2_000).map { number in
            let year = number % 50 == 0 ? "" : #", "year": \#(number % 7)"#
            return #"{"_id": "d\#(number)", "text": "river w\#(number % 13) w\#(number % 7) w\#(number)"\#(year)}"#
        }
        let index = try TestIndex(many)
        defer { withExtendedLifetime(index.folder) {} }
        try expectSuccess(index.delete((0..<2_000).filter { $0 % 3 != 0 }.map { "d\($0)" }))
        let options = ["--filter", "year > 2", "--no-rerank", "--format", "jsonl", "--limit", "500"]
        let before = try expectSuccess(index.search("river w3 w5", options)).stdout
        let summary = try Summary(try expectSuccess(index.look("compact")))
        #expect(summary["removed_passages"] == "1333")
        let bytes = try #require(Int(summary["bytes"] ?? ""))
        #expect(bytes < Int(summary["bytes_before"] ?? "") ?? 0)
        #expect(try index.search("river w3 w5", options).stdout == before)
        #expect(before.split(separator: "\n").count > 100)
        try index.expectWhole(documents: 667)
        #expect(try Summary(try index.look("info"))["deleted_passages"] == "0")
    }

    @Test("verify names the commands' damage in its summary and ends with status 74")
    func verify() throws {
        let index = try TestIndex(IndexCommandTests.lines)
        defer { withExtendedLifetime(index.folder) {} }
        let whole = try Summary(try expectSuccess(index.look("verify")))
        // 4 + 4 + 3 terms, of which "boat" and "river" come twice in one passage: 3 + 3 + 3 postings.
        #expect(whole["postings"] == "9")
        #expect(whole["problems"] == nil)
        let id = Array("Temperatures fell overnight".utf8)
        try index.folder.editBytes(index.path) { bytes in
            guard let range = bytes.range(of: Data(id)) else { return }
            bytes.replaceSubrange(range, with: Data("Temperatures rose overnight".utf8))
        }
        let output = try index.look("verify")
        #expect(output.status == 74)
        #expect(try Summary(output)["result"] == "damaged")
        #expect(try Summary(output)["problems"] == #"["The postings are not those of the documents' texts."]"#)
    }
}
