import Inference
import OrderedJSON
import Ranking

/// What the files of a late-interaction checkpoint say, whichever library wrote them.
///
/// | layout | told by | settings | projection |
/// |---|---|---|---|
/// | Stanford (colbert-ai) | artifact.metadata | artifact.metadata | `linear.weight` beside the body |
/// | PyLate | modules.json | config_sentence_transformers.json | a folder for each Dense step |
/// | body alone | neither | those of colbert-ai | none: the hidden states are the vectors |
struct LateInteractionDirectory {
    enum Layout: String, CaseIterable, Sendable {
        case stanford
        case pyLate = "pylate"
        case body
    }

    /// A linear layer of the projection: the folder of its weights, and its name in them.
    struct Projection {
        var folder: String
        var source: LinearSource
        /// As its own file says; nil where none does.
        var inputs: Int?
        var outputs: Int
    }

    let layout: Layout
    /// The folder of config.json, tokenizer.json and the body's weights.
    private(set) var bodyPath: String
    /// The tokens that stand behind the first token of a query, and of a document.
    private(set) var queryMarker = "[unused0]"
    private(set) var documentMarker = "[unused1]"
    /// Tokens of a query, to which it is expanded, and the most of a document; special tokens and marker included.
    private(set) var queryTokens = 32
    private(set) var documentTokens = 220
    private(set) var expandsQueries = true
    /// True if a query's tokens attend to the expansion.
    private(set) var attendsToExpansion = false
    /// Documents' tokens of this kind have no vector.
    private(set) var skippedWords = LateInteractionDirectory.punctuation
    private(set) var projections: [Projection] = []

    /// Far above any published model. A query has as many tokens as its settings say, however short its text.
    private static let queryTokensRange = 1...8_192
    private static let documentTokensRange = 1...1_048_576

    /// Python's string.punctuation.
    private static let punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~".map(String.init)

    /// True if the files say that the model is one for late interaction; a body alone does not.
    static func isDeclared(path: String) -> Bool {
        if FileStatus.isFile(path + "/artifact.metadata") { return true }
        guard FileStatus.isFile(path + "/modules.json"),
            let settings = try? JSONFile.object(path: path + "/config_sentence_transformers.json")
        else { return false }
        return isPyLate(settings)
    }

    private static func isPyLate(_ settings: JSONObject) -> Bool {
        settings["model_type"] == .string("ColBERT") || settings["similarity_fn_name"] == .string("MaxSim")
    }

    init(path directory: String) throws(RankingError) {
        bodyPath = directory
        if FileStatus.isFile(directory + "/artifact.metadata") {
            layout = .stanford
            try readStanford(directory)
        } else if FileStatus.isFile(directory + "/modules.json") {
            layout = .pyLate
            try readPyLate(directory)
        } else {
            layout = .body
        }
    }

    private mutating func readStanford(_ directory: String) throws(RankingError) {
        let path = directory + "/artifact.metadata"
        let settings = try JSONFile.object(path: path)
        let reader = FieldReader(settings, source: path)
        queryMarker = try reader.string("query_token_id", default: queryMarker)
        documentMarker = try reader.string("doc_token_id", default: documentMarker)
        queryTokens = try reader.integer(
            "query_maxlen", in: LateInteractionDirectory.queryTokensRange, default: queryTokens)
        documentTokens = try reader.integer(
            "doc_maxlen", in: LateInteractionDirectory.documentTokensRange, default: documentTokens)
        attendsToExpansion = try reader.bool("attend_to_mask_tokens", default: false)
        if try !reader.bool("mask_punctuation", default: true) { skippedWords = [] }
        let similarity = try reader.string("similarity", default: "cosine")
        guard similarity == "cosine" else {
            throw LateInteractionDirectory.unsupported(path, "compares vectors by \"\(similarity)\"")
        }
        let width = try reader.integer("dim", in: 1...65_536, default: 128)
        projections = [
            Projection(folder: directory, source: LinearSource("linear", hasBias: false), outputs: width)
        ]
    }

    private mutating func readPyLate(_ directory: String) throws(RankingError) {
        for step in try SentenceTransformersDirectory.modules(of: directory) {
            if SentenceTransformersDirectory.isTransformer(step.type) {
                bodyPath = step.folder
                let path = step.folder + "/sentence_bert_config.json"
                let settings = FieldReader(try JSONFile.objectIfPresent(path: path), source: path)
                if try settings.bool("do_lower_case", default: false) {
                    throw LateInteractionDirectory.unsupported(path, "puts texts into lower case before the tokenizer")
                }
            } else if step.type.hasSuffix(".Dense") {
                projections.append(try LateInteractionDirectory.dense(step.folder))
            } else {
                throw LateInteractionDirectory.unsupported(
                    directory + "/modules.json", "has a step of type \"\(step.type)\"")
            }
        }
        let path = directory + "/config_sentence_transformers.json"
        let settings = try JSONFile.object(path: path)
        guard LateInteractionDirectory.isPyLate(settings) else {
            throw LateInteractionDirectory.unsupported(path, "does not describe a ColBERT model")
        }
        let reader = FieldReader(settings, source: path)
        queryMarker = try reader.string("query_prefix", default: "[Q] ")
        documentMarker = try reader.string("document_prefix", default: "[D] ")
        queryTokens = try reader.integer(
            "query_length", in: LateInteractionDirectory.queryTokensRange, default: 32)
        documentTokens = try reader.integer(
            "document_length", in: LateInteractionDirectory.documentTokensRange, default: 180)
        expandsQueries = try reader.bool("do_query_expansion", default: true)
        attendsToExpansion = try reader.bool("attend_to_expansion_tokens", default: false)
        if case .array(let words)? = settings["skiplist_words"] {
            skippedWords = words.compactMap { if case .string(let word) = $0 { word } else { nil } }
            guard skippedWords.count == words.count else {
                throw reader.corrupt("has skiplist_words that are not all strings")
            }
        }
        if case .object(let prompts)? = settings["prompts"] {
            let texts = prompts.members.filter { $0.value != .string("") }
            guard texts.isEmpty else {
                throw LateInteractionDirectory.unsupported(path, "puts the prompt \"\(texts[0].key)\" before texts")
            }
        }
    }

    private static func dense(_ folder: String) throws(RankingError) -> Projection {
        let path = folder + "/config.json"
        let reader = FieldReader(try JSONFile.object(path: path), source: path)
        let activation = try reader.string("activation_function", default: "torch.nn.modules.linear.Identity")
        guard activation == "torch.nn.modules.linear.Identity", try !reader.bool("use_residual", default: false) else {
            throw unsupported(path, "has the activation \"\(activation)\", or a residual connection")
        }
        return Projection(
            folder: folder, source: LinearSource("linear", hasBias: try reader.bool("bias", default: false)),
            inputs: try reader.integer("in_features", in: 1...65_536),
            outputs: try reader.integer("out_features", in: 1...65_536))
    }

    private static func unsupported(_ path: String, _ problem: String) -> RankingError {
        RankingError(
            .unsupportedModel, what: "\(path) \(problem).",
            why: """
                Late interaction is computed from a body and linear projections without activation, with cosine \
                similarity, in the layouts of colbert-ai and PyLate.
                """,
            fix: "Use another late-interaction model.")
    }
}
