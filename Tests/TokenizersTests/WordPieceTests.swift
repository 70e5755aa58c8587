import TestSupport
import Testing
import Tokenizers

@Suite("WordPiece takes the longest token at each place")
struct WordPieceTests {
    @Test(
        "a word is its longest beginning, then the longest continuations; what cannot be covered is unknown as a whole")
    func byHand() throws {
        let parts = TokenizerParts(["un", "una", "##ff", "##aff", "##able", "##f"])
        #expect(try parts.names("unaffable") == ["una", "##ff", "##able"])
        #expect(try parts.names("unaff un") == ["una", "##ff", "un"])
        #expect(try parts.names("unaffablex") == ["[UNK]"])
        #expect(try parts.names("able") == ["[UNK]"])
        // Greedy: "una" is taken, so "##aff" never is, and no other split is tried.
        #expect(try parts.names("unaf") == ["una", "##f"])
    }

    @Test("an unknown word spans all its characters")
    func unknownSpan() throws {
        #expect(
            try TokenizerParts(["a"]).tokens("a xyz a") == [
                Token("a", 0..<1), Token("[UNK]", 2..<5), Token("a", 6..<7),
            ])
    }

    @Test("tokens whose spellings only look alike stay apart: é as C3 A9, and as 65 CC 81")
    func lookAlikes() throws {
        var parts = TokenizerParts(["\u{E9}", "e\u{301}"])
        parts.normalizer = nil
        let tokenizer = try parts.load()
        #expect(tokenizer.encode("\u{E9}") == [4])
        #expect(tokenizer.encode("e\u{301}") == [5])
        #expect(tokenizer.tokenID(of: "\u{E9}") == 4)
        #expect(tokenizer.tokenID(of: "e\u{301}") == 5)
    }

    @Test("another continuation prefix is the file's choice; with an empty one, continuations are plain tokens")
    func otherPrefix() throws {
        var parts = TokenizerParts(["ab", "@c", "##c", "d"])
        parts.modelExtras = #", "continuing_subword_prefix": "@""#
        #expect(try parts.names("abc") == ["ab", "@c"])
        parts.modelExtras = #", "continuing_subword_prefix": """#
        #expect(try parts.names("abd") == ["ab", "d"])
    }

    @Test(
        "words of up to max_input_chars_per_word code points are cut, longer ones are unknown", arguments: [1, 5, 100])
    func longWords(limit: Int) throws {
        var parts = TokenizerParts(["é", "##é"])
        parts.normalizer = nil
        if limit != 100 { parts.modelExtras = ", \"max_input_chars_per_word\": \(limit)" }
        let word = String(repeating: "\u{E9}", count: limit)
        #expect(try parts.names(word) == ["é"] + Array(repeating: "##é", count: limit - 1))
        #expect(try parts.names(word + "\u{E9}") == ["[UNK]"])
    }

    @Test("words of 100 characters that are all beginnings of tokens come out right")
    func longPrefixes() throws {
        let runs = (1...100).map { String(repeating: "a", count: $0) }
        let parts = TokenizerParts(runs + runs.map { "##" + $0 } + ["##b"])
        let tokenizer = try parts.load()
        #expect(try parts.names(runs[99]) == [runs[99]])
        #expect(try parts.names(runs[98] + "b") == [runs[98], "##b"])
        // b cuts the second run: 49 + 1 + 50.
        #expect(try parts.names(runs[48] + "b" + runs[49]) == [runs[48], "##b", "##" + runs[49]])
        let hopeless = runs[98] + "c"
        let text = Array(repeating: hopeless, count: 2_000).joined(separator: " ")
        #expect(tokenizer.encode(text) == Array(repeating: 0, count: 2_000))
    }

    @Test("random texts agree with the definition, on random vocabularies", arguments: 0..<60 as Range<UInt64>)
    func againstDefinition(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let letters: [Unicode.Scalar] = ["a", "b", "c", "\u{E9}", "e", "\u{301}", "東", "🙂"]
        var parts = TokenizerParts()
        parts.normalizer = nil
        parts.modelExtras = ", \"max_input_chars_per_word\": 12"
        var exact = Set(parts.vocab.map { Array($0.utf8) })
        for _ in 0..<random.int(in: 5...60) {
            let token = (random.oneIn(2) ? "##" : "") + random.text(of: letters, count: 1...4)
            if exact.insert(Array(token.utf8)).inserted { parts.vocab.append(token) }
        }
        let tokenizer = try parts.load()
        for _ in 0..<50 {
            let text = random.text(of: letters + letters + [" ", " "], count: 0...60)
            let expected = text.unicodeScalars.split(separator: " ").flatMap {
                naive(Array($0), parts.vocab, limit: 12)
            }
            #expect(tokenizer.encode(text) == expected, "\(text.debugDescription)")
        }
    }

    /// The definition, without a thought for speed: ids of one word.
    private func naive(_ word: [Unicode.Scalar], _ vocab: [String], limit: Int) -> [Int32] {
        guard word.count <= limit else { return [0] }
        var ids: [Int32] = []
        var rest = word[...]
        while !rest.isEmpty {
            let prefix: [Unicode.Scalar] = ids.isEmpty ? [] : ["#", "#"]
            let longest = (1...rest.count).reversed().lazy.compactMap { count in
                vocab.firstIndex { Array($0.unicodeScalars) == prefix + rest.prefix(count) }.map { (count, $0) }
            }.first
            guard let (count, id) = longest else { return [0] }
            ids.append(Int32(id))
            rest = rest.dropFirst(count)
        }
        return ids
    }
}
