public import Inference
public import Ranking
package import Tokenizers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A model that turns each text into one vector, in the layout of sentence-transformers.
///
/// A text gets the prompt of its role put before it, as the model's own files say, and is cut to the window. The
/// vector is the first token's state or the mean of all tokens' states, and of unit length if the model has a Normalize
/// step. All of it is what `SentenceTransformer.encode_query` and `encode_document` do.
public struct BiEncoder: Sendable {
    /// How token vectors become one vector.
    public enum Pooling: String, CaseIterable, Sendable {
        /// The first token's vector.
        case firstToken = "cls"
        /// The mean over all tokens, special tokens included.
        case mean = "mean"

        /// Its name as a flag, before sentence-transformers 6.
        var flag: String {
            switch self {
            case .firstToken: "pooling_mode_cls_token"
            case .mean: "pooling_mode_mean_tokens"
            }
        }
    }

    /// What a text is to the model: its prompt depends on it.
    public enum Role: String, CaseIterable, Sendable {
        /// The prompt called "query".
        case query
        /// The first that the model has of the prompts called "document", "passage" and "corpus".
        case document
        /// The prompt that `default_prompt_name` names, for comparing texts of one kind.
        case plain
    }

    /// What the model was trained to compare vectors by. Of vectors of unit length, both are the dot product.
    public enum Similarity: String, CaseIterable, Sendable {
        case cosine
        case dot
    }

    /// What is put before a text of each role; empty where the model has none.
    public struct Prompts: Sendable, Equatable {
        public var query: String
        public var document: String
        public var plain: String

        public subscript(role: Role) -> String {
            switch role {
            case .query: query
            case .document: document
            case .plain: plain
            }
        }
    }

    /// The architectures of config.json that load as a bi-encoder.
    public static let architectures = ModelArchitecture.encoderNames

    public let pooling: Pooling
    /// True if the model itself divides vectors by their Euclidean length.
    public let normalizes: Bool
    public let similarity: Similarity
    /// From config_sentence_transformers.json. (sentence-transformers 5 and 6 overlook a "passage" prompt where there
    /// is no "document" prompt; it is used here, as their documentation says.)
    public let prompts: Prompts
    /// Prompt and special tokens included; longer texts are cut at the end.
    public let maxTokens: Int
    public var dimension: Int { model.config.hiddenSize }
    /// False if the tokens of a prompt, and the special token before them, are left out of the mean.
    private let includesPrompt: Bool
    private let lowercases: Bool
    package let tokenizer: Tokenizer
    private let model: BERTEncoder
    private let pool: ComputePool

    /// Loads a sentence-transformers directory: modules.json, the folders it names, config.json, tokenizer.json and
    /// safetensors weights. Never touches the network.
    public static func load(directory: String, pool: ComputePool = .shared) throws(RankingError) -> BiEncoder {
        try load(directory: directory, pool: pool, kernels: .forThisMachine())
    }

    package static func load(
        directory: String, pool: ComputePool = .shared, kernels: Kernels
    ) throws(RankingError) -> BiEncoder {
        let layout = try SentenceTransformersDirectory(path: directory)
        let files = try ModelDirectory(path: layout.transformerPath)
        guard files.architecture.task == .encoding, case .bert(let config) = files.architecture.body else {
            throw RankingError(
                .unsupportedModel, what: "\(directory) holds a \(files.architecture.name).",
                why: "That is not an encoder for embeddings.", fix: "Name a bi-encoder.")
        }
        if let width = layout.tokenWidth, width != config.hiddenSize {
            throw RankingError(
                .corruptFile,
                what: "\(directory) pools vectors of \(width) numbers, but hidden_size is \(config.hiddenSize).",
                why: "The Pooling step's config.json and the model's disagree.", fix: "Download both from one revision."
            )
        }
        let checkpoint = try Checkpoint(directory: layout.transformerPath)
        return BiEncoder(
            pooling: layout.pooling, normalizes: layout.normalizes, similarity: layout.similarity,
            prompts: layout.prompts,
            maxTokens: min(layout.maxSeqLength ?? files.tokenizerMaxLength ?? .max, config.maxPositionEmbeddings),
            includesPrompt: layout.includesPrompt, lowercases: layout.lowercases, tokenizer: files.tokenizer,
            // An index keeps vectors for long, and compares them with those of other machines.
            model: try BERTEncoder.load(checkpoint, config: config, kernels: kernels, precision: .fp32), pool: pool)
    }

    /// One vector a text, in the order given, and what was cut.
    ///
    /// - Parameter normalized: true divides each vector by its length, so that dot products are cosines, also where
    ///   the model does not; false returns it as pooled; nil does what the model's own files say. A vector of zeros stays
    ///   one.
    ///
    /// A text's vector has the same bits whatever else is in the call and however many threads work on it.
    ///
    /// Throws RankingError: `invalidInput` where not even the special tokens fit the window, `nonFiniteScore` where a
    /// vector is not of finite numbers; and CancellationError.
    public func embed(
        _ texts: [String], as role: Role, normalized: Bool? = nil
    ) async throws -> Embeddings {
        let prompt = prompts[role]
        let (encoded, promptTokens) = try await pool.run { lane in
            (try encode(texts, prompt: prompt, on: lane), try excludedTokens(of: prompt))
        }
        var embeddings = Embeddings()
        embeddings.vectors.reserveCapacity(texts.count)
        for text in encoded {
            embeddings.tokens += text.tokenIDs.count
            embeddings.truncatedTexts += text.droppedFirst > 0 ? 1 : 0
            embeddings.droppedTokens += text.droppedFirst
        }
        for range in BatchPlan(lengths: encoded.map(\.tokenIDs.count)).batches {
            var batch = TokenBatch()
            for text in encoded[range] { batch.append(tokenIDs: text.tokenIDs, typeIDs: text.typeIDs) }
            let sealed = batch
            embeddings.vectors += try await pool.run { lane in
                try vectors(of: sealed, skipping: promptTokens, normalized: normalized ?? normalizes, on: lane)
            }
        }
        if let text = embeddings.vectors.firstIndex(where: { !$0.allSatisfy(\.isFinite) }) {
            throw RankingError(
                .nonFiniteScore, what: "The model's vector for text \(text) is not made of finite numbers.",
                why: "The weights overflow on this text.", fix: "Use another model, or other weights of this one.")
        }
        return embeddings
    }

    private var encoder: PairEncoder {
        PairEncoder(tokenizer: tokenizer, maxLength: maxTokens, truncation: .longestFirst)
    }

    /// Tokens of the window that are left for a document's own text.
    package func documentTokens() throws(RankingError) -> Int {
        let prompt = prompts[.document]
        let around = try encoder.encodeSingle(prompt.isEmpty ? [] : tokens(prompt)).tokenIDs.count
        return maxTokens - around
    }

    private func tokens(_ text: String) -> [Int32] { tokenizer.encode(lowercases ? text.lowercased() : text) }

    private func encode(_ texts: [String], prompt: String, on lane: Lane) throws -> [EncodedPair] {
        let encoder = encoder
        return try texts.map { text in
            if lane.isCancelled { throw CancellationError() }
            return try encoder.encodeSingle(tokens(prompt.isEmpty ? text : prompt + text))
        }
    }

    /// Tokens at the start of a text that the mean leaves out: those of the prompt alone, special ones included, but for
    /// one special token at its end.
    private func excludedTokens(of prompt: String) throws(RankingError) -> Int {
        guard !includesPrompt, !prompt.isEmpty else { return 0 }
        let body = tokens(prompt)
        let alone = try encoder.encodeSingle(body)
        let lastOfPrompt = body.dropLast(alone.droppedFirst).last
        return alone.tokenIDs.last == lastOfPrompt ? alone.tokenIDs.count : alone.tokenIDs.count - 1
    }

    private func vectors(
        of batch: TokenBatch, skipping promptTokens: Int, normalized: Bool, on lane: Lane
    ) throws -> [[Float]] {
        let output: BERTEncoder.Output = pooling == .firstToken ? .firstTokens : .everyToken
        let states = try model.hiddenStates(of: batch, output: output, on: lane)
        return (0..<batch.sequences).map { sequence in
            let vector =
                switch pooling {
                case .firstToken: mean(of: states, rows: sequence..<sequence + 1)
                case .mean: mean(of: states, rows: batch.range(sequence).dropFirst(promptTokens))
                }
            return normalized ? unit(vector) : vector.map { Float($0) }
        }
    }

    /// The mean of rows of a [_, dimension] matrix, summed in order in double precision; zeros where there is no row.
    private func mean(of states: [Float], rows: Range<Int>) -> [Double] {
        var sum = [Double](repeating: 0, count: dimension)
        for row in rows {
            for column in 0..<dimension { sum[column] += Double(states[row * dimension + column]) }
        }
        return sum.map { $0 / Double(max(1, rows.count)) }
    }

    /// v / max(|v|, 1e-12), as torch.nn.functional.normalize.
    private func unit(_ vector: [Double]) -> [Float] {
        let length = max(sqrt(vector.reduce(0) { $0 + $1 * $1 }), 1e-12)
        return vector.map { Float($0 / length) }
    }
}

/// The vectors of texts, and what was cut to make them.
public struct Embeddings: Sendable, Equatable {
    /// By text, `dimension` numbers each.
    public var vectors: [[Float]] = []
    /// Tokens that the model read, prompts and special tokens included.
    public var tokens = 0
    /// Texts that were longer than the window, and the tokens cut off their ends.
    public var truncatedTexts = 0
    public var droppedTokens = 0

    public init() {}
}
