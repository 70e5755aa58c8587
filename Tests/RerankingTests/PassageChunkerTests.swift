import Foundation
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing
import Tokenizers

@Suite("Documents are cut into passages for an index")
struct PassageChunkerTests {
    /// Letters are words, "##" letters continue one.
    private static let tokenizer: Tokenizer? = {
        let tokens =
            ["[UNK]", ".", "!", "?", "\"", ")", "東", "京", "🙂"]
            + "abcdefghijklmnopqrstuvwxyz".flatMap { ["\($0)", "##\($0)"] }
        var vocab = JSONObject()
        for (id, token) in tokens.enumerated() { vocab[token] = .number(JSONNumber(id)) }
        let json = """
            {"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
             "model": {"type": "WordPiece", "vocab": \(JSONValue.object(vocab).compact)}}
            """
        return try? Tokenizer.load(JSONValue.parse(Array(json.utf8)), source: "test")
    }()

    private func chunk(
        _ title: String, _ text: String, tokens: Int, overlap: Int = 0
    ) throws -> PassageChunker.Passages {
        try PassageChunker(
            tokenizer: #require(Self.tokenizer), passageTokens: tokens, overlapTokens: overlap
        ).passages(title: title, text: text)
    }

    private func texts(_ title: String, _ text: String, tokens: Int, overlap: Int = 0) throws -> [String] {
        try chunk(title, text, tokens: tokens, overlap: overlap).ranges.map {
            String(decoding: Array(text.utf8)[$0], as: UTF8.self)
        }
    }

    @Test("a document that fits is one passage of its whole text, an empty one too")
    func fits() throws {
        #expect(try chunk("a b", " c d ", tokens: 100).ranges == [0..<5])
        #expect(try chunk("a b", " c d ", tokens: 4).ranges == [0..<5])
        #expect(try chunk("a", "", tokens: 4) == PassageChunker.Passages(titleUTF8Count: 1, ranges: [0..<0]))
        #expect(try chunk("a b c", "   ", tokens: 2).ranges == [0..<3])
    }

    @Test("the title's tokens count in every passage, and passages end with sentences")
    func title() throws {
        // Sentences of 4 tokens: a window of 9 holds two, and with a title of 2 tokens one.
        let text = "a b c. d e f. g h i."
        #expect(try texts("", text, tokens: 9) == ["a b c. d e f.", "g h i."])
        #expect(try texts("x y", text, tokens: 9) == ["a b c.", "d e f.", "g h i."])
    }

    @Test("a title longer than half of the window is cut to that")
    func longTitle() throws {
        let passages = try chunk("a b c d e f g h", "a b c d e", tokens: 6)
        #expect(passages == PassageChunker.Passages(titleUTF8Count: 5, ranges: [0..<5, 6..<9]))
    }

    @Test("what becomes no token belongs to the passage before it")
    func gaps() throws {
        // U+200D is dropped by the normalizer.
        let text = "\u{200D}a b\u{200D} \u{200D} c d"
        #expect(try texts("", text, tokens: 2) == ["\u{200D}a b\u{200D} \u{200D}", "c d"])
    }

    @Test("a window without room and an overlap that is not below it are errors")
    func options() throws {
        let tokenizer = try #require(Self.tokenizer)
        for (tokens, overlap) in [(1, 0), (0, 0), (-5, 0), (4, 4), (4, -1)] {
            let error = #expect(throws: RankingError.self) {
                try PassageChunker(tokenizer: tokenizer, passageTokens: tokens, overlapTokens: overlap)
            }
            #expect(error?.code == .invalidInput)
        }
    }

    @Test(
        "only white space is in no passage; read alone, no passage exceeds the window unless it begins inside a word",
        arguments: 0..<200 as Range<UInt64>)
    func property(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let tokenizer = try #require(Self.tokenizer)
        let characters: [Unicode.Scalar] = [
            "a", "b", "c", "A", "é", "\u{301}", "\u{316}", " ", " ", " ", ".", "!", "\"", ")", "\n", "東", "한", "İ", "🙂",
            "\u{200D}",
        ]
        for _ in 0..<10 {
            let title = random.text(of: characters, count: 0...12)
            let text = random.text(of: characters, count: 0...400)
            let bytes = Array(text.utf8)
            let tokens = random.int(in: 4...64)
            let overlap = random.int(in: 0...tokens - 1)
            let passages = try chunk(title, text, tokens: tokens, overlap: overlap)
            #expect(try passages == chunk(title, text, tokens: tokens, overlap: overlap))
            var isCovered = [Bool](repeating: false, count: bytes.count)
            let readTitle = String(decoding: Array(title.utf8).prefix(passages.titleUTF8Count), as: UTF8.self)
            for range in passages.ranges {
                for index in range { isCovered[index] = true }
                let passage = try #require(String(validating: bytes[range], as: UTF8.self))
                let startsWord =
                    range.lowerBound == 0 || bytes[range.lowerBound - 1] <= 0x20
                    || bytes[range.lowerBound] >= 0x80 || bytes[range.lowerBound - 1] < 0x41
                let count = tokenizer.encode(readTitle + " " + passage).count
                if startsWord { #expect(count <= tokens, "\(text.debugDescription), window \(tokens)") }
            }
            let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
            #expect(bytes.indices.allSatisfy { isCovered[$0] || isSpace(bytes[$0]) })
            for (range, next) in zip(passages.ranges, passages.ranges.dropFirst()) {
                #expect(next.lowerBound > range.lowerBound && next.upperBound > range.upperBound)
            }
        }
    }

    @Test(
        "no code point, and no pair of neighbours, has more tokens than bytes",
        arguments: [true, false], [true, false])
    func bound(stripsAccents: Bool, lowercases: Bool) throws {
        let json = #"{"strip_accents": \#(stripsAccents), "lowercase": \#(lowercases)}"#
        let normalizer = try BertNormalizer(JSONObject(parsing: json), source: "test")
        let tokenizer = try #require(Self.tokenizer)
        #expect(tokenizer.maxTokens(ofUTF8Bytes: 7) == 7)
        var previous: Unicode.Scalar = "a"
        for value in 0..<0x110000 as Range<UInt32> {
            guard let scalar = Unicode.Scalar(value) else { continue }
            for text in [String(scalar), String(previous) + String(scalar)] {
                // A word of WordPiece has at most as many tokens as code points.
                let most = normalizer.words(of: text).reduce(0) { $0 + $1.unicodeScalars.count }
                if let bound = tokenizer.maxTokens(ofUTF8Bytes: text.utf8.count), most > bound {
                    Issue.record("U+\(String(value, radix: 16)): \(most) tokens of \(text.utf8.count) bytes")
                }
            }
            previous = scalar
        }
    }

    @Test(
        "ten megabytes are cut in seconds, whatever they are",
        arguments: ["the river is long. ", ")", "a", "東", "\u{301}", "a\u{301}.\" ", "\n"])
    func large(piece: String) throws {
        let text = String(repeating: piece, count: 10_000_000 / piece.utf8.count)
        let start = ContinuousClock.now
        #expect(try !chunk("title", text, tokens: 256, overlap: 64).ranges.isEmpty)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        #expect(seconds < 30)
    }
}
