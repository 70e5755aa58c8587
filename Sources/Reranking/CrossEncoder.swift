public import Inference
import OrderedJSON
public import Ranking
public import Tokenizers

/// A model that reads a query and a passage together and judges how well they match.
///
/// Texts in, logits out. What the logits mean for a ranking is `Reranker`'s business.
public struct CrossEncoder: Sendable {
    /// The architectures of config.json that load as a cross-encoder.
    public static let architectures = ModelArchitecture.rerankerNames

    public let description: ModelDescription
    package let tokenizer: Tokenizer
    package let pool: ComputePool
    let form: Form
    private let model: any RelevanceModel
    /// Shared by all calls, whoever makes them.
    package let scheduler: BatchScheduler

    /// How query and document become one sequence.
    enum Form: Sendable {
        /// By the tokenizer's template for pairs.
        case pair
        /// The same, after both texts were put into Qwen3's prompt.
        case qwen3Pair
        case causal(CausalPrompt)
    }

    private init(
        description: ModelDescription, tokenizer: Tokenizer, pool: ComputePool, form: Form, model: any RelevanceModel
    ) {
        self.description = description
        self.tokenizer = tokenizer
        self.pool = pool
        self.form = form
        self.model = model
        scheduler = BatchScheduler(pool: pool, tokenBudget: BatchPlan.tokenBudget(threads: pool.threads)) {
            batch, prefix, lane in try CrossEncoder.logits(of: batch, after: prefix, model, form, on: lane)
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
        let architecture = files.architecture
        // A causal model's answers come down to one number.
        let labels =
            architecture.task == .answering
            ? 1 : try CrossEncoder.labels(in: files.config, path: files.configPath)
        var checkpoint = try Checkpoint(directory: directory)
        checkpoint.packed = precision.narrowFormat.flatMap { PackedWeights(of: checkpoint, $0, kernels) }
        let form = try CrossEncoder.form(of: files)
        var maxTokens = min(files.tokenizerMaxLength ?? .max, architecture.maxTokens)
        var answers: [Int32] = []
        if case .causal(let prompt) = form {
            answers = try prompt.answers()
            maxTokens = try prompt.window(positions: maxTokens)
        }
        let model = try architecture.load(
            checkpoint, labels: labels, answers: answers, kernels: kernels, precision: precision)
        let description = ModelDescription(
            name: ModelDescription.name(in: files.config, directory: directory),
            architecture: architecture.name, family: architecture.family,
            labels: labels, maxTokens: maxTokens,
            activation: try form.activation(files.config, labels: labels, path: files.configPath),
            scoreRule: form.scoreRule(hiddenSize: architecture.hiddenSize),
            layers: architecture.layers, hiddenSize: architecture.hiddenSize, vocabSize: architecture.vocabSize,
            weightTypes: checkpoint.storedTypes, kernels: kernels.name, precision: precision,
            weightCache: checkpoint.packed?.store() ?? .unused, directory: directory)
        return CrossEncoder(description: description, tokenizer: files.tokenizer, pool: pool, form: form, model: model)
    }

    /// The raw logits of encoded pairs: [pairs][labels]. `progress` is called with the number of pairs done.
    ///
    /// A causal model computes what all pairs begin with once, unless `sharesPrefix` is false. The logits of a pair are
    /// bit-identical either way, whatever else is in the call, or asked by other calls, and however many threads work
    /// on it.
    public func logits(
        of pairs: [EncodedPair], sharesPrefix: Bool = true, progress: ((Int) -> Void)? = nil
    ) async throws -> [[Float]] {
        let prefix = sharesPrefix ? try await SharedPrefix().cache(for: pairs, self) : nil
        return try await score(ScoringJob(pairs, after: prefix, client: ""), progress: progress).logits
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

    /// The raw logits of one batch of encoded pairs; nil for those that end at the exit's layer, because it predicts less
    /// than `floor` for them.
    func logits(of pairs: ArraySlice<EncodedPair>, leavingAt exit: LayerExit, below floor: Float) async throws
        -> [[Float]?]
    {
        let (model, batch) = (try layerExiting(), CrossEncoder.batch(pairs))
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
            let batch = CrossEncoder.batch(pairs[range])
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

    private static func batch(_ pairs: ArraySlice<EncodedPair>) -> TokenBatch {
        var batch = TokenBatch()
        for pair in pairs { batch.append(tokenIDs: pair.tokenIDs, typeIDs: pair.typeIDs) }
        return batch
    }

    /// A causal model's answers are compared: the logit of the one that stands for relevance minus the other's.
    private static func logits(
        of batch: TokenBatch, after prefix: KeyValueCache?, _ model: any RelevanceModel, _ form: Form, on lane: Lane
    ) throws -> [[Float]] {
        let logits: [[Float]]
        if let prefix, let model = model as? any PrefixSharing {
            logits = try model.logits(of: batch, after: prefix, on: lane)
        } else {
            logits = try model.logits(of: batch, on: lane)
        }
        guard case .causal = form else { return logits }
        return logits.map { answers in [answers.dropFirst().reduce(answers[0], -)] }
    }

    /// The model, where it can compute once what pairs begin with.
    var prefixSharing: (any PrefixSharing)? {
        (model as? any PrefixSharing).flatMap { $0.sharesPrefixes ? $0 : nil }
    }

    /// The raw logits of query and passage texts, encoded and truncated as the model's library does. Texts of a
    /// classification head are taken as they are, without a prompt.
    public func logits(
        of pairs: [(query: String, passage: String)], truncation: TruncationPolicy? = nil, instruction: String? = nil,
        maxTokens: Int? = nil
    ) async throws -> [[Float]] {
        var encoded: [EncodedPair] = []
        for pair in pairs {
            encoded.append(
                try encode(
                    pair.query, pair.passage, truncation: truncation, instruction: instruction, maxTokens: maxTokens))
        }
        return try await logits(of: encoded)
    }

    /// The token ids of one pair, as `logits(of:truncation:instruction:maxTokens:)` reads it.
    package func encode(
        _ query: String, _ passage: String, truncation: TruncationPolicy? = nil, instruction: String? = nil,
        maxTokens: Int? = nil
    ) throws(RankingError) -> EncodedPair {
        try QueryEncoder(
            query, self, truncation: truncation, instruction: instruction, maxTokens: maxTokens, addsPrompt: false
        ).encode(passage, tokens: nil)
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
    public var family: ModelFamily
    public var labels: Int
    /// Query, passage and special tokens together.
    public var maxTokens: Int
    /// What config.json asks for.
    public var activation: ScoreActivation
    public var scoreRule: ScoreRule
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

    /// "owner/name" where the directory is in the hub's cache (models--owner--name/snapshots/COMMIT); else what
    /// config.json says, else the directory's name.
    static func name(in config: JSONObject, directory: String) -> String {
        if let match = directory.firstMatch(of: /\/models--([^\/]+?)--([^\/]+)\/snapshots\/[0-9a-f]{40}\/?$/) {
            return "\(match.1)/\(match.2)"
        }
        if case .string(let name)? = config["_name_or_path"], !name.isEmpty, !name.hasPrefix("/") { return name }
        return directory.split(separator: "/").last.map(String.init) ?? directory
    }
}

extension CrossEncoder {
    /// From what the model is, never from its name: of each causal family one kind of reranker is published.
    private static func form(of files: ModelDirectory) throws(RankingError) -> Form {
        func prompt(_ library: CausalPrompt.Library) throws(RankingError) -> Form {
            .causal(
                try CausalPrompt(library, tokenizer: files.tokenizer, config: files.config, path: files.configPath))
        }
        switch (files.architecture.task, files.architecture.family) {
        case (.answering, .qwen2): return try prompt(.mxbai)
        case (.answering, .gemma): return try prompt(.flagEmbedding)
        case (.answering, _): return try prompt(.qwen3)
        case (_, .qwen3): return .qwen3Pair
        default: return .pair
        }
    }
}

extension CrossEncoder.Form {
    /// What the library returns by default.
    func activation(_ config: JSONObject, labels: Int, path: String) throws(RankingError) -> ScoreActivation {
        switch self {
        case .pair, .qwen3Pair: try ScoreActivation.declared(in: config, labels: labels, path: path)
        case .causal(let prompt):
            // The softmax over two answers is the sigmoid of their difference.
            prompt.library == .qwen3 ? .sigmoid : .identity
        }
    }

    func scoreRule(hiddenSize: Int) -> ScoreRule {
        switch self {
        case .pair: .pair
        case .qwen3Pair: .qwen3Classification
        case .causal(let prompt):
            switch prompt.library {
            case .mxbai: .mxbai(hiddenSize: hiddenSize)
            case .qwen3: .qwen3
            case .flagEmbedding: .flagEmbedding
            }
        }
    }
}
