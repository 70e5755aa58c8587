import OrderedJSON
import TestSupport
import Testing
import Tokenizers

/// Work that grows with the square of a megabyte is 10^12 steps: such a test does not end within its limit.
@Suite("Every tokenizer of the fixtures takes any text, in time that grows with its length", .timeLimit(.minutes(10)))
struct AnyTextTests {
    @Test("1 MB of one character", arguments: TokenizationTests.names)
    func oneCharacter(name: String) throws {
        let tokenizer = try TokenizationTests.tokenizer(name)
        for character in ["a", "7", "東"] {
            let text = String(repeating: character, count: 1_000_000 / character.utf8.count)
            #expect(check(tokenizer, text).last?.upperBound == text.utf8.count)
        }
        // Some tokenizers make nothing of these.
        for character in [" ", "\u{301}"] {
            check(tokenizer, String(repeating: character, count: 1_000_000 / character.utf8.count))
        }
    }

    @Test("random bytes, repaired to text; half of them continue a character", arguments: TokenizationTests.names)
    func randomBytes(name: String) throws {
        var generator = SeededGenerator(seed: 17)
        let bytes = (0..<200_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let continued = bytes.enumerated().map { $0.offset.isMultiple(of: 2) ? $0.element : $0.element & 0x3F | 0x80 }
        let tokenizer = try TokenizationTests.tokenizer(name)
        check(tokenizer, String(decoding: bytes, as: UTF8.self))
        check(tokenizer, String(decoding: continued, as: UTF8.self))
    }

    @Test("lone surrogates, as JSON and as bytes write them", arguments: TokenizationTests.names)
    func surrogates(name: String) throws {
        let tokenizer = try TokenizationTests.tokenizer(name)
        let json = #"""# + String(repeating: #"\ud800x\udc00 \udbff"#, count: 2_000) + #"""#
        check(tokenizer, try #require(try JSONValue.parse(Array(json.utf8)).stringValue))
        let bytes = [[UInt8]](repeating: [0xED, 0xA0, 0x80, 0x78, 0xED, 0xBF, 0xBF], count: 2_000)
        check(tokenizer, String(decoding: bytes.joined(), as: UTF8.self))
    }

    @Test("right-to-left text, and a letter with 10,000 combining marks", arguments: TokenizationTests.names)
    func marks(name: String) throws {
        let tokenizer = try TokenizationTests.tokenizer(name)
        check(tokenizer, String(repeating: "שָׁלוֹם עוֹלָם \u{202E}مَرْحَبًا\u{202C} بالعالم، ", count: 4_000))
        // Of two classes, in the order that normalization has to reverse.
        check(tokenizer, "e" + String(repeating: "\u{301}\u{323}", count: 5_000))
    }

    @Test(
        "a document of 10 MB",
        arguments: ["wordpiece-uncased", "bpe-qwen3", "bpe-gemma", "unigram-xlm-roberta", "unigram-deberta-v2"])
    func large(name: String) throws {
        let sentence = "The river's 2nd mouth, naïve 東京 שלום क्षत्रिय 😀\n\n"
        check(
            try TokenizationTests.tokenizer(name),
            String(repeating: sentence, count: 10_000_000 / sentence.utf8.count + 1))
    }

    /// The tokens' ranges lie in order inside the text.
    @discardableResult
    private func check(_ tokenizer: Tokenizer, _ text: String) -> [Range<Int>] {
        let ranges = tokenizer.encodeWithOffsets(text).ranges
        let (length, starts) = (text.utf8.count, ranges.map(\.lowerBound))
        #expect(ranges.allSatisfy { $0.lowerBound >= 0 && $0.lowerBound <= $0.upperBound && $0.upperBound <= length })
        #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 })
        return ranges
    }
}
