import OrderedJSON
import Ranking
import Resift
import Retrieval
import TestSupport
import Testing

@Suite("A corpus is read from CSV and TSV")
struct DelimitedCorpusTests {
    @Test("the header names the columns; other columns are metadata, empty cells are left out")
    func columns() throws {
        let documents = try Corpus().documents(
            of: "c.csv", "\u{FEFF}year,_id,title,text,note\r\n2021,a,T,one,\r\n\r\n,b,,two,n")
        #expect(
            documents == [
                IndexDocument(id: "a", title: "T", text: "one", metadata: try object(#"{"year": "2021"}"#)),
                IndexDocument(id: "b", text: "two", metadata: try object(#"{"note": "n"}"#)),
            ])
    }

    @Test(
        "quotes are those of RFC 4180",
        arguments: [
            (#"1,"a,b""#, "a,b"), (#"1,"a""b""#, #"a"b"#), (#"1,"""""#, "\""), (#"1,"""a""""#, #""a""#),
            ("1,\"a\nb\"", "a\nb"), ("1,\"a\r\n\r\nb\"", "a\r\n\r\nb"), (#"1,"""#, ""), (#""1",a"#, "a"),
            (#"1,5" disk"#, #"5" disk"#), ("1, \"a\" ", " \"a\" "), ("1,\"\n\"", "\n"), ("1,", ""),
            ("1,\"é\u{301}\"", "é\u{301}"), ("1,\"a\u{2028}b\"", "a\u{2028}b"), ("1,a\u{B}b", "a\u{B}b"),
        ])
    func quotes(record: String, text: String) throws {
        for ending in ["", "\n", "\r\n", "\n\n"] {
            let documents = try Corpus().documents(of: "c.csv", "id,text\n" + record + ending)
            #expect(documents == [IndexDocument(id: "1", text: text)])
        }
    }

    @Test(
        "what is written by RFC 4180 is read back, byte for byte, with the right lines",
        arguments: 0..<30 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let characters: [Unicode.Scalar] = ["a", " ", ",", "\"", "\n", "\r", "\t", "é", "🙂", "'", ";"]
        var csv = "id,text,other\r\n"
        var expected: [(IndexDocument, line: Int)] = []
        for number in 0..<200 {
            let (text, other) = (random.text(of: characters, count: 0...20), random.text(of: characters, count: 1...3))
            let line = csv.utf8.count { $0 == 0x0A } + 1
            func quoted(_ text: String) -> String {
                "\"" + text.unicodeScalars.map { $0 == "\"" ? "\"\"" : String($0) }.joined() + "\""
            }
            csv += "\(number),\(quoted(text)),\(quoted(other))" + random.pick(["\n", "\r\n"])
            var metadata = JSONObject()
            metadata["other"] = .string(other)
            expected.append((IndexDocument(id: String(number), text: text, metadata: metadata), line))
        }
        let corpus = try Corpus()
        try corpus.folder.write("c.csv", csv)
        let read = try corpus.read(["c.csv"])
        #expect(read.map(\.document) == expected.map(\.0))
        #expect(read.map(\.position.line) == expected.map(\.line))
        #expect(read.map { Array($0.document.text.utf8) } == expected.map { Array($0.0.text.utf8) })
    }

    @Test(
        "what cannot be read is an error with the line",
        arguments: [
            ("1,a\n2\n", "line 3: the record has 1 fields, not 2."),
            ("1,a\n2,b,c\n", "line 3: the record has 3 fields, not 2."),
            ("1,\"a\n\n2,b\n", "line 2: the quote that opens a field here is never closed."),
            ("1,\"a\nb\"c\n", "line 3: there is text behind the closing quote of a field."),
            (",a\n", "line 2: the document has no \"id\" and no \"_id\"."),
        ])
    func broken(records: String, message: String) throws {
        #expect(try Corpus().error(of: "c.csv", "id,text\n" + records) == "c.csv, " + message)
    }

    @Test("bytes that are not UTF-8 are an error with the line, also inside a quoted field")
    func encoding() throws {
        let head = Array("id,text\n1,\"a\nb".utf8)
        #expect(
            try Corpus().error(of: "c.csv", head + [0xE9] + Array("\nc\"\n".utf8))
                == "c.csv, line 3: the line is not valid UTF-8.")
    }

    @Test("a header that names no id, or a column twice, is an error")
    func headers() throws {
        #expect(
            try Corpus().error(of: "c.csv", "docno,text\n1,a\n")
                == "c.csv, line 1: the header has no column for the id.")
        #expect(try Corpus().error(of: "c.csv", "id,text,text\n") == "c.csv, line 1: the header names \"text\" twice.")
        let corpus = try Corpus { ($0.idField, $0.textField) = ("docno", "body") }
        #expect(try corpus.documents(of: "c.csv", "docno,body\n1,a\n") == [IndexDocument(id: "1", text: "a")])
        let numbered = try Corpus { $0.numbersDocuments = true }
        #expect(try numbered.documents(of: "c.csv", "text\n\na\nb\n").map(\.id) == ["c:1", "c:2"])
        #expect(try Corpus().error(of: "c.csv", "id,text\n") == "The corpus has no documents.")
    }

    @Test("a record without text and title columns is read as all its fields")
    func rendered() throws {
        let documents = try Corpus().documents(of: "c.csv", "id,name,price\n1,Kettle,30\n")
        #expect(documents[0].text == "name: Kettle\nprice: 30")
    }

    @Test("a record longer than the limit is an error, and names a quote that was left open")
    func limit() throws {
        let corpus = try Corpus { $0.maxLineBytes = 100 }
        let lines = String(repeating: "0123456789\n", count: 20)
        #expect(
            try corpus.error(of: "c.csv", "id,text\n1,\"" + lines)
                == "c.csv, line 2: the quote that opens a field here is never closed.")
    }

    @Test("a TSV file without a header is id<TAB>text, and quotes in it are text")
    func collection() throws {
        let documents = try Corpus().documents(
            of: "collection.tsv", "0\t\"quoted\" at first\n1\tan open \" quote\r\n2\t\n")
        #expect(
            documents == [
                IndexDocument(id: "0", text: "\"quoted\" at first"), IndexDocument(id: "1", text: "an open \" quote"),
                IndexDocument(id: "2", text: ""),
            ])
        #expect(try Corpus().error(of: "c.tsv", "0\ta\tb\n") == "c.tsv, line 1: the record has 3 fields, not 2.")
        #expect(try Corpus().error(of: "c.tsv", "0\ta\n\tb\n") == "c.tsv, line 2: the document has an empty id.")
    }

    @Test("a TSV file whose first line names id and text has a header, and quotes as CSV has")
    func tsvHeader() throws {
        let documents = try Corpus().documents(of: "psgs.tsv", "id\ttext\ttitle\n1\t\"a \"\"b\"\"\tc\"\tT\n")
        #expect(documents == [IndexDocument(id: "1", title: "T", text: "a \"b\"\tc")])
        #expect(
            try Corpus().error(of: "c.tsv", "id\tbody\n1\ta\n")
                == "c.tsv, line 1: the header has no column for the text.")
    }

    @Test("CSV is read from gzip, and by its format where the name does not tell it")
    func gzip() throws {
        let bytes = Gzip.compress(Array("id,text\n1,a\n".utf8))
        #expect(try Corpus().documents(of: "c.csv.gz", bytes).map(\.id) == ["1"])
        #expect(try Corpus { $0.format = .csv }.documents(of: "c.dat", bytes).map(\.id) == ["1"])
    }
}
