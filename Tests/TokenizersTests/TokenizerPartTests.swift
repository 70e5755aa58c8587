import OrderedJSON
import Ranking
import TestSupport
import Testing
import Tokenizers

@Suite("Parts of a tokenizer.json beyond BERT's")
struct TokenizerPartTests {
    private let bpe = #"{"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}"#
    private let unigram =
        #"{"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["▁", -1], ["a", -1], ["▁ab", -1]]}"#

    private func load(_ model: String, _ parts: [String: String] = [:]) throws -> Tokenizer {
        var file = JSONObject()
        file["model"] = try JSONValue.parse(Array(model.utf8))
        for (part, json) in parts { file[part] = try JSONValue.parse(Array(json.utf8)) }
        return try Tokenizer.load(.object(file), source: "tokenizer.json")
    }

    private func error(_ model: String, _ part: String? = nil, _ json: String = "") throws -> RankingError? {
        #expect(throws: RankingError.self) { try load(model, part.map { [$0: json] } ?? [:]) }
    }

    @Test(
        "what is not supported is named, with what is",
        arguments: [
            (
                "pre_tokenizer", #"{"type": "Split", "pattern": {"Regex": "(a|b)*c"}, "behavior": "Isolated"}"#,
                "has the regular expression (a|b)*c", "one class of characters with a quantifier"
            ),
            (
                "pre_tokenizer", #"{"type": "Split", "pattern": {"String": "a"}, "behavior": "Dropped"}"#,
                "has the behavior \"Dropped\"", "Removed, Isolated, MergedWithPrevious, MergedWithNext, Contiguous"
            ),
            (
                "pre_tokenizer", #"{"type": "Metaspace", "replacement": "_", "prepend_scheme": "last"}"#,
                "has the prepend_scheme \"last\"", "always, never, first"
            ),
            (
                "pre_tokenizer",
                #"""
                {"type": "Sequence", "pretokenizers": [{"type": "ByteLevel", "add_prefix_space": false},
                 {"type": "WhitespaceSplit"}]}
                """#, "type \"WhitespaceSplit\" behind ByteLevel", "sequences that end in ByteLevel"
            ),
            (
                "normalizer", #"{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "ByteLevel"}]}"#,
                "has a normalizer of type \"ByteLevel\"", "BertNormalizer, NFC"
            ),
            (
                "post_processor",
                #"""
                {"type": "Sequence", "processors": [{"type": "RobertaProcessing", "cls": ["a", 0], "sep": ["a", 0]},
                 {"type": "BertProcessing", "cls": ["a", 0], "sep": ["a", 0]}]}
                """#, "has 2 post_processors that add special tokens", "one of them"
            ),
            (
                "added_tokens", "[{\"id\": 3, \"content\": \"\(String(repeating: "x", count: 5_000))\"}]",
                "has an added token of 5000 bytes", "up to 4096 bytes"
            ),
        ])
    func unsupported(part: String, json: String, what: String, why: String) throws {
        let error = try error(bpe, part, json)
        #expect(error?.code == .unsupportedModel)
        #expect(error?.what.contains(what) == true, "\(error?.what ?? "")")
        #expect(error?.why.contains(why) == true, "\(error?.why ?? "")")
    }

    @Test(
        "models of a kind that is not supported are named",
        arguments: [
            (#"{"type": "BPE", "vocab": {}, "merges": [], "end_of_word_suffix": "</w>"}"#, "a end_of_word_suffix"),
            (#"{"type": "BPE", "vocab": {}, "merges": [], "continuing_subword_prefix": "@@"}"#, "subword_prefix"),
            (#"{"type": "BPE", "vocab": {}, "merges": [], "dropout": 0.1}"#, "drops merges at random (dropout 0.1)"),
        ])
    func unsupportedModel(model: String, what: String) throws {
        let error = try error(model)
        #expect(error?.code == .unsupportedModel)
        #expect(error?.what.contains(what) == true, "\(error?.what ?? "")")
        let bytes = #"{"type": "ByteLevel", "add_prefix_space": false}"#
        #expect(try self.error(unigram, "pre_tokenizer", bytes)?.what == "tokenizer.json has a Unigram of bytes.")
    }

    @Test(
        "a broken model is a corrupt file, and the error says where",
        arguments: [
            (#"{"type": "BPE", "vocab": {"a": 0}}"#, "has no list of merges"),
            (#"{"type": "BPE", "vocab": {"a": 0}, "merges": ["a b c"]}"#, "has a merge 0 that is not two tokens"),
            (#"{"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]}"#, "a merge 0, a and a, of tokens not in vocab"),
            (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]}"#, "has a merge 0 that is not two tokens"),
            (#"{"type": "BPE", "vocab": {"a": 0}, "merges": [], "unk_token": "?"}"#, "has no token \"?\""),
            (#"{"type": "Unigram", "vocab": []}"#, "has no list of pieces"),
            (#"{"type": "Unigram", "vocab": [["a", 0]]}"#, "has no unk_id"),
            (#"{"type": "Unigram", "vocab": [["a", 0]], "unk_id": 1}"#, "has unk_id 1, outside 0...0"),
            (#"{"type": "Unigram", "vocab": [["a", 0], ["b"]], "unk_id": 0}"#, "has an entry 1 in vocab"),
            (#"{"type": "Unigram", "vocab": [["a", 1e400]], "unk_id": 0}"#, "has an entry 0 in vocab"),
        ])
    func corruptModel(model: String, what: String) throws {
        let error = try error(model)
        #expect(error?.code == .corruptFile)
        #expect(error?.what.contains(what) == true, "\(error?.what ?? "")")
    }

    @Test(
        "a table of rules that ends early, or is no table, is a corrupt file",
        arguments: [
            ("", "is not base64 of a table"), ("AAA", "is not base64 of a table"), ("????", "is not base64 of a table"),
            ("AAAAAA==", "ends before its double array of 0 bytes does"),
            ("CAAAAAAAAAA=", "ends before its double array of 8 bytes does"),
            ("BAAAAAAAAAD/", "has replacements that are not UTF-8"),
        ])
    func corruptCharsmap(base64: String, what: String) throws {
        let json = #"{"type": "Precompiled", "precompiled_charsmap": "\#(base64)"}"#
        let error = try error(bpe, "normalizer", json)
        #expect(error?.code == .corruptFile)
        #expect(error?.what == "tokenizer.json has a precompiled_charsmap that \(what).")
    }

    @Test("a double array whose units point out of it matches nothing")
    func strayUnits() throws {
        // Two units: the root's offset is 2^21 - 1, far behind the end.
        let json = #"{"type": "Precompiled", "precompiled_charsmap": "CAAAAAD8//8A/P//"}"#
        #expect(try load(bpe, ["normalizer": json]).encode("ab\u{301}a") == [2, 0])
    }

    @Test("without a pre_tokenizer, merges go across spaces, and unknown characters vanish without an unk_token")
    func wholeText() throws {
        let model = #"{"type": "BPE", "vocab": {"a": 0, " ": 1, "a ": 2, "a a": 3}, "merges": ["a  ", "a  a"]}"#
        #expect(throws: RankingError.self) { try load(model) }
        let pairs =
            #"{"type": "BPE", "vocab": {"a": 0, " ": 1, "a ": 2, "a a": 3}, "merges": [["a", " "], ["a ", "a"]]}"#
        let tokenized = try load(pairs).encodeWithOffsets("a a?a")
        #expect(tokenized.tokenIDs == [3, 0])
        #expect(tokenized.ranges == [0..<3, 4..<5])
    }

    @Test("tokens of bytes span the whole character: é is two bytes and two tokens")
    func byteOffsets() throws {
        // In GPT-2's alphabet the bytes C3 A9 are Ã and ©, and a space is Ġ.
        let model = #"{"type": "BPE", "vocab": {"Ã": 0, "©": 1, "a": 2, "Ġ": 3, "Ġa": 4}, "merges": [["Ġ", "a"]]}"#
        let bytes = #"{"type": "ByteLevel", "add_prefix_space": true}"#
        let tokenized = try load(model, ["pre_tokenizer": bytes]).encodeWithOffsets("aé a")
        #expect(tokenized.tokenIDs == [4, 0, 1, 4])
        #expect(tokenized.ranges == [0..<1, 1..<3, 1..<3, 3..<5])
    }

    @Test("a mark that is put in front of a text has no bytes; what is unknown is one token")
    func metaspaceOffsets() throws {
        let mark = #"{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true}"#
        let tokenized = try load(unigram, ["pre_tokenizer": mark]).encodeWithOffsets("ax?! ab")
        #expect(tokenized.tokenIDs == [1, 2, 0, 3])
        #expect(tokenized.ranges == [0..<0, 0..<1, 1..<4, 4..<7])
    }

    @Test("marks that change places in NFC all come from their run")
    func reorderedMarks() throws {
        let model = #"{"type": "BPE", "vocab": {"ạ": 0, "\u0301": 1, "b": 2}, "merges": []}"#
        let tokenized = try load(model, ["normalizer": #"{"type": "NFC"}"#]).encodeWithOffsets("a\u{301}\u{323}b")
        #expect(tokenized.tokenIDs == [0, 1, 2])
        #expect(tokenized.ranges == [0..<5, 1..<5, 5..<6])
    }

    @Test("a Sequence of post-processors is the template in it: ByteLevel adds nothing")
    func templateInSequence() throws {
        let json = #"""
            {"type": "Sequence", "processors": [{"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false},
             {"type": "RobertaProcessing", "cls": ["<s>", 7], "sep": ["</s>", 8]}]}
            """#
        let tokenizer = try load(bpe, ["post_processor": json])
        let pair = try PairEncoder(tokenizer: tokenizer, maxLength: 16, truncation: .longestFirst).encode([1], [2])
        #expect(pair.tokenIDs == [7, 1, 8, 8, 2, 8])
        #expect(pair.typeIDs == [0, 0, 0, 0, 0, 0])
    }

    @Test("how many tokens a text can have is only known of BERT's tokenizers")
    func bound() throws {
        #expect(try TokenizerParts().load().maxTokens(ofUTF8Bytes: 7) == 7)
        #expect(try load(bpe).maxTokens(ofUTF8Bytes: 7) == nil)
    }
}
