import Foundation
import TestSupport
import Testing

/// The page that `resift serve` has at /, as a person uses it.
@Suite(
    "The playground in a browser", .blocking, .serialized,
    .enabled(if: Browser.installed != nil, "Needs Chromium: install it, or name it in RESIFT_BROWSER."))
struct PlaygroundTests {
    private static let query = "how do I reset my password?"
    private static let documents = [
        "Our offices are closed on public holidays. Nobody answers the phone.",
        "Choose Security and press Reset password. A link arrives by mail.",
        "<img src=x onerror=\"document.title='broken'\"> & <b>bold</b> are characters.",
        "Das Passwort 🔑 lässt sich zurücksetzen. Öffne „Sicherheit“.",
        "Invoices are sent on the first day of each month.",
    ]

    /// What the cards say, from the top.
    private static let shown = "[...document.querySelectorAll('#ranking .text')].map(text => text.textContent)"
    private static let done = "document.documentElement.dataset.state == 'done'"
    private static let failed = "document.documentElement.dataset.state == 'failed'"

    private func open(_ server: RunningServer, width: Int = 1280, reducedMotion: Bool = true) throws -> BrowserSession {
        let page = try BrowserSession(#require(Browser.installed))
        try page.prepare(
            "window.moved = 0; const animate = Element.prototype.animate;"
                + "Element.prototype.animate = function (...all) { window.moved += 1; return animate.apply(this, all); }"
        )
        try page.show(width: width, height: 900, reducedMotion: reducedMotion)
        try page.open(server)
        try page.wait(until: "document.querySelector('#served')?.textContent.length > 0")
        return page
    }

    /// Pictures of the last run, for people.
    private func keep(_ picture: Data, _ name: String) throws {
        #expect(
            picture.starts(with: [0x89, 0x50, 0x4E, 0x47]) && picture.count > 10_000, "\(name): \(picture.count) bytes")
        let folder = Repository.directory + "/artifacts/playground"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try picture.write(to: URL(fileURLWithPath: "\(folder)/\(name).png"))
    }

    @Test("pasted documents move to the order of the library's scores; the page complains of nothing, asks nobody else")
    func paste() async throws {
        let server = try RunningServer()
        let page = try open(server, reducedMotion: false)
        try page.paste(Self.query, into: "#query")
        try page.paste(Self.documents.joined(separator: "\n"), into: "#documents")
        #expect(try page.text("document.querySelector('#count').textContent") == "5 documents, one a line.")
        try page.controlEnter()
        try page.wait(until: Self.done)

        let scores = try await Resift.scores(Self.query, Self.documents)
        let reranked = Resift.order(scores).map { Self.documents[$0] }
        #expect(reranked != Self.documents)
        #expect(try page.texts(Self.shown) == reranked)
        #expect(try page.number("window.moved") > 0)
        #expect(try page.number("document.querySelectorAll('#ranking .gauge').length") == 5)
        #expect(try page.number("document.querySelectorAll('#moves path').length") == 5)
        #expect(try page.texts("[...document.querySelectorAll('#times dt')].map(name => name.textContent)").count >= 5)

        // The first stage's order again, by the keyboard.
        try page.evaluate("document.querySelector('input[name=order]:checked').focus()")
        try page.arrowLeft()
        #expect(try page.texts(Self.shown) == Self.documents)
        try page.arrowRight()
        #expect(try page.texts(Self.shown) == reranked)

        // Texts are texts.
        #expect(try page.number("document.querySelectorAll('#ranking img, #ranking .text b').length") == 0)
        #expect(try page.text("document.title") == "Resift playground")

        // The best sentence of a document with several is marked, in code points.
        try page.wait(until: "document.documentElement.dataset.highlights == 'done'")
        let marks = try page.texts("[...document.querySelectorAll('mark')].map(mark => mark.textContent)")
        let sentences = [
            "Our offices are closed on public holidays.", "Nobody answers the phone.",
            "Choose Security and press Reset password.", "A link arrives by mail.",
            "Das Passwort 🔑 lässt sich zurücksetzen.", "Öffne „Sicherheit“.",
        ]
        #expect(marks.count == 3 && Set(marks).isSubset(of: sentences), "\(marks)")

        #expect(page.complaints == [])
        let elsewhere = page.requests.filter { !$0.hasPrefix(server.address + "/") && !$0.hasPrefix("data:") }
        #expect(elsewhere == [])
        try page.wait(until: "document.getAnimations().length == 0")
        try keep(page.screenshot(), "light")
        try page.show(width: 1280, height: 900, dark: true)
        try keep(page.screenshot(), "dark")
    }

    @Test("every control is reached by the Tab key, and asking needs no other")
    func keyboard() throws {
        let page = try open(RunningServer())
        var visited: [String] = []
        for _ in 0..<8 {
            try page.tab()
            visited.append(try page.text("document.activeElement.id || document.activeElement.localName"))
        }
        #expect(visited.starts(with: ["query", "documents", "summary", "go", "example"]), "\(visited)")
        try page.paste(Self.query, into: "#query")
        for _ in 0..<3 { try page.tab() }
        try page.press(" ", code: 32, text: " ")
        try page.wait(until: Self.done)
        #expect(page.complaints == [])
    }

    @Test("nothing moves for a person who asked for less motion, and the order is the same")
    func reducedMotion() async throws {
        let page = try open(RunningServer(), reducedMotion: true)
        try page.paste(Self.query, into: "#query")
        try page.paste(Self.documents.joined(separator: "\n"), into: "#documents")
        try page.controlEnter()
        try page.wait(until: Self.done)
        #expect(try page.number("window.moved") == 0)
        let order = try await Resift.order(Resift.scores(Self.query, Self.documents))
        #expect(try page.texts(Self.shown) == order.map { Self.documents[$0] })
    }

    @Test("on a phone nothing is wider than the screen")
    func phone() throws {
        let page = try open(RunningServer(), width: 360)
        let long = String(repeating: "unbreakable", count: 60)
        try page.paste((Self.documents + [long]).joined(separator: "\n\n"), into: "#documents")
        try page.controlEnter()
        try page.wait(until: Self.done)
        #expect(try page.number("document.documentElement.scrollWidth") <= 360)
        #expect(page.complaints == [])
        try keep(page.screenshot(), "phone")
    }

    @Test("an index is searched, and its documents have titles and places of the first stage")
    func search() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let index = folder.path + "/help.resift"
        let built = try Resift.run([
            "index", "build", Repository.directory + "/Examples/demo/help-centre", "--output", index,
        ])
        #expect(built.status == 0, "\(built.stderr)")
        let page = try open(RunningServer(["--index", index]))
        #expect(try page.text("document.querySelector('#index-facts').textContent").contains("99 documents"))
        try page.evaluate("document.querySelector('input[name=mode]:checked').focus()")
        try page.arrowRight()
        try page.paste("Can I get my money back if I cancel a yearly subscription in Germany?", into: "#query")
        try page.controlEnter()
        try page.wait(until: Self.done)
        #expect(try page.number("document.querySelectorAll('#ranking .document').length") == 10)
        let titles = try page.texts("[...document.querySelectorAll('#ranking h3')].map(title => title.textContent)")
        #expect(titles.first == "Money back on yearly contracts in the European Union")
        // BM25 has it third (see the README).
        #expect(try page.text("document.querySelector('#ranking .move').textContent").hasPrefix("↑ 2"))
        try page.wait(until: "document.documentElement.dataset.highlights == 'done'")
        #expect(page.complaints == [])
        try keep(page.screenshot(), "search")
    }

    @Test("a late-interaction model's matches are marked, and the token that is chosen shows its pairs")
    func explanation() throws {
        let page = try open(RunningServer(["--model", "colbert=\(Repository.model("colbert-bert"))"]))
        // What this model cannot do is not offered.
        #expect(try page.evaluate("document.querySelector('#highlight-field').hidden") as? Bool == true)
        #expect(try page.evaluate("document.querySelector('#explain-field').hidden") as? Bool == false)
        let lines =
            #"{"title": "The bridge 🙂", "text": "of the city"}"# + "\n" + #""river water <b>and</b> a lighthouse""#
        try page.paste("old bridge", into: "#query")
        try page.paste(lines, into: "#documents")
        try page.controlEnter()
        try page.wait(until: "document.documentElement.dataset.highlights == 'done'")
        let chips = "[...document.querySelectorAll('#tokens button')]"
        #expect(try page.texts(chips + ".map(chip => chip.textContent)").joined() == "oldbridge")
        #expect(try page.number("document.querySelectorAll('#ranking mark.token').length") > 0)
        // Marks change no text, and are where the server says.
        #expect(Set(try page.texts(Self.shown)) == ["of the city", "river water <b>and</b> a lighthouse"])
        #expect(try page.text("document.querySelector('#ranking h3').textContent") == "The bridge 🙂")
        #expect(try page.number("document.querySelectorAll('#ranking .text b').length") == 0)

        // By the keyboard: the chosen token stays, and each document shows what it matched there.
        try page.evaluate(chips + "[0].focus()")
        try page.press(" ", code: 32, text: " ")
        #expect(try page.text("document.querySelector('#tokens button').getAttribute('aria-pressed')") == "true")
        let pairs = try page.texts("[...document.querySelectorAll('.matched')].map(line => line.textContent)")
        #expect(pairs.count == 2)
        let token = try page.text(chips + "[0].textContent")
        for pair in pairs {
            let parts = try #require(pair.wholeMatch(of: /(.+) → (.+) (-?[0-9.]+)/))
            #expect(String(parts.1) == token && (Double(parts.3) ?? 9) <= 1)
        }
        let marked = try page.texts("[...document.querySelectorAll('mark.chosen')].map(mark => mark.textContent)")
        let expected = pairs.compactMap { $0.wholeMatch(of: /.+ → (.+) -?[0-9.]+/).map { String($0.1) } }
            .filter { $0 != "[special]" }
        #expect(marked.sorted() == expected.sorted())
        #expect(page.complaints == [])
        try keep(page.screenshot(), "explanation")
    }

    @Test("in a search the matches are marked in the title and the passage that were ranked")
    func explanationOfSearch() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let index = folder.path + "/help.resift"
        let built = try Resift.run([
            "index", "build", Repository.directory + "/Examples/demo/help-centre", "--output", index,
        ])
        #expect(built.status == 0, "\(built.stderr)")
        let page = try open(RunningServer(["--model", Repository.model("colbert-bert"), "--index", index]))
        try page.evaluate("document.querySelector('input[name=mode]:checked').focus()")
        try page.arrowRight()
        try page.paste("Can I get my money back if I cancel a yearly subscription in Germany?", into: "#query")
        try page.controlEnter()
        try page.wait(until: "document.documentElement.dataset.highlights == 'done'")
        #expect(try page.text("document.querySelector('#problem').textContent") == "")
        let documents = "[...document.querySelectorAll('#ranking .document')]"
        #expect(try page.number("\(documents).length") == 10)
        try page.evaluate("document.querySelector('#tokens button').click()")
        // What is marked is what the pair names, in every document that has it.
        let marks = ".map(card => [...card.querySelectorAll('mark.chosen')].map(mark => mark.textContent).join('|'))"
        let pairs = try page.texts(documents + ".map(card => card.querySelector('.matched').textContent)")
        let marked = try page.texts(documents + marks)
        #expect(pairs.count == 10 && marked.count == 10 && marked.contains { !$0.isEmpty })
        for (pair, mark) in zip(pairs, marked) {
            #expect(pair.contains("→ \(mark.isEmpty ? "[special]" : mark) "), "\(pair), \(mark)")
        }
        #expect(page.complaints == [])
    }

    @Test("a server with keys is asked with the key that is typed; without, the page says what is missing")
    func key() throws {
        let page = try open(RunningServer(environment: ["RESIFT_API_KEYS": "first-key,second-key"]))
        #expect(try page.text("document.querySelector('#served').textContent") == "A key is needed.")
        try page.paste("wrong", into: "#key")
        try page.controlEnter()
        try page.wait(until: Self.failed)
        #expect(try page.text("document.querySelector('#problem').textContent").lowercased().contains("key"))
        try page.paste("second-key", into: "#key")
        try page.controlEnter()
        try page.wait(until: Self.done)
        #expect(try page.text("document.querySelector('#curl').textContent").contains("$RESIFT_KEY"))
        #expect(!(try page.text("document.querySelector('#curl').textContent").contains("second-key")))
    }

    @Test("no query, no documents and a server that is gone are said in words")
    func problems() throws {
        let server = try RunningServer()
        let page = try open(server)
        let problem = "document.querySelector('#problem').textContent"
        try page.paste(" ", into: "#query")
        try page.controlEnter()
        try page.wait(until: Self.failed)
        #expect(try page.text(problem) == "Type a query.")
        try page.paste(Self.query, into: "#query")
        try page.paste(" ", into: "#documents")
        try page.controlEnter()
        try page.wait(until: "\(problem) == 'Paste at least one document.'")
        try page.paste("one", into: "#documents")
        server.stop()
        try page.controlEnter()
        try page.wait(until: "\(problem).includes('does not answer')")
    }
}
