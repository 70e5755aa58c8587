public import Inference
import OrderedJSON
public import Ranking
import Tokenizers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A model that turns each text into one vector, in the layout of sentence-transformers.
///
/// `modules.json` names the steps: a Transformer, a Pooling, and optionally a Normalize.
public struct BiEncoder: Sendable {
    public enum Pooling: String, CaseIterable, Sendable {
        /// The first token's vector.
        case firstToken = "pooling_mode_cls_token"
        /// The mean over all tokens, special tokens included.
        case mean = "pooling_mode_mean_tokens"
    }

    /// The architectures of config.json that load as a bi-encoder.
    public static let architectures = [ModelDirectory.Architecture.bertModel.rawValue]

    public let pooling: Pooling
    /// True if vectors are divided by their Euclidean length.
    public let normalizes: Bool
    /// Special tokens included; longer texts are cut at the end.
    public let maxTokens: Int
    public var dimension: Int { model.config.hiddenSize }
    private let tokenizer: Tokenizer
    private let model: BERTEncoder
    private let pool: ComputePool

    public static func load(directory: String, pool: ComputePool = .shared) throws(RankingError) -> BiEncoder {
        let files = try ModelDirectory(path: directory)
        guard files.architecture == .bertModel else {
            throw RankingError(
                .unsupportedModel, what: "\(directory) holds a \(files.architecture.rawValue).",
                why: "That is not an encoder for embeddings.", fix: "Name a bi-encoder.")
        }
        let config = try BERTConfig(files.config, path: files.configPath)
        let modules = try Modules(directory: directory)
        let checkpoint = try Checkpoint(directory: directory)
        return BiEncoder(
            pooling: modules.pooling, normalizes: modules.normalizes,
            maxTokens: min(modules.maxSeqLength ?? files.tokenizerMaxLength ?? .max, config.maxPositionEmbeddings),
            tokenizer: files.tokenizer,
            model: try BERTEncoder.load(checkpoint, config: config, kernels: Kernels.forThisMachine()), pool: pool)
    }

    /// One vector a text, in the order given. Throws RankingError: `nonFiniteScore` where a vector is not of finite
    /// numbers; and CancellationError.
    public func embed(_ texts: [String]) async throws -> [[Float]] {
        let encoder = PairEncoder(tokenizer: tokenizer, maxLength: maxTokens, truncation: .longestFirst)
        var encoded: [EncodedPair] = []
        for text in texts { encoded.append(try encoder.encodeSingle(tokenizer.encode(text))) }
        var vectors: [[Float]] = []
        for range in BatchPlan(lengths: encoded.map(\.tokenIDs.count)).batches {
            var batch = TokenBatch()
            for text in encoded[range] { batch.append(tokenIDs: text.tokenIDs, typeIDs: text.typeIDs) }
            let sealed = batch
            vectors += try await pool.run { lane in try vectorsOf(sealed, on: lane) }
        }
        if let text = vectors.firstIndex(where: { !$0.allSatisfy(\.isFinite) }) {
            throw RankingError(
                .nonFiniteScore, what: "The model's vector for text \(text) is not made of finite numbers.",
                why: "The weights overflow on this text.", fix: "Use another model, or other weights of this one.")
        }
        return vectors
    }

    private func vectorsOf(_ batch: TokenBatch, on lane: Lane) throws -> [[Float]] {
        let output: BERTEncoder.Output = pooling == .firstToken ? .firstTokens : .everyToken
        let states = try model.hiddenStates(of: batch, output: output, on: lane)
        return (0..<batch.sequences).map { sequence in
            let rows = pooling == .firstToken ? sequence..<sequence + 1 : batch.range(sequence)
            return finish(mean(of: states, rows: rows))
        }
    }

    /// The mean of rows of a [_, dimension] matrix, summed in order in double precision.
    private func mean(of states: [Float], rows: Range<Int>) -> [Double] {
        var sum = [Double](repeating: 0, count: dimension)
        for row in rows {
            for column in 0..<dimension { sum[column] += Double(states[row * dimension + column]) }
        }
        return sum.map { $0 / Double(max(1, rows.count)) }
    }

    /// v / max(|v|, 1e-12), as torch.nn.functional.normalize.
    private func finish(_ vector: [Double]) -> [Float] {
        guard normalizes else { return vector.map { Float($0) } }
        let length = max(sqrt(vector.reduce(0) { $0 + $1 * $1 }), 1e-12)
        return vector.map { Float($0 / length) }
    }
}

/// What modules.json and the files it names say.
private struct Modules {
    var pooling: BiEncoder.Pooling
    var normalizes = false
    var maxSeqLength: Int?

    private enum Step: String, CaseIterable {
        case transformer = "sentence_transformers.models.Transformer"
        case pooling = "sentence_transformers.models.Pooling"
        case normalize = "sentence_transformers.models.Normalize"
    }

    init(directory: String) throws(RankingError) {
        let path = directory + "/modules.json"
        guard FileStatus.isFile(path), case .array(let modules) = try JSONFile.value(path: path) else {
            throw RankingError(
                .unsupportedModel, what: "\(directory) has no modules.json with a list of steps.",
                why: "It says how token vectors become one vector; guessing it would give wrong embeddings.",
                fix: "Download the whole sentence-transformers directory.")
        }
        var pooling: BiEncoder.Pooling?
        for module in modules {
            guard case .object(let entry) = module, case .string(let type)? = entry["type"] else {
                throw Modules.unsupported(path, "has a step without a type")
            }
            switch Step(rawValue: type) {
            case .transformer:
                let settings = try JSONFile.objectIfPresent(path: directory + "/sentence_bert_config.json")
                if case .number(let number)? = settings["max_seq_length"], let limit = number.int, limit > 0 {
                    maxSeqLength = limit
                }
            case .pooling:
                guard case .string(let folder)? = entry["path"], !folder.contains(".."), !folder.hasPrefix("/") else {
                    throw Modules.unsupported(path, "has a Pooling step without a folder of this directory")
                }
                pooling = try Modules.pooling(path: "\(directory)/\(folder)/config.json")
            case .normalize: normalizes = true
            case nil: throw Modules.unsupported(path, "has a step of type \"\(type)\"")
            }
        }
        guard let pooling else { throw Modules.unsupported(path, "has no Pooling step") }
        self.pooling = pooling
    }

    private static func pooling(path: String) throws(RankingError) -> BiEncoder.Pooling {
        let config = try JSONFile.object(path: path)
        let modes = config.keys.filter { $0.hasPrefix("pooling_mode_") && config[$0] == .bool(true) }
        guard modes.count == 1, let mode = BiEncoder.Pooling(rawValue: modes[0]) else {
            throw unsupported(path, "asks for the pooling \(modes.isEmpty ? "none" : modes.joined(separator: " + "))")
        }
        return mode
    }

    private static func unsupported(_ path: String, _ problem: String) -> RankingError {
        RankingError(
            .unsupportedModel, what: "\(path) \(problem).",
            why:
                "Supported are the steps \(Step.allCases.map(\.rawValue).joined(separator: ", ")) and one of \(BiEncoder.Pooling.allCases.map(\.rawValue).joined(separator: ", ")).",
            fix: "Use another embedding model.")
    }
}
