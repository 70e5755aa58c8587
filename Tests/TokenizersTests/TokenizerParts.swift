import OrderedJSON
import Ranking
import TestSupport
import Tokenizers

/// A small tokenizer.json to be put together by hand. Ids are positions in `vocab`.
struct TokenizerParts {
    var vocab = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    var normalizer: String? = #"{"type": "BertNormalizer"}"#
    var preTokenizer: String? = #"{"type": "BertPreTokenizer"}"#
    var postProcessor: String?
    var addedTokens: String?
    /// Further members of the model: `, "max_input_chars_per_word": 5`.
    var modelExtras = ""

    init(_ words: [String] = []) { vocab += words }

    var json: String {
        let tokens = vocab.enumerated().map { "\(JSONValue.string($1).compact): \($0)" }.joined(separator: ", ")
        return """
            {"added_tokens": \(addedTokens ?? "[]"), "normalizer": \(normalizer ?? "null"),
             "pre_tokenizer": \(preTokenizer ?? "null"), "post_processor": \(postProcessor ?? "null"),
             "model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab": {\(tokens)}\(modelExtras)}}
            """
    }

    func load() throws -> Tokenizer {
        try Tokenizer.load(JSONValue.parse(Array(json.utf8)), source: "tokenizer.json")
    }

    /// The tokens of a text by name, and what part of the text each is.
    func tokens(_ text: String) throws -> [Token] {
        let tokenized = try load().encodeWithOffsets(text)
        return zip(tokenized.tokenIDs, tokenized.ranges).map { Token(vocab[Int($0)], $1) }
    }

    func names(_ text: String) throws -> [String] { try tokens(text).map(\.name) }
}

struct Token: Equatable, CustomStringConvertible {
    var name: String
    /// UTF-8 bytes of the text.
    var range: Range<Int>

    init(_ name: String, _ range: Range<Int>) {
        self.name = name
        self.range = range
    }

    var description: String { "\(name) \(range)" }
}
