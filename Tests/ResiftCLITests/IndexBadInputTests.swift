import Foundation
import FuzzMutations
import OrderedJSON
import TestSupport
import Testing

@Suite("Bad input to index and search ends with what, why and fix, and changes nothing", .blocking)
struct IndexBadInputTests {
    private static let lines = [
        #"{"_id": "a", "text": "The river", "year": 2020}"#, #"{"_id": "b", "text": "A boat", "made": "2024-05-01"}"#,
    ]
    private let index: TestIndex

    init() throws { index = try TestIndex(IndexBadInputTests.lines) }

    /// Builds a new index of one file.
    private func build(_ name: String, _ bytes: [UInt8], _ options: [String] = []) throws -> Resift.Output {
        let file = try index.folder.write(name, bytes)
        return try index.run("build", [file, "--output", index.folder.path + "/new.resift"] + options)
    }

    private func build(_ name: String, _ text: String, _ options: [String] = []) throws -> Resift.Output {
        try build(name, Array(text.utf8), options)
    }

    private func expectNothingBuilt(sourceLocation: SourceLocation = #_sourceLocation) {
        let exists = FileManager.default.fileExists(atPath: index.folder.path + "/new.resift")
        #expect(!exists, sourceLocation: sourceLocation)
    }

    // MARK: Corpora

    @Test("an id that comes twice is named with its file and line, wherever the first is")
    func duplicates() throws {
        let twice = #"{"_id": "x", "text": "one"}"# + "\n" + #"{"_id": "x", "text": "two"}"# + "\n"
        expectError(
            try build("twice.jsonl", twice), status: 65,
            "twice.jsonl, line 2: There are two documents with the id \"x\".")
        expectNothingBuilt()
        let far = (0..<600).map { #"{"_id": "n\#($0)", "text": "t"}"# } + [#"{"_id": "n0", "text": "t"}"#]
        expectError(
            try build("far.jsonl", far.joined(separator: "\n")), status: 65, "far.jsonl, line 601: There are two")
        expectNothingBuilt()
        let own = [#"{"_id": "new", "text": "t"}"#, #"{"_id": "a", "text": "t"}"#]
        expectError(try index.add(own), status: 65, "added.jsonl, line 2: There are two documents with the id \"a\".")
        try index.expectWhole(documents: 2)
    }

    @Test("a document without an id is named; --number-documents gives it one")
    func missingID() throws {
        let text = #"{"_id": "x", "text": "one"}"# + "\n" + #"{"text": "two"}"#
        expectError(
            try build("c.jsonl", text), status: 65, "c.jsonl, line 2: the document has no \"id\" and no \"_id\".")
        expectError(
            try build("d.jsonl", text, ["--id-field", "key"]), status: 65,
            "d.jsonl, line 1: the document has no \"key\".")
        expectError(
            try build("e.jsonl", #"{"_id": "", "text": "one"}"#), status: 65,
            "e.jsonl, line 1: the document has an empty id."
        )
        expectError(try build("t.csv", "name,text\nx,y\n", ["--id-field", "key"]), status: 65, "t.csv")
        expectNothingBuilt()
        try expectSuccess(build("f.jsonl", text, ["--number-documents"]))
    }

    @Test("an empty corpus is refused")
    func emptyCorpus() throws {
        for (name, text) in [("empty.jsonl", ""), ("blank.jsonl", "\n \n"), ("array.json", "[]"), ("t.csv", "")] {
            let output = try build(name, text)
            expectError(output, status: 65, "The corpus has no documents.")
            expectNothingBuilt()
        }
        expectError(try index.run("build", ["/nowhere", "--output", "x"]), status: 66, "/nowhere cannot be read")
    }

    @Test("damaged gzip, text in another encoding, broken JSON and too long lines are named with their place")
    func damagedCorpora() throws {
        let good = gzip(Array(IndexBadInputTests.lines.joined(separator: "\n").utf8))
        expectError(try build("cut.jsonl.gz", Array(good.dropLast(6))), status: 74, "cut.jsonl.gz")
        var flipped = good
        flipped[30] ^= 0x20
        expectError(try build("flipped.jsonl.gz", flipped), status: 74, "flipped.jsonl.gz")
        let latin = Array(#"{"_id": "a", "text": "one"}"#.utf8) + [0x0A, 0x22, 0xE9, 0x22, 0x0A]
        expectError(try build("latin.jsonl", latin), status: 65, "latin.jsonl, line 2")
        expectError(
            try build("latin.csv", Array("id,text\na,caf".utf8) + [0xE9, 0x0A]), status: 65, "latin.csv, line 2")
        let broken = #"{"_id": "a", "text": "one"}"# + "\n{\"_id\": \"b\", text}\n"
        expectError(try build("broken.jsonl", broken), status: 65, "broken.jsonl, line 2")
        let long =
            #"{"_id": "a", "text": "one"}"# + "\n" + #"{"_id": "b", "text": "\#(String(repeating: "x", count: 500))"}"#
        expectError(try build("long.jsonl", long, ["--max-line-bytes", "200"]), status: 65, "long.jsonl, line 2")
        expectError(try build("quote.csv", "id,text\na,\"never closed\n"), status: 65, "quote.csv")
        expectNothingBuilt()
    }

    @Test("a document of 10 MB is split into passages, found by all of them, and reported once")
    func hugeDocument() throws {
        let words = (0..<1_500_000).map { "word\($0 % 1_000)" }.joined(separator: " ")
        let text = words + " needle at the end."
        #expect(text.utf8.count > 10_000_000)
        let output = try build("huge.jsonl", #"{"_id": "huge", "text": "\#(text)"}"#, ["--format", "json"])
        let summary = try Summary(try expectSuccess(output))
        #expect(summary["added"] == "1")
        #expect(Int(summary["passages"] ?? "") ?? 0 > 4_000)
        let found = try Resift.run(
            ["search", "needle", "--index", index.folder.path + "/new.resift", "--no-rerank", "--format", "trec"])
        #expect(found.lines.map { $0.split(separator: " ")[2] } == ["huge"])
    }

    // MARK: Filters and queries

    @Test("a filter that cannot be read points at the place with a caret")
    func malformedFilter() throws {
        let output = try index.search("river", ["--filter", "year > 2020 and and made"])
        #expect(
            output.stderr == """
                error: The filter has "made" at column 21, where one of = != < <= > >= in, not in should be.
                  why: It cannot be read beyond this place:
                    year > 2020 and and made
                                        ^
                  fix: Write for example: created_at > now-30d and tags in (a, 'b c').

                """)
        #expect(output.status == 65)
    }

    @Test("a filter on an unknown field suggests the one that was meant, one of a wrong kind says the field's kind")
    func wrongFilters() throws {
        let unknown = try index.search("river", ["--filter", "yaer > 2020"])
        expectError(unknown, status: 65, "No document has the metadata field \"yaer\".")
        #expect(unknown.stderr.contains("fix: Did you mean \"year\"?"))
        expectError(
            try index.search("river", ["--filter", "year > 2020-01-01"]), status: 65,
            "The metadata field \"year\" is compared with a date, and no document has one there.")
        expectError(
            try index.search("river", ["--candidates", "bm25:10:yaer = 1"]), status: 65, "metadata field \"yaer\"")
    }

    @Test("an analyzer that there is not is refused, with those that there are")
    func analyzer() throws {
        let output = try build("c.jsonl", IndexBadInputTests.lines[0], ["--analyzer", "klingon"])
        expectError(output, status: 65, "klingon")
        #expect(output.stderr.contains("cjk-bigram"))
        expectNothingBuilt()
    }

    // MARK: Embedders

    @Test("another embedder than the index's is refused: of another dimension, or with other vectors")
    func embedders() throws {
        let own = try index.folder.copy(ofModel: Repository.model("bert-bi-encoder-mean"))
        try expectSuccess(index.build(IndexBadInputTests.lines, ["--replace", "--embedder", own]))
        let other = Repository.model("bert-bi-encoder-cls")
        expectError(
            try index.search("river", ["--no-rerank", "--embedder", other]), status: 65,
            "is not the model that the index was built with")
        let more = [#"{"_id": "c", "text": "fog"}"#]
        expectError(try index.add(more, ["--embedder", other]), status: 65, "is not the model")
        expectError(
            try index.add(more, ["--embedder", smallerEmbedder()]), status: 65,
            "makes vectors of 8 dimensions; the index has 48.")
        let moved = own + "-moved"
        try FileManager.default.moveItem(atPath: own, toPath: moved)
        let gone = try index.search("river", ["--no-rerank"])
        expectError(gone, status: 66, own)
        #expect(gone.stderr.contains("--embedder DIRECTORY"))
        try expectSuccess(index.add(more, ["--embedder", moved]))
        try index.expectWhole(documents: 3)
        let plain = try TestIndex(IndexBadInputTests.lines)
        expectError(try plain.search("river", ["--embedder", moved]), status: 65, "The index has no vectors")
    }

    /// A bi-encoder of random weights with vectors of 8 dimensions, in the layout of another one.
    private func smallerEmbedder() throws -> String {
        var checkpoint = TinyCheckpoint()
        checkpoint.hasHead = false
        let copy = try index.folder.copy(ofModel: Repository.model("bert-bi-encoder-mean"))
        let name = URL(fileURLWithPath: copy).lastPathComponent
        try index.folder.write(name + "/config.json", checkpoint.configText)
        try index.folder.write(name + "/tokenizer.json", checkpoint.tokenizerText)
        try index.folder.write(name + "/model.safetensors", SafetensorsBuilder(checkpoint.tensors()).bytes)
        try index.folder.edit(copy + "/1_Pooling/config.json") {
            $0["word_embedding_dimension"] = .number(JSONNumber(8))
        }
        try index.folder.edit(copy + "/sentence_bert_config.json") { $0["max_seq_length"] = .number(JSONNumber(24)) }
        return copy
    }
}
