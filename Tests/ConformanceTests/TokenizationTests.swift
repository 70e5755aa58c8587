import Inference
import OrderedJSON
import Ranking
import Testing
import Tokenizers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("Tokenizers agree with tokenizers 0.22.2")
struct TokenizationTests {
    static let names =
        [
            "wordpiece-uncased", "wordpiece-cased", "wordpiece-pylate", "real-bert-base-uncased", "bpe-roberta",
            "bpe-modernbert", "bpe-qwen2", "bpe-qwen3", "bpe-gemma", "unigram-deberta-v2", "unigram-xlm-roberta",
            "unigram-xlm-roberta-current", "unigram-xlm-roberta-replace",
        ] + large

    /// Two real tokenizers, too large to be stored. `Tools/golden/generate.py DIRECTORY --real-tokenizers` writes them;
    /// RESIFT_REAL_TOKENIZERS names the directory.
    private static let large: [String] = {
        guard let directory = realTokenizers else { return [] }
        return ["real-xlm-roberta", "real-qwen2"].filter { FileStatus.isFile("\(directory)/\($0).json") }
    }()
    private static let realTokenizers = getenv("RESIFT_REAL_TOKENIZERS").map { String(cString: $0) }

    @Test("the ids of 2,200 strings are equal", arguments: names)
    func strings(name: String) throws {
        let tokenizer = try Self.tokenizer(name)
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
        let tokenizer = try Self.tokenizer(name)
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
        let tokenizer = try Self.tokenizer(name)
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

    @Test("small tokenizers of every kind of part give the same ids for random texts")
    func parts() throws {
        let lines = try lines("parts.jsonl")
        #expect(lines.count == 194)
        for line in lines {
            let file = try #require(line["tokenizer"]?.objectValue)
            let tokenizer = try Tokenizer.load(.object(file), source: "test")
            let texts = try #require(line["texts"]?.arrayValue).map { try #require($0.stringValue) }
            let expected = try #require(line["ids"]?.arrayValue).map { try $0.floats().map { Int32($0) } }
            for (text, ids) in zip(texts, expected) {
                #expect(tokenizer.encode(text) == ids, "\(parts(file)) \(text.debugDescription)")
                #expect(tokenizer.encodeWithOffsets(text).tokenIDs == ids)
            }
        }
    }

    /// Enough to tell tokenizers apart.
    private func parts(_ file: JSONObject) -> [String] {
        ["normalizer", "pre_tokenizer", "added_tokens"].map { String(file[$0]?.compact.prefix(200) ?? "") }
    }

    static func tokenizer(_ name: String) throws -> Tokenizer {
        let index = try JSONFile.object(path: Fixtures.directory + "/tokenization/index.json")
        let files = try #require(index["files"]?.objectValue)
        let stored = try #require(files[name]?.objectValue)["tokenizer"]?.stringValue
        let path = stored.map { Fixtures.directory + "/" + $0 } ?? "\(realTokenizers ?? "")/\(name).json"
        return try Tokenizer.load(JSONFile.value(path: path), source: path)
    }

    private func lines(_ file: String) throws -> [JSONObject] {
        let mapped = try MappedFile(path: Fixtures.directory + "/tokenization/" + file)
        return try mapped.bytes.split(separator: 0x0A).map {
            try #require(try JSONValue.parse(UnsafeRawBufferPointer(rebasing: $0)).objectValue)
        }
    }
}
