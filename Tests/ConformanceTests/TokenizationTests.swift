import Inference
import OrderedJSON
import Ranking
import Testing
import Tokenizers

@Suite("WordPiece tokenizers agree with tokenizers 0.22.2")
struct TokenizationTests {
    static let names = ["wordpiece-uncased", "wordpiece-cased", "wordpiece-pylate", "real-bert-base-uncased"]

    @Test("the ids of 2,200 strings are equal", arguments: names)
    func strings(name: String) throws {
        let tokenizer = try tokenizer(name)
        let encoder = PairEncoder(tokenizer: tokenizer, maxLength: 1_000_000, truncation: .longestFirst)
        let lines = try lines("\(name).jsonl")
        #expect(lines.count == 2_200)
        for line in lines {
            let text = try line.strings("text")
            let ids = tokenizer.encode(text)
            #expect(ids == (try line.integers("ids")), "\(text.debugDescription)")
            #expect(try encoder.encodeSingle(ids).tokenIDs == line.integers("ids_special"), "\(text.debugDescription)")
        }
    }

    @Test("tokens with offsets are the same tokens, and lie in order inside the text", arguments: names)
    func offsets(name: String) throws {
        let tokenizer = try tokenizer(name)
        for line in try lines("\(name).jsonl") {
            let text = try line.strings("text")
            let tokenized = tokenizer.encodeWithOffsets(text)
            #expect(tokenized.tokenIDs == tokenizer.encode(text))
            #expect(tokenized.ranges.count == tokenized.tokenIDs.count)
            #expect(tokenized.ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= text.utf8.count })
            let starts = tokenized.ranges.map(\.lowerBound)
            #expect(zip(starts, starts.dropFirst()).allSatisfy { $0 <= $1 }, "\(text.debugDescription)")
        }
    }

    @Test("the ids and types of 300 pairs are equal under every truncation", arguments: names)
    func pairs(name: String) throws {
        let tokenizer = try tokenizer(name)
        let lines = try lines("\(name).pairs.jsonl")
        #expect(lines.count == 300)
        for line in lines {
            let strategy = line["strategy"]?.stringValue.flatMap(TruncationStrategy.init) ?? .longestFirst
            let limit = line["max_length"]?.floatValue.map { Int($0) } ?? 1_000_000
            let pair = try PairEncoder(tokenizer: tokenizer, maxLength: limit, truncation: strategy).encode(
                tokenizer.encode(line.strings("text")), tokenizer.encode(line.strings("pair")))
            #expect(pair.tokenIDs == (try line.integers("ids")))
            #expect(pair.typeIDs == (try line.integers("type_ids")))
        }
    }

    @Test("normalization and words of 4,000 random strings are equal to the byte, under every combination of flags")
    func randomUnicode() throws {
        let lines = try lines("random-unicode.jsonl")
        #expect(lines.count == 4_000)
        for line in lines {
            var config = JSONObject()
            let flags = try #require(line["flags"]?.arrayValue)
            let names = ["clean_text", "handle_chinese_chars", "strip_accents", "lowercase"]
            for (name, flag) in zip(names, flags) { config[name] = flag }
            let normalizer = try BertNormalizer(config, source: "test")
            let text = try line.strings("text")
            let expected = try #require(line["words"]?.arrayValue).map { try #require($0.stringValue) }
            let words = normalizer.words(of: text)
            // String comparison would take equivalent spellings for equal.
            #expect(
                words.map { Array($0.utf8) } == expected.map { Array($0.utf8) }, "\(flags) \(text.debugDescription)")
        }
    }

    private func tokenizer(_ name: String) throws -> Tokenizer {
        let index = try JSONFile.object(path: Fixtures.directory + "/tokenization/index.json")
        let files = try #require(index["files"]?.objectValue)
        let path = Fixtures.directory + "/" + (try #require(files[name]?.objectValue).strings("tokenizer"))
        return try Tokenizer.load(JSONFile.value(path: path), source: path)
    }

    private func lines(_ file: String) throws -> [JSONObject] {
        let mapped = try MappedFile(path: Fixtures.directory + "/tokenization/" + file)
        return try mapped.bytes.split(separator: 0x0A).map {
            try #require(try JSONValue.parse(UnsafeRawBufferPointer(rebasing: $0)).objectValue)
        }
    }
}
