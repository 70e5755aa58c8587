import OrderedJSON
import Ranking
import TestSupport
import Testing

@Suite("The text that a model reads for a document")
struct DocumentTextTests {
    private func object(_ json: String) throws -> JSONObject { try JSONObject(parsing: json) }

    private func text(_ json: String, rankFields: [String]? = nil) throws -> String {
        try Document(fields: object(json)).text(rankFields: rankFields)
    }

    @Test("a plain text is read as it is, with or without rank fields")
    func plainText() throws {
        #expect(try Document(" two  lines\n").text() == " two  lines\n")
        #expect(try Document(" two  lines\n").text(rankFields: ["title"]) == " two  lines\n")
        #expect(try Document("").text() == "")
    }

    @Test(
        "without rank fields, title and text are joined by a space",
        arguments: [
            (#"{"text": "body", "title": "Head", "date": 2020}"#, "Head body"),
            (#"{"title": "", "text": "body"}"#, "body"),
            (#"{"title": "Head", "text": ""}"#, "Head"),
            (#"{"title": "", "text": ""}"#, ""),
            (#"{"title": 7, "text": "body"}"#, "body"),
            (#"{"title": "Head", "text": null}"#, "Head"),
        ])
    func titleAndText(json: String, expected: String) throws { #expect(try text(json) == expected) }

    @Test("an object with neither title nor text is read as all its fields but the id, in its own order")
    func otherFields() throws {
        #expect(try text(#"{"_id": "a", "name": "Ada", "id": 1, "born": 1815}"#) == "name: Ada\nborn: 1815")
        #expect(try text("{}") == "")
        #expect(try text(#"{"id": 1}"#) == "")
    }

    @Test("rank fields are read in the order asked for, and one that is missing is left out")
    func rankFieldsOrder() throws {
        let json = #"{"title": "Head", "text": "body", "date": "2020"}"#
        #expect(try text(json, rankFields: ["date", "title"]) == "date: 2020\ntitle: Head")
        #expect(try text(json, rankFields: ["author", "text"]) == "text: body")
    }

    @Test("the id is read where it is asked for by name")
    func idAsRankField() throws {
        #expect(try text(#"{"id": "a", "text": "body"}"#, rankFields: ["id", "text"]) == "id: a\ntext: body")
    }

    @Test("a document with none of the rank fields is an error that names it, the fields asked for and its own")
    func noRankField() throws {
        let document = Document(fields: try object(#"{"id": "d7", "title": "Head", "text": "body"}"#))
        let error = #expect(throws: RankingError.self) { try document.text(rankFields: ["author", "year"]) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "A document (id \"d7\") has none of the fields author, year.")
        #expect(error?.why == "It has id, title, text.")
        let empty = #expect(throws: RankingError.self) { try text("{}", rankFields: ["a"]) }
        #expect(empty?.what == "A document has none of the fields a.")
        #expect(empty?.why == "It has no fields.")
    }

    @Test(
        "values are written one a line, nested ones indented by two spaces",
        arguments: [
            (#"{"a": {"b": 1, "c": {"d": true}}, "e": "x"}"#, "a:\n  b: 1\n  c:\n    d: true\ne: x"),
            (#"{"tags": ["red", 2, false]}"#, "tags:\n  - red\n  - 2\n  - false"),
            (#"{"rows": [{"k": 1, "v": 2}, ["x"]]}"#, "rows:\n  -\n    k: 1\n    v: 2\n  -\n    - x"),
            (#"{"poem": "one\n\ntwo", "by": "me"}"#, "poem:\n  one\n\n  two\nby: me"),
            (#"{"windows": "one\r\ntwo"}"#, "windows:\n  one\n  two"),
            (#"{"list": ["one\ntwo"]}"#, "list:\n  -\n    one\n    two"),
            (#"{"price": 1.50, "big": 1e400}"#, "price: 1.50\nbig: 1e400"),
            (#"{"empty list": [], "empty object": {}}"#, "empty list:\nempty object:"),
        ])
    func nested(json: String, expected: String) throws { #expect(try text(json) == expected) }

    @Test("null and empty texts are left out")
    func leftOut() throws {
        #expect(try text(#"{"a": null, "b": "", "c": "kept", "d": [null, "", "x"]}"#) == "c: kept\nd:\n  - x")
        #expect(try text(#"{"a": null, "b": 1}"#, rankFields: ["a"]) == "")
    }

    @Test(
        "an object's id is its \"id\", else its \"_id\", a number as it is written",
        arguments: [
            (#"{"id": "a", "_id": "b"}"#, "a"), (#"{"_id": "b"}"#, "b"), (#"{"id": 7}"#, "7"),
            (#"{"id": 7.0}"#, "7.0"), (#"{"id": null, "_id": "b"}"#, "b"), (#"{"id": ["x"], "_id": 3}"#, "3"),
            (#"{"id": ""}"#, ""), (#"{"text": "x"}"#, nil), (#"{"id": true}"#, nil),
        ] as [(String, String?)])
    func ids(json: String, expected: String?) throws {
        #expect(try Document(fields: object(json)).id == expected)
    }

    @Test("an id that is given goes before the object's own")
    func givenID() throws {
        #expect(try Document(id: "given", fields: object(#"{"id": "own"}"#)).id == "given")
        #expect(try Document(id: "x", title: "Head", text: "body").text() == "Head body")
    }
}
