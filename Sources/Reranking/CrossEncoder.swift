public import Inference
import OrderedJSON
public import Ranking
public import Tokenizers

/// A model that reads a query and a passage together and judges how well they match.
///
/// Texts in, logits out. What the logits mean for a ranking is `Reranker`'s business.
public struct CrossEncoder: Sendable {
    /// The architectures of config.json that load as a cross-encoder.
    public static let architectures = [ModelDirectory.Architecture.bertForSequenceClassification.rawValue]

    public let description: ModelDescription
    package let tokenizer: Tokenizer
    package let pool: ComputePool
    private let model: BERTForSequenceClassification

    /// Loads a directory of config.json, tokenizer.json and safetensors weights. Never touches the network.
    ///
    /// Throws RankingError `invalidInput` where this CPU lacks the precision.
    public static func load(
        directory: String, pool: ComputePool = .shared, precision: Precision = .auto
    ) throws(RankingError) -> CrossEncoder {
        try load(directory: directory, pool: pool, kernels: .forThisMachine(), precision: precision)
    }

    package static func load(
        directory: String, pool: ComputePool = .shared, kernels: Kernels, precision: Precision
    ) throws(RankingError) -> CrossEncoder {
        let precision = try kernels.resolve(precision)
        let files = try ModelDirectory(path: directory)
        guard files.architecture == .bertForSequenceClassification else {
            throw RankingError(
                .unsupportedModel,
                what: "\(directory) holds a \(files.architecture.rawValue), which has no head to score with.",
                why: "It is an encoder for embeddings, not a reranker.", fix: "Name a cross-encoder.")
        }
        let config = try BERTConfig(files.config, path: files.configPath)
        let labels = try CrossEncoder.labels(in: files.config, path: files.configPath)
        var checkpoint = try Checkpoint(directory: directory)
        checkpoint.packed = precision.narrowFormat.flatMap { PackedWeights(of: checkpoint, $0, kernels) }
        let model = try BERTForSequenceClassification.load(
            checkpoint, config: config, labels: labels, kernels: kernels, precision: precision)
        let description = ModelDescription(
            name: ModelDescription.name(in: files.config, directory: directory),
            architecture: files.architecture.rawValue,
            labels: labels,
            maxTokens: min(files.tokenizerMaxLength ?? .max, config.maxPositionEmbeddings),
            activation: try ScoreActivation.declared(in: files.config, labels: labels, path: files.configPath),
            layers: config.numHiddenLayers, hiddenSize: config.hiddenSize, vocabSize: config.vocabSize,
            weightTypes: checkpoint.storedTypes, kernels: kernels.name, precision: precision,
            weightCache: checkpoint.packed?.store() ?? .unused, directory: directory)
        return CrossEncoder(description: description, tokenizer: files.tokenizer, pool: pool, model: model)
    }

    /// The raw logits of encoded pairs: [pairs][labels]. `progress` is called with the number of pairs done.
    ///
    /// The logits of a pair are bit-identical whatever else is in the call and however many threads work on it.
    public func logits(
        of pairs: [EncodedPair], progress: (@Sendable (Int) -> Void)? = nil
    ) async throws -> [[Float]] {
        if let pair = pairs.first(where: { $0.tokenIDs.count != $0.typeIDs.count }) {
            throw RankingError(
                .invalidInput,
                what: "A pair has \(pair.tokenIDs.count) token ids, but \(pair.typeIDs.count) type ids.",
                why: "Each token needs a type.", fix: "Encode pairs with PairEncoder, or give both the same length.")
        }
        var logits: [[Float]] = []
        logits.reserveCapacity(pairs.count)
        let plan = BatchPlan(
            lengths: pairs.map(\.tokenIDs.count), tokenBudget: BatchPlan.tokenBudget(threads: pool.threads))
        for range in plan.batches {
            let batch = TokenBatch(pairs[range])
            logits += try await pool.run { lane in try model.logits(of: batch, on: lane) }
            progress?(logits.count)
        }
        return logits
    }

    /// The raw logits of one batch of encoded pairs, or nil where they would come after the deadline.
    func logits(of pairs: some Sequence<EncodedPair>, until deadline: ContinuousClock.Instant) async throws
        -> [[Float]]?
    {
        let batch = TokenBatch(pairs)
        do {
            return try await pool.run(until: deadline) { lane in try model.logits(of: batch, on: lane) }
        } catch is CancellationError {
            try Task.checkCancellation()
            return nil
        }
    }

    /// The raw logits of one batch of encoded pairs; nil for those that end at the exit's layer, because it predicts less
    /// than `floor` for them.
    func logits(of pairs: some Sequence<EncodedPair>, leavingAt exit: LayerExit, below floor: Float) async throws
        -> [[Float]?]
    {
        let (model, batch) = (try layerExiting(), TokenBatch(pairs))
        return try await pool.run { lane in
            let states = try model.states(of: batch, after: exit.layer, on: lane)
            let kept = (0..<batch.sequences).filter { exit(states.summary(of: $0)) >= floor }
            var logits = [[Float]?](repeating: nil, count: batch.sequences)
            guard !kept.isEmpty else { return logits }
            for (sequence, row) in zip(kept, try model.logits(from: states.keeping(kept), on: lane)) {
                logits[sequence] = row
            }
            return logits
        }
    }

    /// What a layer exit reads of each pair after so many layers, and the first of its logits.
    func summaries(of pairs: [EncodedPair], after layer: Int) async throws -> [(summary: [Float], logit: Float)] {
        let model = try layerExiting()
        var summaries: [(summary: [Float], logit: Float)] = []
        for range in BatchPlan(lengths: pairs.map(\.tokenIDs.count)).batches {
            let batch = TokenBatch(pairs[range])
            summaries += try await pool.run { lane in
                let states = try model.states(of: batch, after: layer, on: lane)
                return try model.logits(from: states, on: lane).enumerated().map { sequence, logits in
                    (states.summary(of: sequence), logits[0])
                }
            }
        }
        return summaries
    }

    private func layerExiting() throws(RankingError) -> any LayerExiting {
        guard let model = model as? any LayerExiting else {
            throw RankingError(
                .unsupportedModel, what: "\(description.name) cannot be left after an early layer.",
                why: "A \(description.architecture) has no layer exits.", fix: "Leave the layer exit out.")
        }
        return model
    }

    /// The raw logits of query and passage texts, encoded and truncated as sentence-transformers does.
    public func logits(
        of pairs: [(query: String, passage: String)], truncation: TruncationStrategy = .longestFirst
    ) async throws -> [[Float]] {
        let encoder = PairEncoder(tokenizer: tokenizer, maxLength: description.maxTokens, truncation: truncation)
        var encoded: [EncodedPair] = []
        for pair in pairs {
            encoded.append(try encoder.encode(tokenizer.encode(pair.query), tokenizer.encode(pair.passage)))
        }
        return try await logits(of: encoded)
    }

    /// `num_labels` as transformers derives it: the size of `id2label`, else the field itself, else 2.
    private static func labels(in config: JSONObject, path: String) throws(RankingError) -> Int {
        if case .object(let names)? = config["id2label"], !names.keys.isEmpty { return names.keys.count }
        return try FieldReader(config, source: path).integer("num_labels", in: 1...100_000, default: 2)
    }
}

extension TokenBatch {
    fileprivate init(_ pairs: some Sequence<EncodedPair>) {
        self.init()
        for pair in pairs { append(tokenIDs: pair.tokenIDs, typeIDs: pair.typeIDs) }
    }
}

/// What is known about a loaded model.
public struct ModelDescription: Sendable, Equatable {
    public var name: String
    /// As config.json names it.
    public var architecture: String
    public var labels: Int
    /// Query, passage and special tokens together.
    public var maxTokens: Int
    /// What config.json asks for.
    public var activation: ScoreActivation
    public var layers: Int
    public var hiddenSize: Int
    public var vocabSize: Int
    /// How many values are stored in each type: ["F32": 1200, "I8": 22000000].
    public var weightTypes: [String: Int]
    public var kernels: String
    /// What its linear layers compute with; never `auto`.
    public var precision: Precision
    public var weightCache: WeightCache
    public var directory: String

    static func name(in config: JSONObject, directory: String) -> String {
        if case .string(let name)? = config["_name_or_path"], !name.isEmpty, !name.hasPrefix("/") { return name }
        return directory.split(separator: "/").last.map(String.init) ?? directory
    }
}
