import OrderedJSON
import Ranking
import TestSupport
import Testing
import Tokenizers

@Suite("A tokenizer.json that cannot be used is refused")
struct TokenizerFileTests {
    private func error(_ json: String) throws -> RankingError? {
        let value = try JSONValue.parse(Array(json.utf8))
        return #expect(throws: RankingError.self) { try Tokenizer.load(value, source: "tokenizer.json") }
    }

    @Test(
        "a part of an unknown kind is named, with the kinds that are supported",
        arguments: [
            ("model", "WordLevel", "WordPiece, BPE, Unigram"),
            (
                "normalizer", "Nmt",
                "BertNormalizer, NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents, Replace, Prepend, Precompiled, Sequence"
            ),
            (
                "pre_tokenizer", "UnicodeScripts",
                "BertPreTokenizer, ByteLevel, Split, Whitespace, WhitespaceSplit, Punctuation, Digits, Metaspace, Sequence"
            ),
            (
                "post_processor", "Other",
                "TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel, Sequence"
            ),
        ])
    func unknownKind(part: String, kind: String, supported: String) throws {
        var object = try object()
        object[part] = .object(try self.object(#"{"type": "\#(kind)"}"#))
        let error = try error(JSONValue.object(object).compact)
        #expect(error?.code == .unsupportedModel)
        #expect(error?.what == "tokenizer.json has a \(part) of type \"\(kind)\".")
        #expect(error?.why == "Supported are \(supported).")
    }

    @Test(
        "a broken part is a corrupt file, and the error names it",
        arguments: [
            ("model", "null", "has no model"), ("model", "[]", "has a model that is not an object"),
            ("model", #"{"type": 7}"#, "has a type that is not a string"), ("model", "{}", "has no type"),
            ("model", #"{"type": "WordPiece"}"#, "has no vocab object"),
            ("model", #"{"type": "WordPiece", "vocab": []}"#, "has no vocab object"),
            ("model", #"{"type": "WordPiece", "vocab": {"a": 1}}"#, "has no token \"[UNK]\", its own unk_token"),
            (
                "model", #"{"type": "WordPiece", "vocab": {"[UNK]": -1}}"#,
                "gives the token \"[UNK]\" something else than an id from 0"
            ),
            ("model", #"{"type": "WordPiece", "vocab": {"[UNK]": "0"}}"#, "gives the token \"[UNK]\""),
            ("model", #"{"type": "WordPiece", "vocab": {"[UNK]": 1e300}}"#, "gives the token \"[UNK]\""),
            (
                "model", #"{"type": "WordPiece", "vocab": {"[UNK]": 0}, "max_input_chars_per_word": 0}"#,
                "has max_input_chars_per_word 0"
            ),
            ("model", #"{"type": "WordPiece", "vocab": {"[UNK]": 0}, "unk_token": "x"}"#, "has no token \"x\""),
            ("normalizer", #"{"type": "BertNormalizer", "lowercase": 1}"#, "has a lowercase that is not true or false"),
            ("normalizer", #""BertNormalizer""#, "has a normalizer that is not an object"),
            ("added_tokens", "{}", "has added_tokens that are not a list"),
            ("added_tokens", "[7]", "has an added token that is not an object"),
            ("added_tokens", #"[{"content": "x"}]"#, "has no id"), ("added_tokens", #"[{"id": 1}]"#, "has no content"),
            ("added_tokens", #"[{"id": 16777216, "content": "x"}]"#, "has id 16777216, outside 0...16777215"),
            (
                "added_tokens", #"[{"id": 1, "content": "x", "special": "yes"}]"#,
                "has a special that is not true or false"
            ),
            (
                "post_processor", #"{"type": "BertProcessing", "sep": ["[SEP]"]}"#,
                "has a post_processor without sep and its id"
            ),
            (
                "post_processor", #"{"type": "BertProcessing", "sep": ["[SEP]", 2]}"#,
                "has a post_processor without cls and its id"
            ),
            ("post_processor", #"{"type": "TemplateProcessing"}"#, "has a post_processor without special_tokens"),
            (
                "post_processor", #"{"type": "TemplateProcessing", "special_tokens": {}}"#,
                "has a post_processor without single"
            ),
            (
                "post_processor", #"{"type": "TemplateProcessing", "special_tokens": {}, "single": []}"#,
                "has a post_processor without pair"
            ),
            (
                "post_processor", #"{"type": "TemplateProcessing", "special_tokens": {"x": {}}}"#,
                "has a special token \"x\" without ids"
            ),
            (
                "post_processor", #"{"type": "TemplateProcessing", "special_tokens": {"x": {"ids": ["1"]}}}"#,
                "has a special token \"x\" with something else than an id"
            ),
            (
                "post_processor",
                #"{"type": "TemplateProcessing", "special_tokens": {}, "single": [{"SpecialToken": {"id": "x"}}]}"#,
                "names \"x\" in single, but not in special_tokens"
            ),
            (
                "post_processor",
                #"{"type": "TemplateProcessing", "special_tokens": {}, "single": [{"Sequence": {"id": "C"}}]}"#,
                "has a part \"Sequence\" in single that is neither Sequence nor SpecialToken"
            ),
        ])
    func corrupt(part: String, value: String, problem: String) throws {
        var object = try object()
        object[part] = try JSONValue.parse(Array(value.utf8))
        let error = try error(JSONValue.object(object).compact)
        #expect(error?.code == .corruptFile)
        #expect(error?.what.hasPrefix("tokenizer.json") == true)
        #expect(error?.what.contains(problem) == true, "\(error?.what ?? "")")
    }

    @Test("a file that is no JSON object is corrupt", arguments: ["[]", "null", "\"WordPiece\"", "7"])
    func noObject(json: String) throws {
        let error = try error(json)
        #expect(error?.code == .corruptFile)
        #expect(error?.what == "tokenizer.json is not a JSON object.")
    }

    @Test("padding and truncation in the file are passed over: the model's window decides")
    func paddingAndTruncation() throws {
        var object = try object()
        object["truncation"] = try JSONValue.parse(Array(#"{"max_length": 2, "strategy": "LongestFirst"}"#.utf8))
        object["padding"] = try JSONValue.parse(Array(#"{"strategy": {"Fixed": 64}, "pad_id": 0}"#.utf8))
        let tokenizer = try Tokenizer.load(.object(object), source: "tokenizer.json")
        #expect(tokenizer.encode("[SEP] hello hello hello").suffix(3) == [4, 4, 4])
        let encoder = PairEncoder(tokenizer: tokenizer, maxLength: 64, truncation: .longestFirst)
        #expect(try encoder.encode([4, 4, 4], [4]).tokenIDs == [4, 4, 4, 4])
    }

    private func object(_ json: String = TokenizerParts(["hello"]).json) throws -> JSONObject {
        try JSONObject(parsing: json)
    }
}
