import Foundation
import OrderedJSON
import Ranking
import Resift
import Retrieval
import TestSupport
import Testing

@Suite("A corpus is read from a directory of text files")
struct TextDirectoryTests {
    private func directory(_ corpus: Corpus, _ name: String) throws {
        try FileManager.default.createDirectory(atPath: corpus.path(name), withIntermediateDirectories: true)
    }

    @Test("files come in the byte order of their paths, with path, extension and date")
    func order() throws {
        let corpus = try Corpus()
        try directory(corpus, "docs/a")
        for name in ["docs/b.txt", "docs/a.txt", "docs/a/z.TXT", "docs/é.txt", "docs/a-b.txt", "docs/B.txt"] {
            try corpus.folder.write(name, "text of \(name)")
            let date = Date(timeIntervalSince1970: 1_700_000_000)
            try FileManager.default.setAttributes([.modificationDate: date], ofItemAtPath: corpus.path(name))
        }
        let documents = try corpus.documents("docs")
        // "-" is 2D, "." is 2E, "/" is 2F.
        #expect(documents.map(\.id) == ["B.txt", "a-b.txt", "a.txt", "a/z.TXT", "b.txt", "é.txt"])
        #expect(
            documents[3]
                == IndexDocument(
                    id: "a/z.TXT", title: "z", text: "text of docs/a/z.TXT",
                    metadata: try object(
                        #"{"path": "a/z.TXT", "extension": "txt", "modified": "2023-11-14T22:13:20Z"}"#)))
    }

    @Test("hidden files are passed over, links in a circle end, files of other kinds are counted")
    func passedOver() throws {
        let corpus = try Corpus()
        try directory(corpus, "docs/.git")
        try directory(corpus, "docs/sub")
        for name in ["docs/a.md", "docs/.hidden.md", "docs/.git/b.md", "docs/x.PNG", "docs/y.png", "docs/Makefile"] {
            try corpus.folder.write(name, "x")
        }
        let manager = FileManager.default
        try manager.createSymbolicLink(atPath: corpus.path("docs/sub/up"), withDestinationPath: "..")
        try manager.createSymbolicLink(atPath: corpus.path("docs/sub/link.md"), withDestinationPath: "../a.md")
        try manager.createSymbolicLink(atPath: corpus.path("docs/sub/dangling.md"), withDestinationPath: "nowhere")
        let cursor = try CorpusCursor(CorpusReader(sources: [corpus.path("docs")]))
        var ids: [String] = []
        while let next = try cursor.next() { ids.append(next.document.id) }
        #expect(ids == ["a.md", "sub/link.md"])
        #expect(cursor.progress.skippedFiles == ["png": 2, "": 1, "md": 1])
        #expect(cursor.progress.bytesRead == cursor.progress.totalBytes)
    }

    @Test("a directory without text files is an empty corpus, and the error says what is there")
    func nothing() throws {
        let corpus = try Corpus()
        try directory(corpus, "docs")
        try corpus.folder.write("docs/a.pdf", "x")
        let error = #expect(throws: RankingError.self) { try corpus.read(["docs"]) }
        #expect(error?.what == "The corpus has no documents.")
        #expect(error?.why == "The files of its directories are of other kinds: 1 .pdf.")
    }

    @Test("a file that is not UTF-8 or too long is an error that names it; one file alone is a corpus too")
    func files() throws {
        let corpus = try Corpus { $0.maxLineBytes = 10 }
        #expect(try corpus.error(of: "a.txt", [0x61, 0x0A, 0xE9]) == "a.txt, line 2: the line is not valid UTF-8.")
        #expect(try corpus.error(of: "a.txt", "12345678901") == "a.txt is longer than 10 bytes.")
        let documents = try corpus.documents(of: "a.txt", "\u{FEFF}one\ntwo")
        #expect(documents.map(\.id) == ["a.txt"])
        #expect(documents.map(\.text) == ["one\ntwo"])
    }

    @Test(
        "the title of a Markdown file is its first heading outside of code",
        arguments: [
            ("# One\ntext", "One"), ("text\n\n## Two ##\n# One", "Two"), ("Under\n=====\n", "Under"),
            ("```\n# code\n```\n# Real", "Real"), ("~~~~\n# code\n~~~\n# code\n~~~~\n# Real\r\n", "Real"),
            ("#hashtag\n# C#", "C#"), ("no heading", "file"), ("", "file"), ("#\n# Next", "Next"),
        ])
    func headings(text: String, title: String) throws {
        let documents = try Corpus().documents(of: "file.md", text)
        #expect(documents[0].title == title)
        #expect(documents[0].text == text)
    }

    @Test("front matter is metadata, its title is the title, and the text begins behind it")
    func frontMatter() throws {
        let documents = try Corpus().documents(
            of: "file.md",
            """
            ---
            title: From the front
            date: 2024-05-01
            tags: [a, "1", 1]
            code: 007
            draft: false
            nothing: ~
            ---
            # Heading
            text
            """)
        #expect(documents[0].title == "From the front")
        #expect(documents[0].text == "# Heading\ntext")
        var metadata = documents[0].metadata
        for key in ["path", "extension", "modified"] { metadata[key] = nil }
        #expect(
            metadata
                == (try object(
                    #"{"date": "2024-05-01", "tags": ["a", "1", 1], "code": "007", "draft": false, "nothing": null}"#)))
    }

    @Test(
        "what looks like front matter and is no YAML mapping is text",
        arguments: [
            "---\nA rule, then text.\n---\nMore.", "---\nnever: closed\n", "---\n{{ template }\n---\n", "---\n---\n# x",
            "---\na: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\n"
                + "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\ne: [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n---\n",
            "---\n" + String(repeating: "[", count: 5_000) + "\n---\n",
        ])
    func noFrontMatter(text: String) throws {
        #expect(try Corpus().documents(of: "file.md", text)[0].text == text)
    }
}
