import OrderedJSON
import Ranking

/// What makes tokens of words: the `model` of a tokenizer.json.
enum TokenizerModel: Sendable {
    case wordPiece(WordPiece)
    case bpe(BPE)
    case unigram(Unigram)

    private enum Kind: String, CaseIterable {
        case wordPiece = "WordPiece"
        case bpe = "BPE"
        case unigram = "Unigram"
    }

    init(_ file: JSONObject, isByteLevel: Bool, source: String) throws(RankingError) {
        guard let (kind, config) = try TokenizerFile.kind(of: "model", in: file, as: Kind.self, source: source) else {
            throw FieldReader(file, source: source).corrupt("has no model")
        }
        guard kind == .bpe || !isByteLevel else {
            throw TokenizerFile.unsupported(
                "\(source) has a \(kind.rawValue) of bytes.", supported: ["a BPE behind a ByteLevel pre_tokenizer"])
        }
        switch kind {
        case .wordPiece: self = .wordPiece(try WordPiece(config, source: source))
        case .bpe: self = .bpe(try BPE(config, isByteLevel: isByteLevel, source: source))
        case .unigram: self = .unigram(try Unigram(config, source: source))
        }
    }

    var isWordPiece: Bool {
        if case .wordPiece = self { true } else { false }
    }

    func id(of token: String) -> Int32? {
        switch self {
        case .wordPiece(let model): model.id(of: token)
        case .bpe(let model): model.id(of: token)
        case .unigram(let model): model.id(of: token)
        }
    }

    /// Calls `body` with the id and the range of scalars of each token of all pieces.
    func tokenize(_ words: PreTokenizedText, _ scratch: inout Scratch, _ body: (Int32, Range<Int>) -> Void) {
        let scalars = words.text.scalars
        switch self {
        case .wordPiece(let model):
            for word in words.pieces { model.tokenize(scalars, word, &scratch.wordPiece, body) }
        case .bpe(let model):
            for word in words.pieces { model.tokenize(scalars, word, &scratch.bpe, body) }
        case .unigram(let model):
            for word in words.pieces { model.tokenize(scalars, word, &scratch.unigram, body) }
        }
    }

    /// Memory that the words of a text share.
    struct Scratch {
        var wordPiece = WordPiece.Scratch()
        var bpe = BPE.Scratch()
        var unigram = Unigram.Scratch()
    }
}
