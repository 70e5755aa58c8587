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
    /// Shared by all calls, whoever makes them.
    package let scheduler: BatchScheduler

    private init(
        description: ModelDescription, tokenizer: Tokenizer, pool: ComputePool, model: BERTForSequenceClassification
    ) {
        self.description = description
        self.tokenizer = tokenizer
        self.pool = pool
        scheduler = BatchScheduler(pool: pool, tokenBudget: BatchPlan.tokenBudget(threads: pool.threads)) {
            batch, lane in try model.logits(of: batch, on: lane)
        }
    }

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
        let checkpoint = try Checkpoint(directory: directory)
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
            directory: directory)
        return CrossEncoder(description: description, tokenizer: files.tokenizer, pool: pool, model: model)
    }

    /// The raw logits of encoded pairs: [pairs][labels]. `progress` is called with the number of pairs done.
    ///
    /// The logits of a pair are bit-identical whatever else is in the call, or asked by other calls, and however many
    /// threads work on it.
    public func logits(
        of pairs: [EncodedPair], progress: ((Int) -> Void)? = nil
    ) async throws -> [[Float]] {
        try await score(ScoringJob(pairs, client: ""), progress: progress).logits
    }

    /// Scores a job beside those of other calls. Throws what the model throws; CancellationError; DeadlinePassed, not
    /// long after the job's deadline; and `overloaded` where its turn did not come in its `maxWait`.
    func score(_ job: ScoringJob, progress: ((Int) -> Void)? = nil) async throws -> ScoredPairs {
        if let pair = job.pairs.first(where: { $0.tokenIDs.count != $0.typeIDs.count }) {
            throw RankingError(
                .invalidInput,
                what: "A pair has \(pair.tokenIDs.count) token ids, but \(pair.typeIDs.count) type ids.",
                why: "Each token needs a type.", fix: "Encode pairs with PairEncoder, or give both the same length.")
        }
        // Nobody awaits it: it ends at the deadline, or with the job.
        let timer = job.deadline.map { deadline in
            Task {
                try await Task.sleep(until: deadline, clock: .continuous)
                job.fail(DeadlinePassed())
            }
        }
        defer { timer?.cancel() }
        await scheduler.submit(job)
        var scored = 0
        while scored < job.pairs.count {
            scored = try await job.scoredPairs(beyond: scored)
            progress?(scored)
        }
        return job.result
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
    public var directory: String

    static func name(in config: JSONObject, directory: String) -> String {
        if case .string(let name)? = config["_name_or_path"], !name.isEmpty, !name.hasPrefix("/") { return name }
        return directory.split(separator: "/").last.map(String.init) ?? directory
    }
}
