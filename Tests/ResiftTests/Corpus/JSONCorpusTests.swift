import OrderedJSON
import Ranking
import Resift
import Retrieval
import TestSupport
import Testing

@Suite("A corpus is read from JSON")
struct JSONCorpusTests {
    @Test("a line is a document: id or _id, title, text, and the rest as metadata in its order")
    func lines() throws {
        let documents = try Corpus().documents(
            of: "c.jsonl",
            """
            {"_id": "a", "title": "T", "text": "one", "year": 2021, "tags": ["x"]}\r

            {"text": "two", "id": 7}
            {"id": "é東 🙂", "title": "only a title", "text": null}
            """)
        #expect(
            documents == [
                IndexDocument(
                    id: "a", title: "T", text: "one", metadata: try object(#"{"year": 2021, "tags": ["x"]}"#)),
                IndexDocument(id: "7", text: "two"), IndexDocument(id: "é東 🙂", title: "only a title", text: ""),
            ])
    }

    @Test("the members of an object named metadata are metadata; a field of the document itself wins")
    func metadata() throws {
        let documents = try Corpus().documents(
            of: "c.jsonl",
            """
            {"_id": "1", "text": "x", "metadata": {"url": "u", "year": 1}, "year": 2}
            {"_id": "2", "text": "x", "metadata": "m"}
            """)
        #expect(documents[0].metadata == (try object(#"{"year": 2, "url": "u"}"#)))
        #expect(documents[1].metadata == (try object(#"{"metadata": "m"}"#)))
    }

    @Test("a key that comes twice keeps its last value")
    func duplicateKeys() throws {
        let documents = try Corpus().documents(of: "c.jsonl", #"{"id": "1", "text": "a", "text": "b", "x": 1, "x": 2}"#)
        #expect(documents == [IndexDocument(id: "1", text: "b", metadata: try object(#"{"x": 2}"#))])
    }

    @Test("an object without title and text is read as all its fields, which stay metadata")
    func rendered() throws {
        let documents = try Corpus().documents(of: "c.jsonl", #"{"id": "1", "name": "Kettle", "price": 30}"#)
        #expect(documents[0].text == "name: Kettle\nprice: 30")
        #expect(documents[0].metadata == (try object(#"{"name": "Kettle", "price": 30}"#)))
    }

    @Test("other fields can hold id, title and text")
    func fields() throws {
        let corpus = try Corpus {
            ($0.idField, $0.titleField, $0.textField) = ("docno", "head", "body")
        }
        let documents = try corpus.documents(of: "c.jsonl", #"{"docno": "1", "id": "x", "head": "h", "body": "b"}"#)
        #expect(documents == [IndexDocument(id: "1", title: "h", text: "b", metadata: try object(#"{"id": "x"}"#))])
        #expect(
            try corpus.error(of: "c.jsonl", #"{"docno": "1", "text": "b"}"#)
                == "c.jsonl, line 1: the document has no field \"body\".")
    }

    @Test("a document without an id is an error, unless documents are numbered")
    func ids() throws {
        let text = "{\"text\": \"a\"}\n\n\"b\"\n{\"id\": \"own\", \"text\": \"c\"}"
        #expect(
            try Corpus().error(of: "c.jsonl", text) == "c.jsonl, line 1: the document has no \"id\" and no \"_id\".")
        #expect(try Corpus().error(of: "c.jsonl", "\n\"b\"") == "c.jsonl, line 2: the document has no id.")
        let corpus = try Corpus { $0.numbersDocuments = true }
        #expect(try corpus.documents(of: "c.jsonl", text).map(\.id) == ["c:1", "c:2", "own"])
        // Of two sources with one name, the second is told by its path.
        let twice = try corpus.documents("c.jsonl", "c.jsonl").map(\.id)
        #expect(twice == ["c:1", "c:2", "own", "\(corpus.path("c.jsonl")):1", "\(corpus.path("c.jsonl")):2", "own"])
    }

    @Test("a JSON array of objects and strings is read as JSON Lines are, on one line or on many")
    func array() throws {
        let corpus = try Corpus { $0.numbersDocuments = true }
        try corpus.folder.write(
            "a.json", "\u{FEFF} [\n {\"id\": \"1\",\n  \"text\": \"x, ] \\\" } y\"},\r\n\"two\",{\"text\":\"\\\\\"} ]\n"
        )
        let read = try corpus.read(["a.json"])
        #expect(read.map(\.document.id) == ["1", "a:2", "a:3"])
        #expect(read.map(\.document.text) == ["x, ] \" } y", "two", "\\"])
        #expect(read.map(\.position.line) == [2, 4, 4])
    }

    @Test(
        "a broken array is an error with the line",
        arguments: [
            ("[\"a\",\n]", "line 2: the JSON array has a comma without an item."),
            ("[,\"a\"]", "line 1: the JSON array has a comma without an item."),
            ("[\"a\"\n", "line 1: the JSON array is not closed."),
            ("[\"a\"]\n\nx", "line 3: the JSON array is followed by something else."),
            (
                "[\"a\",\n \"b\" 1]",
                "line 2: the line is not valid JSON: there is more after the end of the value at column 5."
            ),
            ("[\"a\",\n{\"x\":\n1,}]", "line 3: the line is not valid JSON: a key in quotes was expected at column 3."),
            ("[3]", "line 1: the document is neither an object nor a string."),
        ])
    func brokenArray(text: String, message: String) throws {
        let corpus = try Corpus { $0.numbersDocuments = true }
        #expect(try corpus.error(of: "a.json", text) == "a.json, \(message)")
    }

    @Test("broken lines are errors with the line")
    func broken() throws {
        let corpus = try Corpus()
        let good = "{\"id\": \"1\", \"text\": \"a\"}\n"
        #expect(
            try corpus.error(of: "c.jsonl", good + "{\"id\": \"2\"")
                == "c.jsonl, line 2: the line is not valid JSON: \",\" or \"}\" was expected at column 11.")
        #expect(
            try corpus.error(of: "c.jsonl", Array(good.utf8) + [0x22, 0xE9, 0x22])
                == "c.jsonl, line 2: the line is not valid UTF-8.")
        #expect(
            try corpus.error(of: "c.jsonl", good + "[1]")
                == "c.jsonl, line 2: the document is neither an object nor a string.")
        #expect(
            try corpus.error(of: "c.jsonl", #"{"id": "", "text": "a"}"#)
                == "c.jsonl, line 1: the document has an empty id.")
        #expect(
            try corpus.error(of: "c.jsonl", #"{"id": {}, "text": "a"}"#)
                == "c.jsonl, line 1: the document has an id that is neither a string nor a number.")
        #expect(
            try corpus.error(of: "c.jsonl", #"{"id": "1", "text": ["a"]}"#)
                == "c.jsonl, line 1: the document has a \"text\" that is no string.")
    }

    @Test("a line may be as long as the limit and no longer")
    func longLines() throws {
        let line = #"{"id": "1", "text": "\#(String(repeating: "a", count: 1_000_000))"}"#
        let fitting = try Corpus { $0.maxLineBytes = line.utf8.count }
        #expect(try fitting.documents(of: "c.jsonl", line + "\r\n")[0].text.utf8.count == 1_000_000)
        #expect(try fitting.documents(of: "a.json", "[" + line + "]").count == 1)
        let short = try Corpus { $0.maxLineBytes = 500_000 }
        #expect(try short.error(of: "c.jsonl", line) == "c.jsonl, line 1: the line is longer than 500000 bytes.")
        #expect(
            try short.error(of: "a.json", "[" + line) == "a.json, line 1: the JSON item is longer than 500000 bytes.")
        let large = #"{"id": "1", "text": "\#(String(repeating: "ab ", count: 4_000_000))"}"#
        #expect(try Corpus().documents(of: "c.jsonl", large)[0].text.utf8.count == 12_000_000)
    }

    @Test("compressed files are read by what they are; damage is an error after the documents before it")
    func gzip() throws {
        let corpus = try Corpus()
        let lines = (0..<50_000).map { "{\"id\": \"\($0)\", \"text\": \"document \($0 * 7919 % 10_007)\"}\n" }
        let bytes = Gzip.compress(Array(lines.joined().utf8))
        #expect(try corpus.documents(of: "c.jsonl.gz", bytes).map(\.id) == (0..<50_000).map(String.init))
        #expect(try corpus.documents(of: "c.jsonl", bytes).count == 50_000)
        #expect(
            try corpus.error(of: "c.jsonl.gz", bytes.dropLast(1_000) + [])
                == "c.jsonl.gz is cut off: the gzip data end in the middle, near byte \(bytes.count - 1_000) of the compressed file."
        )
    }

    @Test("a directory with a corpus.jsonl is a BEIR data set; without a name's help the first byte tells JSON")
    func names() throws {
        let corpus = try Corpus()
        try corpus.folder.write("corpus.jsonl.gz", Gzip.compress(Array("{\"_id\": \"1\", \"text\": \"a\"}".utf8)))
        #expect(try corpus.documents("").map(\.id) == ["1"])
        #expect(try corpus.documents(of: "dump", " \n{\"_id\": \"2\", \"text\": \"a\"}").map(\.id) == ["2"])
        #expect(try corpus.error(of: "dump", "id,text\n") == "dump is in a format that is not known.")
    }

    @Test("an empty corpus, no corpus and a missing source are errors")
    func empty() throws {
        let corpus = try Corpus()
        #expect(try corpus.error(of: "c.jsonl", "") == "The corpus has no documents.")
        #expect(try corpus.error(of: "c.jsonl", "\n\n") == "The corpus has no documents.")
        #expect(try corpus.error(of: "a.json", "[ ]") == "The corpus has no documents.")
        #expect(corpus.error() == "There is no corpus.")
        #expect(corpus.error("c.jsonl", "none.jsonl") == "none.jsonl cannot be read.")
    }

    @Test("progress counts documents and bytes of the files, over all sources")
    func progress() throws {
        let corpus = try Corpus()
        let line = "{\"id\": \"1\", \"text\": \"a\"}\n"
        try corpus.folder.write("a.jsonl", line + line)
        try corpus.folder.write("b.csv", "id,text\n1,x\n")
        let reader = CorpusReader(sources: [corpus.path("a.jsonl"), corpus.path("b.csv")])
        let cursor = try CorpusCursor(reader)
        #expect(cursor.progress == CorpusProgress(totalBytes: 2 * line.utf8.count + 12))
        while try cursor.next() != nil {}
        let total = 2 * line.utf8.count + 12
        #expect(cursor.progress == CorpusProgress(documents: 3, bytesRead: total, totalBytes: total))
    }

    @Test("200,000 documents are read at a pace that disks have", arguments: ["c.jsonl", "a.json", "c.csv"])
    func pace(name: String) throws {
        let corpus = try Corpus()
        let sentence = String(repeating: "The harbour council discussed the budget of the bridge. ", count: 8)
        var bytes: [UInt8] = name == "a.json" ? [UInt8(ascii: "[")] : []
        if name == "c.csv" { bytes += Array("_id,title,text,year\n".utf8) }
        for number in 0..<200_000 {
            switch name {
            case "c.csv": bytes += Array("\(number),Title \(number),\"\(sentence)\",2021\n".utf8)
            default:
                let comma = name == "a.json" && number > 0 ? "," : ""
                let json = #"{"_id": "\#(number)", "title": "Title \#(number)", "text": "\#(sentence)", "year": 2021}"#
                bytes += Array((comma + json + "\n").utf8)
            }
        }
        if name == "a.json" { bytes.append(UInt8(ascii: "]")) }
        try corpus.folder.write(name, bytes)
        let start = ContinuousClock.now
        var count = 0
        try CorpusReader(sources: [corpus.path(name)]).forEachDocument { _, _ in count += 1 }
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        print("pace \(name): \(Double(bytes.count) / 1e6 / seconds) MB/s")
        #expect(count == 200_000)
        // Some ten times what it takes, for machines that do other things too.
        #expect(seconds < 20)
    }
}
