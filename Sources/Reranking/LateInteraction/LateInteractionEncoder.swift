public import Inference
import OrderedJSON
public import Ranking
package import Tokenizers

/// A model of the ColBERT kind: a text becomes a vector for each of its tokens.
///
/// Vectors are those of colbert-ai and PyLate: within 2e-5 of theirs in single precision. A text's vectors are
/// bit-identical whatever else is in the call and however many threads work on it.
public struct LateInteractionEncoder: Sendable {
    /// The architectures of config.json that load as a late-interaction encoder.
    public static let architectures = ModelArchitecture.tokenEncoderNames

    public let description: LateInteractionDescription
    package let pool: ComputePool
    package let kernels: Kernels
    let sequencer: TokenSequencer
    private let model: TokenEncoder

    /// True if a directory's files say that it holds a late-interaction model. Those of a body alone do not.
    public static func isDeclared(in directory: String) -> Bool {
        LateInteractionDirectory.isDeclared(path: directory)
    }

    /// Loads a directory in the layout of colbert-ai or PyLate, or a body alone, which is read with colbert-ai's own
    /// settings and without a projection. Never touches the network.
    ///
    /// - Parameter precision: What the body multiplies. Stored vectors are compared with others for long, so that single
    ///   precision is the default.
    public static func load(
        directory: String, pool: ComputePool = .shared, precision: Precision = .fp32
    ) throws(RankingError) -> LateInteractionEncoder {
        try load(directory: directory, pool: pool, kernels: .forThisMachine(), precision: precision)
    }

    package static func load(
        directory: String, pool: ComputePool = .shared, kernels: Kernels, precision: Precision = .fp32
    ) throws(RankingError) -> LateInteractionEncoder {
        let precision = try kernels.resolve(precision)
        let layout = try LateInteractionDirectory(path: directory)
        let files = try ModelDirectory(path: layout.bodyPath)
        guard architectures.contains(files.architecture.name) else {
            throw RankingError(
                .unsupportedModel, what: "\(directory) holds a \(files.architecture.name).",
                why: "Late interaction is computed from \(architectures.joined(separator: ", ")).",
                fix: "Name a late-interaction model.")
        }
        var checkpoint = try Checkpoint(directory: layout.bodyPath)
        checkpoint.packed = precision.narrowFormat.flatMap { PackedWeights(of: checkpoint, $0, kernels) }
        let model = try TokenEncoder.load(
            checkpoint, files.architecture,
            projections: projections(layout, checkpoint, hiddenSize: files.architecture.hiddenSize),
            kernels: kernels, precision: precision)
        _ = checkpoint.packed?.store()
        let sequencer = try sequencer(layout, files)
        return LateInteractionEncoder(
            description: LateInteractionDescription(
                name: ModelDescription.name(in: files.config, directory: directory),
                architecture: files.architecture.name, family: files.architecture.family,
                layout: layout.layout.rawValue, dimension: model.dimension, queryTokens: sequencer.queryTokens,
                documentTokens: sequencer.documentTokens, expandsQueries: sequencer.expandsQueries,
                layers: files.architecture.layers, kernels: kernels.name, precision: precision, directory: directory),
            pool: pool, kernels: kernels, sequencer: sequencer, model: model)
    }

    private static func projections(
        _ layout: LateInteractionDirectory, _ body: Checkpoint, hiddenSize: Int
    ) throws(RankingError) -> [TokenEncoder.Projection] {
        var width = hiddenSize
        var projections: [TokenEncoder.Projection] = []
        for layer in layout.projections {
            if layout.layout == .stanford, layer.outputs == hiddenSize, !body.contains("linear.weight") { continue }
            if let inputs = layer.inputs, inputs != width {
                throw RankingError(
                    .corruptFile, what: "\(layer.folder) projects \(inputs) numbers, but there are \(width).",
                    why: "The Dense step does not belong to the steps before it.",
                    fix: "Download the whole directory from one revision.")
            }
            let checkpoint = layout.layout == .stanford ? body : try Checkpoint(directory: layer.folder)
            projections.append(TokenEncoder.Projection(checkpoint, layer.source, outputs: layer.outputs))
            width = layer.outputs
        }
        return projections
    }

    private static func sequencer(
        _ layout: LateInteractionDirectory, _ files: ModelDirectory
    ) throws(RankingError) -> TokenSequencer {
        let configPath = layout.bodyPath + "/tokenizer_config.json"
        let config = try JSONFile.objectIfPresent(path: configPath)
        func special(_ key: String, default name: String) -> Int32? {
            switch config[key] {
            case .string(let token)?: files.tokenizer.tokenID(of: token)
            case .object(let token)?:
                if case .string(let content)? = token["content"] { files.tokenizer.tokenID(of: content) } else { nil }
            default: files.tokenizer.tokenID(of: name)
            }
        }
        func required(_ id: Int32?, _ what: String) throws(RankingError) -> Int32 {
            guard let id else {
                throw RankingError(
                    .corruptFile, what: "The tokenizer of \(layout.bodyPath) has no \(what).",
                    why:
                        "A late-interaction model marks queries and documents, and expands queries, by tokens of its own.",
                    fix: "Download tokenizer.json and the model's settings from one revision.")
            }
            return id
        }
        let unknown = special("unk_token", default: "[UNK]")
        let limit = files.architecture.maxTokens
        let sequencer = TokenSequencer(
            tokenizer: files.tokenizer,
            queryMarker: try required(
                files.tokenizer.tokenID(of: layout.queryMarker), "marker \"\(layout.queryMarker)\" for queries"),
            documentMarker: try required(
                files.tokenizer.tokenID(of: layout.documentMarker), "marker \"\(layout.documentMarker)\" for documents"),
            mask: try required(special("mask_token", default: "[MASK]"), "mask token"),
            padding: layout.layout == .pyLate ? nil : special("pad_token", default: "[PAD]"),
            // A word that is no token stands for the unknown one, as for transformers.
            skipped: Set(layout.skippedWords.compactMap { files.tokenizer.tokenID(of: $0) ?? unknown }),
            queryTokens: min(layout.queryTokens, limit), documentTokens: min(layout.documentTokens, limit),
            expandsQueries: layout.expandsQueries, attendsToExpansion: layout.attendsToExpansion)
        guard sequencer.specialTokens < min(sequencer.queryTokens, sequencer.documentTokens) else {
            throw RankingError(
                .corruptFile,
                what:
                    "\(layout.bodyPath) reads \(layout.queryTokens) tokens of a query and \(layout.documentTokens) of a document.",
                why: "\(sequencer.specialTokens) of them are special tokens; none are left for the text.",
                fix: "Download the model's settings again.")
        }
        return sequencer
    }

    package var tokenizer: Tokenizer { sequencer.tokenizer }

    /// Tokens of a document that are read, without the special tokens and the marker around them.
    package var documentTokens: Int { sequencer.documentTokens - sequencer.specialTokens }

    /// The vectors of each query's tokens, in the order given.
    ///
    /// Throws RankingError `nonFiniteScore` where a vector is not of finite numbers; and CancellationError.
    public func encode(queries: [String]) async throws -> [TokenVectors] {
        let sequences = try await pool.run { lane in
            try queries.map { query in
                if lane.isCancelled { throw CancellationError() }
                return try sequence(ofQuery: query)
            }
        }
        return try await vectors(of: sequences)
    }

    /// One query's. Throws CancellationError also where the deadline passes.
    package func encode(query: String, until deadline: ContinuousClock.Instant?) async throws -> TokenVectors {
        try await vectors(of: [sequence(ofQuery: query)], until: deadline)[0]
    }

    /// The vectors of each document's tokens, in the order given; longer ones are cut at the end.
    public func encode(documents: [String]) async throws -> [TokenVectors] {
        let sequences = try await pool.run { lane in
            try documents.map { document in
                if lane.isCancelled { throw CancellationError() }
                return try sequence(ofDocument: document)
            }
        }
        return try await vectors(of: sequences)
    }

    package func sequence(ofQuery text: String) throws(RankingError) -> TokenSequence {
        try sequencer.query(TrimmedText(text, sequencer.tokenizer))
    }

    package func sequence(ofDocument text: String) throws(RankingError) -> TokenSequence {
        let text = TrimmedText(text, sequencer.tokenizer)
        return try sequencer.document(text, text.tokens.tokenIDs.indices)
    }

    /// Batch by batch. Throws CancellationError also where the deadline passes.
    func vectors(
        of sequences: [TokenSequence], until deadline: ContinuousClock.Instant? = nil
    ) async throws -> [TokenVectors] {
        var vectors: [TokenVectors] = []
        vectors.reserveCapacity(sequences.count)
        let budget = BatchPlan.tokenBudget(threads: pool.threads)
        for range in BatchPlan(lengths: sequences.map(\.tokenIDs.count), tokenBudget: budget).batches {
            let batch = Array(sequences[range])
            vectors += try await pool.run(until: deadline) { lane in try self.vectors(of: batch, on: lane) }
        }
        return vectors
    }

    private func vectors(of sequences: [TokenSequence], on lane: Lane) throws -> [TokenVectors] {
        var batch = TokenBatch()
        for sequence in sequences {
            batch.append(tokenIDs: sequence.tokenIDs, typeIDs: sequence.typeIDs, attended: sequence.attended)
        }
        let states = try model.vectors(of: batch, on: lane)
        return try sequences.enumerated().map { index, sequence in
            var values: [Float] = []
            values.reserveCapacity(sequence.kept.count * model.dimension)
            for place in sequence.kept {
                let row = batch.range(index).lowerBound + place
                values += states[row * model.dimension..<(row + 1) * model.dimension]
            }
            guard values.allSatisfy(\.isFinite), !values.isEmpty else {
                throw RankingError(
                    .nonFiniteScore, what: "The model's token vectors of a text are not made of finite numbers.",
                    why: "The weights overflow on it, or all of its tokens are skipped.",
                    fix: "Use another model, or other weights of this one.")
            }
            return TokenVectors(
                values: values, dimension: model.dimension, sources: sequence.kept.map { sequence.sources[$0] },
                tokens: sequence.tokenIDs.count, droppedTokens: sequence.droppedTokens)
        }
    }
}

/// What is known about a loaded late-interaction model.
public struct LateInteractionDescription: Sendable, Equatable {
    public var name: String
    /// As config.json names it.
    public var architecture: String
    public var family: ModelFamily
    /// Whose files the settings were in: "stanford", "pylate", or "body" for none.
    public var layout: String
    /// Of a token's vector.
    public var dimension: Int
    /// The most tokens of a query and of a document, special tokens and marker included.
    public var queryTokens: Int
    public var documentTokens: Int
    /// True if a shorter query is filled up with `[MASK]` tokens, whose vectors count.
    public var expandsQueries: Bool
    public var layers: Int
    public var kernels: String
    /// What its linear layers compute with; never `auto`.
    public var precision: Precision
    public var directory: String
}
