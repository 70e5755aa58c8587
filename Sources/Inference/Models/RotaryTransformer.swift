// The body of ModernBERT, Qwen2, Qwen3 and Gemma: layers that normalize before each block, attention with rotary
// positions, a gated feed-forward block. Each family says in its own file what differs (RotaryConfig).
//
//     a = x + Attention(norm(x)) W_o
//     y = a + (act(n W_gate) ⊙ n W_up) W_down,   n = norm(a)
//
// A causal model can continue from the keys and values of a prefix that sequences share. A token's vectors depend on
// its own row and on the keys it sees, in a fixed order of summation: they are bit-identical with and without a prefix
// computed before, and in any batch.
//
// Shapes: T tokens of all sequences laid end to end, B sequences, H hidden size, A heads times their width, K heads of
// keys times their width, F feed-forward width.

package import Ranking

/// The body without a head.
package struct RotaryTransformer: Sendable {
    package let config: RotaryConfig
    let embeddings: StoredMatrix
    private let embeddingNorm: Norm?
    private let layers: [RotaryLayer]
    private let finalNorm: Norm
    private let format: NarrowFormat?
    private let kernels: Kernels

    /// Which token vectors of the last layer are wanted.
    package enum Output: Sendable {
        /// [T, H].
        case everyToken
        /// [B, H]; the last layer computes nothing else for it but keys and values.
        case firstTokens, lastTokens

        /// The token of a sequence, where only one is wanted.
        func token(of range: Range<Int>) -> Int? {
            switch self {
            case .everyToken: nil
            case .firstTokens: range.lowerBound
            case .lastTokens: range.upperBound - 1
            }
        }
    }

    package static func load(
        _ checkpoint: Checkpoint, config: RotaryConfig, kernels: Kernels, precision: Precision
    ) throws(RankingError) -> RotaryTransformer {
        let format: NarrowFormat?
        switch try kernels.resolve(precision) {
        case .int8: format = .int8
        case .bf16: format = .bf16
        case .fp32, .auto: format = nil
        }
        let layout = config.layout
        let prefix = checkpoint.contains("\(layout.prefix)\(layout.embeddings).weight") ? layout.prefix : ""
        let embeddings = try checkpoint.table(
            "\(prefix)\(layout.embeddings).weight", shape: [config.vocabSize, config.hiddenSize])
        func norm(_ name: String) throws(RankingError) -> Norm {
            try Norm.load(checkpoint, prefix + name, width: config.hiddenSize, config.norm)
        }
        var layers: [RotaryLayer] = []
        for index in 0..<config.numHiddenLayers {
            layers.append(
                try RotaryLayer.load(
                    checkpoint, "\(prefix)\(layout.layers).\(index)", index: index, config, format, kernels))
        }
        return RotaryTransformer(
            config: config, embeddings: embeddings,
            embeddingNorm: try layout.embeddingNorm.map { name throws(RankingError) in try norm(name) }, layers: layers,
            finalNorm: try norm(layout.finalNorm), format: format, kernels: kernels)
    }

    /// Hidden states after `depth` layers, row after row; after all of them (the default), normalized.
    ///
    /// Sequences continue `prefix`, whose tokens are not part of the batch. Throws RankingError where a token id or a
    /// length does not fit the model, CancellationError where the lane was cancelled between two layers.
    package func hiddenStates(
        of batch: TokenBatch, after prefix: KeyValueCache? = nil, output: Output, depth: Int? = nil, on lane: Lane
    ) throws -> [Float] {
        let depth = depth ?? layers.count
        try batch.check(
            vocabulary: embeddings.rows, positions: config.maxPositionEmbeddings - (prefix?.tokens ?? 0))
        if let window = config.layers.compactMap(\.window).min(), batch.mostUnattended > window {
            throw RankingError(
                .invalidInput, what: "A sequence ends in \(batch.mostUnattended) tokens that nothing attends to.",
                why: "The model's windows reach \(window) tokens back: the last of them would see nothing.",
                fix: "Expand the query to fewer tokens.")
        }
        guard batch.sequences > 0 else { return [] }
        let space = RotaryWorkspace(config, batch, prefix: prefix, lane: lane, format: format, kernels: kernels)
        let result = try run(batch, space, layers.prefix(depth), output, lane)
        if depth == layers.count { finalNorm(result.readOnly, into: result, kernels) }
        return result.values
    }

    /// The keys and values of a prefix, for `hiddenStates(of:after:)`. `tokenIDs` are at least one. For causal models.
    package func cache(of tokenIDs: [Int32], on lane: Lane) throws -> KeyValueCache {
        precondition(config.isCausal)
        var batch = TokenBatch()
        batch.append(tokenIDs: tokenIDs, typeIDs: tokenIDs.map { _ in 0 })
        try batch.check(vocabulary: embeddings.rows, positions: config.maxPositionEmbeddings)
        let cache = KeyValueCache(tokens: tokenIDs.count, config)
        let space = RotaryWorkspace(
            config, batch, prefix: nil, recording: cache, lane: lane, format: format, kernels: kernels)
        _ = try run(batch, space, layers[...], nil, lane)
        return cache
    }

    /// Without an output, stops at the last layer's keys and values.
    private func run(
        _ batch: TokenBatch, _ space: RotaryWorkspace, _ layers: ArraySlice<RotaryLayer>, _ output: Output?,
        _ lane: Lane
    ) throws -> MutableMatrixView {
        let last = layers.count - 1
        func needsQueries(_ layer: Int) -> Bool { layer < last || output == .everyToken }

        space.rowBlocks.forEach(lane) { rows, slot in
            embed(batch, rows, into: space.hidden.rows(rows))
            layers.first?.project(batch, rows, queries: needsQueries(0), space, slot, kernels)
        }
        for (index, layer) in layers.enumerated() {
            if lane.isCancelled { throw CancellationError() }
            if index == last {
                guard let output else { return space.hidden }
                if output != .everyToken { return layer.finishPicked(output, of: batch, space, lane, kernels) }
            }
            layer.attend(batch, space, lane, kernels)
            space.rowBlocks.forEach(lane) { rows, slot in
                layer.finish(space.hidden.rows(rows), space.query.rows(rows), space, slot, kernels)
                guard index < last else { return }
                layers[index + 1].project(batch, rows, queries: needsQueries(index + 1), space, slot, kernels)
            }
        }
        if let output, output != .everyToken { return space.pick(output, of: batch) }
        return space.hidden
    }

    /// `rows` are tokens of the batch; out is [rows, H].
    private func embed(_ batch: TokenBatch, _ rows: Range<Int>, into out: MutableMatrixView) {
        for token in rows {
            let row = out[token - rows.lowerBound]
            embeddings.read(row: Int(batch.tokenIDs[token]), into: row)
            guard config.embeddingScale != 1 else { continue }
            for column in 0..<out.columns { row[column] *= config.embeddingScale }
        }
        embeddingNorm?(out.readOnly, into: out, kernels)
    }
}

/// Keys and values of a prefix in every layer, [tokens, 2K] each: keys beside values, keys turned.
package final class KeyValueCache: Sendable {
    package let tokens: Int
    private let width: Int
    private let layers: [FloatBuffer]

    init(tokens: Int, _ config: RotaryConfig) {
        self.tokens = tokens
        width = 2 * config.keyValueWidth
        layers = config.layers.map { _ in FloatBuffer(count: tokens * 2 * config.keyValueWidth) }
    }

    /// The first `tokens` of them, which do not depend on those behind.
    package init(first tokens: Int, of cache: KeyValueCache) {
        precondition(tokens <= cache.tokens)
        self.tokens = tokens
        width = cache.width
        layers = cache.layers
    }

    func layer(_ index: Int) -> MutableMatrixView {
        MutableMatrixView(layers[index].writable, rows: tokens, columns: width)
    }
}

/// The norm of a family.
enum Norm: Sendable {
    case layer(LayerNorm)
    case rms(RMSNorm)

    static func load(
        _ checkpoint: Checkpoint, _ name: String, width: Int, _ config: RotaryConfig.NormConfig
    ) throws(RankingError) -> Norm {
        switch config {
        case .layer(let epsilon, let hasBias):
            .layer(try LayerNorm.load(checkpoint, name, width: width, epsilon: epsilon, hasBias: hasBias))
        case .rms(let epsilon, let offset):
            .rms(try RMSNorm.load(checkpoint, name, width: width, epsilon: epsilon, offset: offset))
        }
    }

    /// out may be x.
    func callAsFunction(_ x: MatrixView, into out: MutableMatrixView, _ kernels: Kernels) {
        switch self {
        case .layer(let norm): norm(x, into: out, kernels)
        case .rms(let norm): norm(x, into: out, kernels)
        }
    }
}
