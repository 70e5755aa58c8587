import Ranking
import Resift
import Retrieval
import TestSupport
import Testing

@Suite("HTML is read as its text")
struct HTMLFileTests {
    private func read(_ html: String) throws -> IndexDocument { try read(Array(html.utf8)) }

    private func read(_ html: [UInt8]) throws -> IndexDocument { try Corpus().documents(of: "page.html", html)[0] }

    @Test("a page has its title, its text without scripts and styles, and a line a block")
    func page() throws {
        let document = try read(
            """
            <!DOCTYPE html>
            <html><head><meta charset="utf-8"><title> A &amp;
               title </title><style>p { color: red }</style><script>if (a<b) { x("<p>no</p>") }</script></head>
            <body><h1>Head</h1><p>One <b>bold</b>&nbsp;word,
              &eacute;&#x4e1c;&#128578;</p><ul><li>a<li>b</ul>
            <table><tr><td>1<td>2<tr><td>3</table>x<br>y<template>no</template><noscript>no</noscript>
            <section>new &lt;tag&gt;</section><pre>a  b
              c</pre></body></html>
            """)
        #expect(document.title == "A & title")
        #expect(
            document.text
                == "Head\nOne bold word, é東🙂\na\nb\n1 2\n3\nx\ny\nnew <tag>\na  b\n  c".replacing("東", with: "东"))
    }

    @Test("a page without a title is called by its file; a title inside the body is one too")
    func titles() throws {
        #expect(try read("<p>x").title == "page")
        #expect(try read("<body><p>x</p><title>t</title>").title == "t")
        #expect(try read("<title></title><p>x").title == "page")
    }

    @Test(
        "broken HTML is read as far as it goes",
        arguments: [
            ("", ""), ("<", "<"), ("plain text", "plain text"), ("<p>a<p", "a"), ("</p></p>a", "a"),
            ("<p>a</b></i></p>b", "a\nb"), ("a &unknown; &amp b", "a &unknown; &amp b"), ("<!-- never closed <p>a", ""),
            ("<script>never closed <p>a", ""), ("a\0b", "a b"), ("<head><section>a</section>", "a"), ("&#0;a", "a"),
        ])
    func broken(html: String, text: String) throws { #expect(try read(html).text == text) }

    @Test("the charset that a page declares counts where its bytes are not UTF-8")
    func charsets() throws {
        let latin =
            Array("<meta http-equiv=Content-Type content='text/html; charset=ISO-8859-1'><p>caf".utf8) + [0xE9, 0x80]
        #expect(try read(latin).text == "café€")
        let japanese =
            Array("<meta charset=\"Shift_JIS\"><title>".utf8) + [0x93, 0x8C, 0x8B, 0x9E] + Array("</title>".utf8)
        #expect(try read(japanese).title == "東京")
        #expect(try read("<meta charset=latin1><p>café").text == "café")
        let utf16: [UInt8] = [0xFF, 0xFE] + "<p>é東".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(try read(utf16).text == "é東")
        let corpus = try Corpus()
        #expect(
            try corpus.error(of: "p.html", Array("<p>\n".utf8) + [0xE9])
                == "p.html, line 2: the line is not valid UTF-8.")
        #expect(
            try corpus.error(of: "p.html", Array("<meta charset=utf-8><p>".utf8) + [0xE9])
                == "p.html, line 1: the line is not valid UTF-8.")
        #expect(
            try corpus.error(of: "p.html", Array("<meta charset=klingon><p>".utf8) + [0xE9])
                == "p.html is not in the charset \"klingon\" that it declares.")
        #expect(
            try corpus.error(of: "p.html", Array("<meta charset=euc-jp><p>".utf8) + [0xE9])
                == "p.html is not in the charset \"euc-jp\" that it declares.")
    }

    @Test("what would take the parser hours is an error")
    func limits() throws {
        let corpus = try Corpus()
        let attributes = (0..<100_000).map { "a\($0)" }.joined(separator: " ")
        #expect(
            try corpus.error(of: "p.html", "<p \(attributes)>x") == "p.html has a tag with more than 1000 attributes.")
        let nested = String(repeating: "<b>", count: 300_000) + String(repeating: "</i>", count: 300_000)
        #expect(
            try corpus.error(of: "p.html", nested) == "p.html has more than 2000 elements open inside each other.")
        // These are no attributes.
        #expect(try read("<script>if (a<b) \(attributes)</script><p title=\"\(attributes)\">x").text == "x")
        #expect(try read(String(repeating: "<p>a</p>", count: 100_000)).text.utf8.count == 199_999)
    }

    @Test("no sequence of pieces of HTML crashes the reader", arguments: 0..<50 as Range<UInt64>)
    func pieces(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let pieces = [
            "<p", ">", "</p>", "<!--", "-->", "<script>", "</script>", "&#x", "&amp;", "\"", "'", " a=", "<title>", "é",
            "<![CDATA[", "]]>", "<?", "<table>", "<pre>", "</", "<", "\n", "&", ";", "<head>", "<body>", "<svg>",
            "\u{1B}",
        ]
        for _ in 0..<50 {
            let html = (0..<random.int(in: 0...80)).map { _ in random.pick(pieces) }.joined()
            _ = try read(html)
        }
    }
}
