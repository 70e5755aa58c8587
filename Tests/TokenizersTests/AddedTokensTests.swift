import Testing
import Tokenizers

@Suite("Added tokens are found in a text before anything else happens to it")
struct AddedTokensTests {
    private func parts(_ token: String, words: [String] = ["hello", "world", "abc", "##d", "x", "##abc"])
        -> TokenizerParts
    {
        var parts = TokenizerParts(words)
        parts.addedTokens = "[\(token)]"
        return parts
    }

    @Test("a special token written in a text is that token, with or without space around it, in its own case only")
    func specialInText() throws {
        let parts = parts(#"{"id": 2, "content": "[SEP]", "special": true}"#)
        #expect(
            try parts.tokens("hello [SEP] world") == [
                Token("hello", 0..<5), Token("[SEP]", 6..<11), Token("world", 12..<17),
            ])
        #expect(try parts.tokens("hello[SEP][SEP]world").map(\.name) == ["hello", "[SEP]", "[SEP]", "world"])
        // Brackets are punctuation of no known token.
        #expect(try parts.names("[sep]") == ["[UNK]", "[UNK]", "[UNK]"])
    }

    @Test("a token that is normalized is looked for in the normalized text, under its own normalized spelling")
    func normalized() throws {
        let parts = parts(#"{"id": 3, "content": "Ñandú", "special": false, "normalized": true}"#)
        for text in ["Ñandú", "NANDU", "nandu", "n\u{303}andu\u{301}"] {
            #expect(try parts.names(text) == ["[MASK]"], "\(text)")
        }
        let tokens = try parts.tokens("x NA\u{303}NDU.")
        #expect(tokens.prefix(2) == [Token("x", 0..<1), Token("[MASK]", 2..<9)])
    }

    @Test("a token that is not normalized is looked for as it is written; the default is normalized unless special")
    func raw() throws {
        let raw = parts(#"{"id": 3, "content": "Abc", "normalized": false}"#)
        #expect(try raw.names("Abc abc") == ["[MASK]", "abc"])
        let byDefault = parts(#"{"id": 3, "content": "Abc"}"#)
        #expect(try byDefault.names("Abc abc") == ["[MASK]", "[MASK]"])
        let special = parts(#"{"id": 3, "content": "Abc", "special": true}"#)
        #expect(try special.names("Abc abc") == ["[MASK]", "abc"])
    }

    @Test(
        "a single_word token is found only where no letter, digit or underscore touches it",
        arguments: [
            ("abc", ["[MASK]"]), ("x abc", ["x", "[MASK]"]), (".abc.", ["[UNK]", "[MASK]", "[UNK]"]),
            ("abcd", ["abc", "##d"]), ("xabc", ["x", "##abc"]), ("_abc", ["[UNK]", "abc"]), ("éabc", ["[UNK]"]),
            ("abc東", ["abc", "[UNK]"]), ("abc7", ["[UNK]"]), ("abcd abc", ["abc", "##d", "[MASK]"]),
        ])
    func singleWord(text: String, expected: [String]) throws {
        let parts = parts(#"{"id": 3, "content": "abc", "single_word": true, "normalized": false}"#)
        #expect(try parts.names(text) == expected)
    }

    @Test("lstrip takes the white space before the token into it, rstrip the white space behind it")
    func stripping() throws {
        let text = "hello \u{3000}[MASK] \n world"
        // U+3000 is three bytes: hello is 0..<5, the space and U+3000 5..<9, [MASK] 9..<15, " \n " 15..<18.
        let cases: [(String, Range<Int>)] = [
            ("", 9..<15), (#", "lstrip": true"#, 5..<15), (#", "rstrip": true"#, 9..<18),
            (#", "lstrip": true, "rstrip": true"#, 5..<18),
        ]
        for (flags, range) in cases {
            let parts = parts("{\"id\": 3, \"content\": \"[MASK]\", \"special\": true\(flags)}")
            #expect(
                try parts.tokens(text) == [Token("hello", 0..<5), Token("[MASK]", range), Token("world", 18..<23)],
                "\(flags)")
        }
    }

    @Test("white space that rstrip took is not there for the next token's lstrip")
    func strippingBetween() throws {
        let parts = parts(#"{"id": 3, "content": "[MASK]", "special": true, "lstrip": true, "rstrip": true}"#)
        #expect(try parts.tokens("[MASK]  [MASK]") == [Token("[MASK]", 0..<8), Token("[MASK]", 8..<14)])
    }

    @Test("of two tokens that begin at one place the longer is taken; matches never overlap")
    func longest() throws {
        let parts = parts(
            #"{"id": 1, "content": "<a>", "special": true}, {"id": 2, "content": "<a><b>", "special": true}, {"id": 3, "content": "><", "special": true}"#
        )
        #expect(try parts.names("<a><b>") == ["[SEP]"])
        #expect(try parts.names("<a><a><b>") == ["[CLS]", "[SEP]"])
        #expect(try parts.names("><a>").prefix(1) == ["[MASK]"])
    }

    @Test("an added token outside the vocabulary has an id of its own, which its name finds")
    func outsideVocabulary() throws {
        let tokenizer = try parts(#"{"id": 9000, "content": "[Q] ", "normalized": false, "special": true}"#).load()
        #expect(tokenizer.encode("[Q] hello") == [9_000, 4])
        #expect(tokenizer.tokenID(of: "[Q] ") == 9_000)
        #expect(tokenizer.tokenID(of: "hello") == 4)
        #expect(tokenizer.tokenID(of: "absent") == nil)
    }

    @Test("an added token with an empty text is never found")
    func emptyContent() throws {
        #expect(try parts(#"{"id": 3, "content": "", "special": true}"#).names("hello world") == ["hello", "world"])
    }
}
