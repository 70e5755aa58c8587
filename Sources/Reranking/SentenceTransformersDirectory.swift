import Inference
import OrderedJSON
import Ranking

/// What the files of a sentence-transformers directory say about making one vector of a text.
///
/// Two generations of the layout are read, that of sentence-transformers 2 to 5 and that of 6: steps have other type
/// names in the second, and the Pooling step one `pooling_mode` instead of a flag for each.
struct SentenceTransformersDirectory {
    /// The folder of config.json, tokenizer.json and the weights.
    private(set) var transformerPath: String
    private(set) var pooling: BiEncoder.Pooling
    /// False if the tokens of a prompt are left out of the mean.
    private(set) var includesPrompt = true
    /// What the Pooling step says is the width of a token's vector.
    private(set) var tokenWidth: Int?
    private(set) var normalizes = false
    private(set) var maxSeqLength: Int?
    /// True if texts are put into lower case before they are tokenized. (Unlike Python's, Swift's lower case of Σ is σ
    /// at the end of a word too, as that of the tokenizer is.)
    private(set) var lowercases = false
    let prompts: BiEncoder.Prompts
    let similarity: BiEncoder.Similarity

    private enum Step: CaseIterable {
        case transformer, pooling, normalize

        var types: [String] {
            switch self {
            case .transformer:
                [
                    "sentence_transformers.models.Transformer",
                    "sentence_transformers.base.modules.transformer.Transformer",
                ]
            case .pooling:
                [
                    "sentence_transformers.models.Pooling",
                    "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
                ]
            case .normalize:
                ["sentence_transformers.models.Normalize", "sentence_transformers.base.modules.normalize.Normalize"]
            }
        }

        init?(type: String) {
            guard let step = Step.allCases.first(where: { $0.types.contains(type) }) else { return nil }
            self = step
        }
    }

    /// Throws RankingError: `unsupportedModel` where there is no modules.json or it asks for what Resift does not
    /// compute, `corruptFile` where a file contradicts itself.
    init(path directory: String) throws(RankingError) {
        let settingsPath = directory + "/config_sentence_transformers.json"
        let settings = try JSONFile.objectIfPresent(path: settingsPath)
        prompts = try SentenceTransformersDirectory.prompts(settings, path: settingsPath)
        similarity = try SentenceTransformersDirectory.similarity(settings, path: settingsPath)
        transformerPath = directory
        pooling = .mean
        var hasPooling = false
        let path = directory + "/modules.json"
        for module in try SentenceTransformersDirectory.modules(of: directory) {
            guard let step = Step(type: module.type) else {
                throw SentenceTransformersDirectory.unsupported(path, "has a step of type \"\(module.type)\"")
            }
            switch step {
            case .transformer:
                transformerPath = module.folder
                try readTransformer(path: transformerPath + "/sentence_bert_config.json")
            case .pooling:
                try readPooling(path: module.folder + "/config.json")
                hasPooling = true
            case .normalize: normalizes = true
            }
        }
        guard hasPooling else { throw SentenceTransformersDirectory.unsupported(path, "has no Pooling step") }
        let hasPrompts = BiEncoder.Role.allCases.contains { !prompts[$0].isEmpty }
        if pooling == .firstToken, !includesPrompt, hasPrompts {
            throw RankingError(
                .unsupportedModel, what: "\(directory) has prompts, pools \(pooling.rawValue), and leaves prompts out.",
                why: """
                    sentence-transformers up to 5 takes the first token of all then, version 6 the first after the \
                    prompt: it is not known which one the model was trained with.
                    """,
                fix: "Use another embedding model, or set include_prompt in the Pooling step to true.")
        }
    }

    /// The steps of modules.json in order, each with its folder.
    static func modules(of directory: String) throws(RankingError) -> [(type: String, folder: String)] {
        let path = directory + "/modules.json"
        guard FileStatus.isFile(path), case .array(let modules) = try JSONFile.value(path: path) else {
            throw RankingError(
                .unsupportedModel, what: "\(directory) has no modules.json with a list of steps.",
                why: "It says how token vectors become one vector; guessing it would give wrong embeddings.",
                fix: "Download the whole sentence-transformers directory.")
        }
        var steps: [(type: String, folder: String)] = []
        for module in modules {
            guard case .object(let entry) = module, case .string(let type)? = entry["type"] else {
                throw unsupported(path, "has a step without a type")
            }
            steps.append((type, try folder(of: entry, in: directory, path)))
        }
        return steps
    }

    static func isTransformer(_ type: String) -> Bool { Step(type: type) == .transformer }

    /// A step's folder inside the directory; the directory itself where the path is empty.
    private static func folder(of entry: JSONObject, in directory: String, _ path: String) throws(RankingError)
        -> String
    {
        let folder = try FieldReader(entry, source: path).string("path", default: "")
        guard !folder.split(separator: "/").contains(".."), !folder.hasPrefix("/") else {
            throw unsupported(path, "has a step in \"\(folder)\", which is no folder of this directory")
        }
        return folder.isEmpty ? directory : "\(directory)/\(folder)"
    }

    private mutating func readTransformer(path: String) throws(RankingError) {
        let settings = try JSONFile.objectIfPresent(path: path)
        let reader = FieldReader(settings, source: path)
        if case .number(let number)? = settings["max_seq_length"], let limit = number.int, limit > 0 {
            maxSeqLength = limit
        }
        lowercases = try reader.bool("do_lower_case", default: false)
        let task = try reader.string("transformer_task", default: "feature-extraction")
        guard task == "feature-extraction" else {
            throw SentenceTransformersDirectory.unsupported(path, "has the transformer_task \"\(task)\"")
        }
    }

    private mutating func readPooling(path: String) throws(RankingError) {
        let config = try JSONFile.object(path: path)
        let reader = FieldReader(config, source: path)
        pooling = try SentenceTransformersDirectory.pooling(config, path: path)
        includesPrompt = try reader.bool("include_prompt", default: true)
        for key in ["embedding_dimension", "word_embedding_dimension"] where config[key] != nil {
            tokenWidth = try reader.integer(key, in: 1...65_536)
        }
    }

    private static func pooling(_ config: JSONObject, path: String) throws(RankingError) -> BiEncoder.Pooling {
        let modes: [String]
        switch config["pooling_mode"] {
        case .string(let mode)?: modes = [mode]
        case .array(let values)?:
            modes = values.map { if case .string(let mode) = $0 { mode } else { "?" } }
        default:
            let flags = config.keys.filter { $0.hasPrefix("pooling_mode_") && config[$0] == .bool(true) }
            modes = flags.map { flag in BiEncoder.Pooling.allCases.first { $0.flag == flag }?.rawValue ?? flag }
        }
        guard modes.count == 1, let mode = BiEncoder.Pooling(rawValue: modes[0]) else {
            throw unsupported(path, "asks for the pooling \(modes.isEmpty ? "none" : modes.joined(separator: " + "))")
        }
        return mode
    }

    private static func prompts(_ settings: JSONObject, path: String) throws(RankingError) -> BiEncoder.Prompts {
        var texts: [String: String] = [:]
        switch settings["prompts"] {
        case nil, .null?: break
        case .object(let object)?:
            let reader = FieldReader(object, source: path + ", prompts,")
            for name in object.keys { texts[name] = try reader.string(name, default: "") }
        default: throw FieldReader(settings, source: path).corrupt("has prompts that are not an object")
        }
        let name = try FieldReader(settings, source: path).string("default_prompt_name", default: "")
        guard name.isEmpty || ["query", "document"].contains(name) || texts[name] != nil else {
            throw FieldReader(settings, source: path).corrupt(
                "has the default_prompt_name \"\(name)\", which is none of its prompts")
        }
        return BiEncoder.Prompts(
            query: texts["query"] ?? "",
            document: texts["document"] ?? texts["passage"] ?? texts["corpus"] ?? "", plain: texts[name] ?? "")
    }

    private static func similarity(_ settings: JSONObject, path: String) throws(RankingError) -> BiEncoder.Similarity {
        let name = try FieldReader(settings, source: path).string(
            "similarity_fn_name", default: BiEncoder.Similarity.cosine.rawValue)
        guard let similarity = BiEncoder.Similarity(rawValue: name) else {
            throw RankingError(
                .unsupportedModel, what: "\(path) compares vectors by \"\(name)\".",
                why: "Resift ranks by \(BiEncoder.Similarity.allCases.map(\.rawValue).joined(separator: " or ")).",
                fix: "Use another embedding model.")
        }
        return similarity
    }

    private static func unsupported(_ path: String, _ problem: String) -> RankingError {
        RankingError(
            .unsupportedModel, what: "\(path) \(problem).",
            why: """
                Supported are the steps Transformer, Pooling and Normalize of sentence-transformers, and one pooling of \
                \(BiEncoder.Pooling.allCases.map(\.rawValue).joined(separator: ", ")).
                """,
            fix: "Use another embedding model.")
    }
}
