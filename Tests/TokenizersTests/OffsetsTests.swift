import Testing
import Tokenizers

@Suite("Each token knows the bytes it came from")
struct OffsetsTests {
    private let parts = TokenizerParts(["cafe", "abc", "東", "京", "x", "."])

    @Test("a composed accent is part of its letter: é is two bytes")
    func composed() throws {
        #expect(try parts.tokens("Caf\u{E9} x") == [Token("cafe", 0..<5), Token("x", 6..<7)])
    }

    @Test("a decomposed accent that is dropped still belongs to the word: e and accent are three bytes")
    func decomposed() throws {
        #expect(try parts.tokens("Cafe\u{301} x") == [Token("cafe", 0..<6), Token("x", 7..<8)])
        #expect(try parts.tokens("Ca\u{301}\u{323}fe\u{301}.") == [Token("cafe", 0..<10), Token(".", 10..<11)])
    }

    @Test("an accent with no letter before it belongs to nothing")
    func leadingAccent() throws {
        #expect(try parts.tokens("\u{301}abc") == [Token("abc", 2..<5)])
        #expect(try parts.tokens("\u{301}").isEmpty)
    }

    @Test("Chinese characters are words of their own, without the spaces that are put around them")
    func chinese() throws {
        #expect(
            try parts.tokens("x東京x") == [Token("x", 0..<1), Token("東", 1..<4), Token("京", 4..<7), Token("x", 7..<8)])
    }

    @Test("control characters vanish, inside a word and around it; offsets still count them")
    func control() throws {
        #expect(try parts.tokens("\u{0}ab\u{200B}c\u{7} x") == [Token("abc", 1..<7), Token("x", 9..<10)])
        #expect(try parts.tokens("a\u{FFFD}bc") == [Token("abc", 0..<6)])
    }

    @Test("white space of every kind separates")
    func whiteSpace() throws {
        #expect(try parts.tokens("x\u{A0}x\u{3000}x\tx\r\nx").map(\.range) == [0..<1, 3..<4, 7..<8, 9..<10, 12..<13])
    }

    @Test("without a normalizer, offsets and case stay as they are")
    func noNormalizer() throws {
        var parts = TokenizerParts(["Abc", "\u{E9}"])
        parts.normalizer = nil
        #expect(try parts.tokens("Abc \u{E9}abc") == [Token("Abc", 0..<3), Token("[UNK]", 4..<9)])
        #expect(try parts.tokens("\u{E9}") == [Token("é", 0..<2)])
    }

    @Test("a slice of tokens spans from its first to its last byte, gaps included")
    func slices() throws {
        let tokenized = try parts.load().encodeWithOffsets("abc  x . 東")
        #expect(tokenized.sourceRange(of: 0..<2) == 0..<6)
        #expect(tokenized.sourceRange(of: 1..<4) == 5..<12)
        #expect(tokenized.sourceRange(of: 2..<2) == 0..<0)
    }

    @Test(
        "an empty text, or one of nothing but dropped characters, has no tokens",
        arguments: ["", " ", "\n\n", "\u{0}\u{200D}", "\u{300}\u{301}"])
    func nothing(text: String) throws {
        #expect(try parts.load().encode(text).isEmpty)
        #expect(try parts.tokens(text).isEmpty)
    }

    @Test("a megabyte of one character comes out right")
    func megabyte() throws {
        let tokenizer = try parts.load()
        let count = 1_000_000
        // One word, longer than 100 characters.
        #expect(tokenizer.encode(String(repeating: "a", count: count)) == [0])
        #expect(tokenizer.encode(String(repeating: " ", count: count)).isEmpty)
        #expect(tokenizer.encode(String(repeating: "\u{301}", count: count / 2)).isEmpty)
        let dot = try #require(tokenizer.tokenID(of: "."))
        #expect(tokenizer.encode(String(repeating: ".", count: count)) == Array(repeating: dot, count: count))
        let east = try #require(tokenizer.tokenID(of: "東"))
        #expect(tokenizer.encode(String(repeating: "東", count: count / 3)) == Array(repeating: east, count: count / 3))
        let marked = tokenizer.encodeWithOffsets("abc" + String(repeating: "\u{301}\u{323}", count: count / 4))
        #expect(marked.tokenIDs.count == 1)
        #expect(marked.ranges == [0..<3 + count])
    }
}
