import OrderedJSON
import Reranking
import TestSupport
import Testing
import Tokenizers

@Suite("Long texts are cut into passages")
struct PassageSplitterTests {
    /// Letters are words, "##" letters continue one, punctuation marks are tokens.
    private func tokenized(_ text: String) throws -> TokenizedText {
        let tokens =
            ["[UNK]", ".", "!", "?", "\"", ")", "…", "。", "！", "東", "京", "🙂", "3", "5"]
            + "abcdefghijklmnopqrstuvwxyz".flatMap { ["\($0)", "##\($0)"] }
        var vocab = JSONObject()
        for (id, token) in tokens.enumerated() { vocab[token] = .number(JSONNumber(id)) }
        let json = """
            {"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
             "model": {"type": "WordPiece", "vocab": \(JSONValue.object(vocab).compact)}}
            """
        return try Tokenizer.load(JSONValue.parse(Array(json.utf8)), source: "test").encodeWithOffsets(text)
    }

    private func split(_ text: String, window: Int, overlap: Int = 0) throws -> [Range<Int>] {
        PassageSplitter(window: window, overlap: overlap).ranges(of: try tokenized(text))
    }

    @Test("a text that fits is one passage, an empty one is none")
    func fits() throws {
        #expect(try split("a b c", window: 3) == [0..<3])
        #expect(try split("a b c", window: 100, overlap: 50) == [0..<3])
        #expect(try split("", window: 3).isEmpty)
    }

    @Test("passages end at sentence ends: of 12 tokens in three sentences of 4, a window of 6 takes one sentence each")
    func sentences() throws {
        #expect(try split("a b c. d e f! g h i?", window: 6) == [0..<4, 4..<8, 8..<12])
        // Of two sentence ends in the window, the last.
        #expect(try split("a b c. d e f. g h i.", window: 9) == [0..<8, 8..<12])
    }

    @Test("a sentence end in the first half of the window is passed over: the passage would be too short")
    func firstHalf() throws {
        // Token 2 begins a sentence; the second half of the window of 6 is tokens 3 to 6.
        #expect(try split("a. b c d e f g", window: 6) == [0..<6, 6..<8])
    }

    @Test("without a sentence end, passages end before the last whole word")
    func words() throws {
        // a ##b ##c | d ##e ##f | g ##h ##i: a window of 4 holds one word.
        #expect(try split("abc def ghi", window: 4) == [0..<3, 3..<6, 6..<9])
    }

    @Test("a word longer than the window is cut at the window")
    func longWord() throws { #expect(try split("abcdefgh", window: 3) == [0..<3, 3..<6, 6..<8]) }

    @Test(
        "the next passage begins at most `overlap` tokens before the last one's end, at a sentence start if there is one"
    )
    func overlaps() throws {
        #expect(try split("a b c. d e f. g h i.", window: 8, overlap: 4) == [0..<8, 4..<12])
        #expect(try split("a b c d e f g h", window: 4, overlap: 1) == [0..<4, 3..<7, 6..<8])
        // Tokens 6 and 7 continue a word, so the overlap of 3 begins at its start, token 5... which is in reach.
        #expect(try split("a b c d e fgh i j k", window: 8, overlap: 3) == [0..<8, 5..<11])
        // An overlap of 2 reaches only into the word, so the next passage begins behind it.
        #expect(try split("a b c d e fgh i j k", window: 8, overlap: 2) == [0..<8, 8..<11])
    }

    @Test("where the overlap and the window both end at the start of one long word, the passage goes into the word")
    func overlapBeforeLongWord() throws {
        #expect(
            try split("a b c d efghijk", window: 4, overlap: 2) == [0..<4, 2..<6, 4..<8, 6..<10, 8..<11])
    }

    @Test("an overlap of more than half the window is cut down to half")
    func largeOverlap() throws {
        #expect(try split("a b c d e f", window: 4, overlap: 100) == split("a b c d e f", window: 4, overlap: 2))
        #expect(try split("a b c", window: 1, overlap: 5) == [0..<1, 1..<2, 2..<3])
    }

    @Test("Chinese has no spaces: its full stops end sentences, and without them the window does")
    func chinese() throws {
        #expect(try split("東京。東京。東", window: 4) == [0..<3, 3..<7])
        #expect(try split("東京東京東京", window: 4) == [0..<4, 4..<6])
    }

    @Test("a line break ends a sentence")
    func lineBreak() throws { #expect(try split("a b\nc d e", window: 4) == [0..<2, 2..<5]) }

    @Test("closing quotes and brackets belong to the sentence that they close; a full stop inside a number ends none")
    func closers() throws {
        #expect(try split("a b.\") c d e", window: 7) == [0..<5, 5..<8])
        // a 3 . 5 b c d: only words begin, at 0, 1, 4, 5 and 6.
        #expect(try split("a 3.5 b c d", window: 4) == [0..<4, 4..<7])
    }

    @Test(
        "every token is in a passage, no passage is longer than the window, each brings something new",
        arguments: 0..<100 as Range<UInt64>)
    func property(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let characters: [Unicode.Scalar] = ["a", "b", "c", " ", " ", ".", "!", "\"", ")", "\n", "東", "。", "🙂", "3"]
        let text = try tokenized(random.text(of: characters, count: 0...300))
        for _ in 0..<20 {
            let (window, overlap) = (random.int(in: 1...24), random.int(in: 0...30))
            let ranges = PassageSplitter(window: window, overlap: overlap).ranges(of: text)
            #expect(ranges.first?.lowerBound ?? 0 == 0)
            #expect(ranges.last?.upperBound ?? 0 == text.tokenIDs.count)
            #expect(ranges.allSatisfy { !$0.isEmpty && $0.count <= window })
            for (range, next) in zip(ranges, ranges.dropFirst()) {
                #expect(next.lowerBound > range.lowerBound && next.lowerBound <= range.upperBound)
                #expect(next.upperBound > range.upperBound, "window \(window), overlap \(overlap): \(ranges)")
                #expect(range.upperBound - next.lowerBound <= min(overlap, window / 2))
            }
        }
    }
}
