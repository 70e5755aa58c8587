import OrderedJSON
import TestSupport
import Testing
import Tokenizers

/// A quadratic step anywhere would take minutes here, not seconds.
@Suite("Large texts of any kind are tokenized")
struct LargeTextTests {
    enum Kind: String, CaseIterable, CustomTestStringConvertible {
        case bytes, characters, unigram

        var testDescription: String { rawValue }

        /// Every token has "a" to the power of two in it, so that merges and pieces overlap all the way.
        private static let powers = (0..<8).map { String(repeating: "a", count: 1 << $0) }

        func load() throws -> Tokenizer {
            let normalizer = #"{"type": "NFKC"}"#
            switch self {
            case .bytes:
                let vocab = Self.object(Self.byteCharacters + Self.powers.dropFirst())
                return try Self.load(
                    normalizer, #"{"type": "ByteLevel", "add_prefix_space": false}"#,
                    #"{"type": "BPE", "vocab": \#(vocab), "merges": \#(Self.merges)}"#)
            case .characters:
                let vocab = Self.object(["<unk>"] + Self.powers)
                return try Self.load(
                    normalizer, "null",
                    #"{"type": "BPE", "unk_token": "<unk>", "vocab": \#(vocab), "merges": \#(Self.merges)}"#)
            case .unigram:
                let pieces = (["<unk>", "\u{2581}"] + Self.powers).map { "[\(JSONValue.string($0).compact), -1]" }
                return try Self.load(
                    normalizer, #"{"type": "Metaspace", "replacement": "▁"}"#,
                    #"{"type": "Unigram", "unk_id": 0, "vocab": [\#(pieces.joined(separator: ","))]}"#)
            }
        }

        private static let merges: String = {
            let pairs = powers.dropLast().map { "[\"\($0)\", \"\($0)\"]" }
            return "[\(pairs.joined(separator: ","))]"
        }()

        /// GPT-2's character of each byte.
        private static let byteCharacters: [String] = {
            var next: UInt32 = 0x100
            return (0..<256 as Range<UInt32>).map { byte in
                let isShown = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
                if !isShown { next += 1 }
                return Unicode.Scalar(isShown ? byte : next - 1).map { String($0) } ?? ""
            }
        }()

        private static func object(_ tokens: [String]) -> String {
            "{" + tokens.enumerated().map { "\(JSONValue.string($1).compact): \($0)" }.joined(separator: ",") + "}"
        }

        private static func load(_ normalizer: String, _ preTokenizer: String, _ model: String) throws -> Tokenizer {
            let json = #"{"normalizer": \#(normalizer), "pre_tokenizer": \#(preTokenizer), "model": \#(model)}"#
            return try Tokenizer.load(JSONValue.parse(Array(json.utf8)), source: "test")
        }
    }

    static let units = [
        " ", "\n", "\r\n", "'", ".", "1", "\u{0}", "\u{FFFD}", "\u{301}", "\u{301}\u{323}", "e\u{301}", "東", "क्",
        "\u{1100}\u{1161}\u{11A8}", "שלום ", "😀", "🇩", "👩\u{200D}", "\u{200D}",
    ]

    @Test("one character, again and again: the ranges of the tokens cover it in order", arguments: Kind.allCases)
    func repeated(kind: Kind) throws {
        let tokenizer = try kind.load()
        for unit in Self.units {
            let text = String(repeating: unit, count: 300_000 / unit.utf8.count)
            let tokenized = tokenizer.encodeWithOffsets(text)
            #expect(tokenized.ranges.first?.lowerBound == 0)
            #expect(tokenized.ranges.last?.upperBound == text.utf8.count)
            let starts = tokenized.ranges.map(\.lowerBound)
            #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 })
        }
    }

    @Test("a million letters that merge all the way: 7,812 tokens of 128, and one of 64", arguments: Kind.allCases)
    func merging(kind: Kind) throws {
        // 1,000,000 = 7,812 * 128 + 64
        let tokenizer = try kind.load()
        let ids = tokenizer.encode(String(repeating: "a", count: 1_000_000))
        let longest = try #require(tokenizer.tokenID(of: String(repeating: "a", count: 128)))
        let half = try #require(tokenizer.tokenID(of: String(repeating: "a", count: 64)))
        let letters = ids.drop { $0 != longest && $0 != half }
        #expect(letters.count { $0 == longest } == 7_812)
        #expect(letters.count { $0 == half } == 1)
        #expect(letters.count == 7_813)
    }

    @Test("random bytes, repaired to text, and a word of 10,000 accents", arguments: Kind.allCases)
    func random(kind: Kind) throws {
        let tokenizer = try kind.load()
        var generator = SeededGenerator(seed: 11)
        let bytes = (0..<300_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(tokenizer.encodeWithOffsets(text).ranges.last?.upperBound == text.utf8.count)
        let marks = String(repeating: "\u{323}\u{301}", count: 5_000)
        #expect(tokenizer.encodeWithOffsets("a" + marks).ranges.last?.upperBound == 20_001)
    }
}
