package import OrderedJSON
package import Ranking

/// The published architectures that Resift computes.
public enum ModelFamily: String, CaseIterable, Sendable {
    case bert = "BERT"
    case roberta = "RoBERTa"
    case xlmRoBERTa = "XLM-RoBERTa"
    case jinaRerankerV2 = "Jina Reranker v2"
    case electra = "ELECTRA"
    case distilBERT = "DistilBERT"
    case debertaV2 = "DeBERTa v2"
    case modernBERT = "ModernBERT"
    case qwen2 = "Qwen2"
    case qwen3 = "Qwen3"
    case gemma = "Gemma"
}

/// What config.json describes: a family's body of certain sizes, and what stands on it.
package struct ModelArchitecture: Sendable {
    /// What stands on the body.
    package enum Task: Sendable {
        /// Nothing: token vectors are the result.
        case encoding
        /// A projection of every token vector.
        case lateInteraction
        /// A classification head.
        case classification
        /// The vocabulary: the model answers with a token.
        case answering
    }

    package enum Body: Sendable {
        case bert(BERTConfig)
        case rotary(RotaryConfig)
    }

    /// As config.json calls it.
    package let name: String
    package let family: ModelFamily
    package let task: Task
    package let body: Body

    /// The names of `architectures` in config.json, and what they stand for.
    private static let known: [(name: String, family: ModelFamily, task: Task)] = [
        ("BertModel", .bert, .encoding),
        ("BertForSequenceClassification", .bert, .classification),
        ("RobertaForSequenceClassification", .roberta, .classification),
        ("XLMRobertaForSequenceClassification", .xlmRoBERTa, .classification),
        ("ElectraForSequenceClassification", .electra, .classification),
        ("DistilBertForSequenceClassification", .distilBERT, .classification),
        ("DebertaV2ForSequenceClassification", .debertaV2, .classification),
        ("ModernBertForSequenceClassification", .modernBERT, .classification),
        ("Qwen2ForCausalLM", .qwen2, .answering),
        ("Qwen3ForCausalLM", .qwen3, .answering),
        ("Qwen3ForSequenceClassification", .qwen3, .classification),
        ("GemmaForCausalLM", .gemma, .answering),
        ("ModernBertModel", .modernBERT, .encoding),
        ("HF_ColBERT", .bert, .lateInteraction),
    ]

    /// The names that load as a cross-encoder, as an encoder of texts, and as an encoder of their tokens.
    package static var rerankerNames: [String] { names(.classification, .answering) }
    package static var encoderNames: [String] {
        known.filter { $0.task == .encoding && $0.family == .bert }.map(\.name)
    }
    package static var tokenEncoderNames: [String] { names(.encoding, .lateInteraction) }

    private static func names(_ tasks: Task...) -> [String] {
        known.filter { tasks.contains($0.task) }.map(\.name)
    }

    /// From what config.json says, never from the model's name.
    package init(_ config: JSONObject, path: String) throws(RankingError) {
        let supported = ModelArchitecture.known.map(\.name).joined(separator: ", ")
        guard case .array(let names)? = config["architectures"], case .string(let name)? = names.first else {
            throw RankingError(
                .unsupportedModel, what: "\(path) does not say which architecture the model has.",
                why: "It needs \"architectures\": [\"...\"]; supported are \(supported).",
                fix: "Download the config.json that belongs to the weights.")
        }
        guard let known = ModelArchitecture.known.first(where: { $0.name == name }) else {
            throw RankingError(
                .unsupportedModel, what: "\(path) describes a \(name).", why: "Supported are \(supported).",
                fix: "Use a checkpoint of a supported architecture.")
        }
        if known.task == .lateInteraction {
            // The Stanford library calls any body so.
            let type = try FieldReader(config, source: path).string("model_type", default: "bert")
            guard type == "bert" else {
                throw RankingError(
                    .unsupportedModel, what: "\(path) describes a \(name) of model_type \"\(type)\".",
                    why: "In this layout the body can be \"bert\".", fix: "Use a checkpoint with another body.")
            }
        }
        self.name = name
        task = known.task
        let isFlash = known.family == .xlmRoBERTa && ModelArchitecture.hasFlashLayout(config)
        family = isFlash ? .jinaRerankerV2 : known.family
        body =
            switch family {
            case .bert: .bert(try BERTConfig(config, path: path))
            case .roberta: .bert(try .roberta(config, path: path))
            case .xlmRoBERTa: .bert(try .xlmRoBERTa(config, path: path))
            case .jinaRerankerV2: .bert(try .jinaRerankerV2(config, path: path))
            case .electra: .bert(try .electra(config, path: path))
            case .distilBERT: .bert(try .distilBERT(config, path: path))
            case .debertaV2: .bert(try .debertaV2(config, path: path))
            case .modernBERT: .rotary(try .modernBERT(config, path: path))
            case .qwen2: .rotary(try .qwen2(config, path: path))
            case .qwen3: .rotary(try .qwen3(config, path: path))
            case .gemma: .rotary(try .gemma(config, path: path))
            }
    }

    /// An XLM-RoBERTa whose own code is the FlashAttention implementation names its tensors otherwise.
    private static func hasFlashLayout(_ config: JSONObject) -> Bool {
        if case .object(let map)? = config["auto_map"], case .string(let name)? = map["AutoConfig"] {
            return name.hasSuffix("XLMRobertaFlashConfig")
        }
        return false
    }

    package var layers: Int {
        switch body {
        case .bert(let config): config.numHiddenLayers
        case .rotary(let config): config.numHiddenLayers
        }
    }

    package var hiddenSize: Int {
        switch body {
        case .bert(let config): config.hiddenSize
        case .rotary(let config): config.hiddenSize
        }
    }

    package var vocabSize: Int {
        switch body {
        case .bert(let config): config.vocabSize
        case .rotary(let config): config.vocabSize
        }
    }

    /// Tokens of the longest sequence.
    package var maxTokens: Int {
        switch body {
        case .bert(let config): config.maxTokens
        case .rotary(let config): config.maxPositionEmbeddings
        }
    }

    /// Loads the model with its head.
    ///
    /// - Parameters:
    ///   - labels: Of a classification head.
    ///   - answers: The token ids whose logits are wanted, where the model answers with a token.
    package func load(
        _ checkpoint: Checkpoint, labels: Int, answers: [Int32] = [], kernels: Kernels, precision: Precision
    ) throws(RankingError) -> any RelevanceModel {
        switch (body, task) {
        case (.bert(let config), .classification):
            return try BERTForSequenceClassification.load(
                checkpoint, config: config, labels: labels, kernels: kernels, precision: precision)
        case (.rotary(let config), .classification):
            return try RotaryForSequenceClassification.load(
                checkpoint, config: config, labels: labels, kernels: kernels, precision: precision)
        case (.rotary(let config), .answering):
            return try CausalLanguageModel.load(
                checkpoint, config: config, answers: answers, kernels: kernels, precision: precision)
        case (_, .encoding), (_, .lateInteraction), (.bert, .answering):
            throw RankingError(
                .unsupportedModel, what: "\(checkpoint.description) holds a \(name), which has no head to score with.",
                why: "It is an encoder: it reads one text at a time.",
                fix: "Name a cross-encoder; `resift rerank` also takes late-interaction models.")
        }
    }
}
