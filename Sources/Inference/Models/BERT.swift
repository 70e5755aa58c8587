// BERT: token + type + position embeddings, then layers of self-attention and feed-forward, each followed by a
// residual connection and a LayerNorm; for classification, tanh pooling of the first token and a linear head.
//
// Paper: Devlin et al., BERT, NAACL 2019, <https://arxiv.org/abs/1810.04805>.
// Python original: transformers 4.57.6, models/bert/modeling_bert.py.
// Proven by conformance tests: the fixtures bert-cross-encoder, -legacy, -sigmoid, -2-labels, -3-labels,
// bert-bi-encoder-mean, -cls; ms-marco-MiniLM-L-12-v2; the embedded default model.
// Checkpoints differ in: exact or tanh GELU, LayerNorm ε, number of positions, the "bert." name prefix, and an int64
// `position_ids` tensor in older files, which is not read.
//
// RoBERTa, XLM-RoBERTa, Jina v2, ELECTRA, DistilBERT and DeBERTa v2 have the same body; each says in its own file what
// differs (BERTConfig).
//
// Shapes: T tokens of all sequences laid end to end, B sequences, H hidden size, D head width, F feed-forward width.

package import Ranking

/// The encoder without a head.
package struct BERTEncoder: Sendable {
    package let config: BERTConfig
    private let embeddings: BERTEmbeddings
    private let layers: Layers
    private let kernels: Kernels

    private enum Layers: Sendable {
        case single([BERTLayer])
        case narrow([BERTNarrowLayer], NarrowFormat)
    }

    /// Which token vectors of the last layer are wanted.
    package enum Output: Sendable {
        /// [T, H].
        case everyToken
        /// [B, H]: the first token of each sequence. The last layer computes nothing else for it but keys and values.
        case firstTokens
    }

    package static func load(
        _ checkpoint: Checkpoint, config: BERTConfig, kernels: Kernels, precision: Precision
    ) throws(RankingError) -> BERTEncoder {
        let layout = config.layout
        let prefix = checkpoint.contains("\(layout.prefix)\(layout.wordEmbeddings).weight") ? layout.prefix : ""
        let embeddings = try BERTEmbeddings.load(checkpoint, prefix, config, kernels)
        let names = (0..<config.numHiddenLayers).map { "\(prefix)\(layout.layers).\($0)" }
        var table: FloatBuffer?
        if let relative = config.relative {
            table = try RelativeAttention.table(checkpoint, prefix, config, relative, kernels)
        }
        func relative(_ layer: String) throws(RankingError) -> RelativeAttention? {
            guard let table, let relative = config.relative else { return nil }
            return try RelativeAttention.load(checkpoint, layer, table: table, config, relative, kernels)
        }
        func narrow(_ format: NarrowFormat) throws(RankingError) -> Layers {
            var layers: [BERTNarrowLayer] = []
            for name in names {
                layers.append(
                    try BERTNarrowLayer.load(checkpoint, name, config, relative(name), format, kernels))
            }
            return .narrow(layers, format)
        }
        let layers: Layers
        switch try kernels.resolve(precision) {
        case .int8: layers = try narrow(.int8)
        case .bf16: layers = try narrow(.bf16)
        case .fp32, .auto:
            var loaded: [BERTLayer] = []
            for name in names {
                loaded.append(try BERTLayer.load(checkpoint, name, config, relative(name), kernels))
            }
            layers = .single(loaded)
        }
        return BERTEncoder(config: config, embeddings: embeddings, layers: layers, kernels: kernels)
    }

    /// Hidden states after `depth` layers (all of them by default; 0 gives the embeddings), row after row; `start` is
    /// what the same sequences had after fewer layers.
    ///
    /// Throws RankingError where a token id or a length does not fit the model, CancellationError where the lane was
    /// cancelled between two layers.
    package func hiddenStates(
        of batch: TokenBatch, output: Output, from start: LayerStates? = nil, depth: Int? = nil, on lane: Lane
    ) throws -> [Float] {
        try embeddings.check(batch)
        let range = (start?.depth ?? 0)..<(depth ?? config.numHiddenLayers)
        switch layers {
        case .single(let layers):
            return try hiddenStates(of: batch, output: output, from: start, Array(layers[range]), on: lane)
        case .narrow(let layers, let format):
            return try hiddenStates(of: batch, output: output, from: start, Array(layers[range]), format, on: lane)
        }
    }

    /// What the first of the layers gets for these rows.
    private func input(
        _ batch: TokenBatch, _ start: LayerStates?, _ rows: Range<Int>, into out: MutableMatrixView
    ) {
        guard let start else { return embeddings(batch, rows, into: out, kernels) }
        start.read(rows, into: out)
    }

    private func hiddenStates(
        of batch: TokenBatch, output: Output, from start: LayerStates?, _ layers: [BERTLayer], on lane: Lane
    ) throws -> [Float] {
        let last = layers.count - 1
        let space = BERTWorkspace(config: config, batch: batch, lane: lane, kernels: kernels)

        space.rowBlocks.forEach(lane) { rows, _ in
            input(batch, start, rows, into: space.hidden.rows(rows))
            layers.first?.project(rows, queries: output == .everyToken || last > 0, space, kernels)
        }
        for (index, layer) in layers.enumerated() {
            if lane.isCancelled { throw CancellationError() }
            if index == last, output == .firstTokens {
                layer.finishFirstTokens(of: batch, space, lane, kernels)
                return space.firstTokens.values
            }
            layer.attend(batch, space, lane, kernels)
            space.rowBlocks.forEach(lane) { rows, slot in
                layer.finish(space.hidden.rows(rows), space.context.rows(rows), space.scratch(slot), kernels)
                guard index < last else { return }
                layers[index + 1].project(rows, queries: output == .everyToken || index + 1 < last, space, kernels)
            }
        }
        if output == .firstTokens {
            space.firstTokens.gatherFirstTokens(of: batch, from: space.hidden)
            return space.firstTokens.values
        }
        return space.hidden.values
    }
}

extension BERTEncoder {
    /// The same steps on narrow operands, which go from each layer to the next beside the hidden states.
    private func hiddenStates(
        of batch: TokenBatch, output: Output, from start: LayerStates?, _ layers: [BERTNarrowLayer],
        _ format: NarrowFormat, on lane: Lane
    ) throws -> [Float] {
        let last = layers.count - 1
        let space = BERTNarrowWorkspace(
            config: config, batch: batch, lane: lane, format: format, kernels: kernels)

        space.rowBlocks.forEach(lane) { rows, slot in
            let hidden = space.hidden.rows(rows)
            input(batch, start, rows, into: hidden)
            guard let first = layers.first else { return }
            let input = space.scratch(slot).hidden.rows(0..<rows.count)
            kernels.narrow(hidden.readOnly, into: input)
            first.project(input, rows, queries: output == .everyToken || last > 0, space, slot, kernels)
        }
        for (index, layer) in layers.enumerated() {
            if lane.isCancelled { throw CancellationError() }
            if index == last, output == .firstTokens {
                layer.finishFirstTokens(of: batch, space, lane, kernels)
                return space.firstTokens.values
            }
            layer.attend(batch, space, lane, kernels)
            space.rowBlocks.forEach(lane) { rows, slot in
                let input = layer.finish(space.hidden.rows(rows), space.context.rows(rows), space, slot, kernels)
                guard index < last else { return }
                layers[index + 1].project(
                    input, rows, queries: output == .everyToken || index + 1 < last, space, slot, kernels)
            }
        }
        if output == .firstTokens {
            space.firstTokens.gatherFirstTokens(of: batch, from: space.hidden)
            return space.firstTokens.values
        }
        return space.hidden.values
    }
}

/// word[id] + type[type] + position[i], then LayerNorm and the projection to the hidden size; without the terms that a
/// family lacks.
private struct BERTEmbeddings: Sendable {
    let config: BERTConfig
    let word: StoredMatrix
    let type: StoredMatrix?
    let position: StoredMatrix?
    let norm: LayerNorm
    let projection: Linear?

    static func load(
        _ checkpoint: Checkpoint, _ prefix: String, _ config: BERTConfig, _ kernels: Kernels
    ) throws(RankingError) -> BERTEmbeddings {
        let (layout, width) = (config.layout, config.embeddingSize)
        func table(_ name: String, rows: Int) throws(RankingError) -> StoredMatrix {
            try checkpoint.table("\(prefix)\(name).weight", shape: [rows, width])
        }
        var projection: Linear?
        if width != config.hiddenSize {
            projection = try Linear.load(
                checkpoint, prefix + layout.embeddingProjection, inputs: width, outputs: config.hiddenSize,
                kernels: kernels)
        }
        return BERTEmbeddings(
            config: config, word: try table(layout.wordEmbeddings, rows: config.vocabSize),
            type: config.types == .none ? nil : try table(layout.typeEmbeddings, rows: config.typeVocabSize),
            position: config.positions == .none
                ? nil : try table(layout.positionEmbeddings, rows: config.maxPositionEmbeddings),
            norm: try LayerNorm.load(
                checkpoint, prefix + layout.embeddingNorm, width: width, epsilon: config.layerNormEps),
            projection: projection)
    }

    func check(_ batch: TokenBatch) throws(RankingError) {
        try batch.check(vocabulary: word.rows, positions: config.maxTokens)
        guard let type, config.types == .asGiven else { return }
        if let id = batch.typeIDs.first(where: { $0 < 0 || Int($0) >= type.rows }) {
            throw RankingError(
                .corruptFile, what: "The tokenizer gave the type id \(id), but the model has \(type.rows) types.",
                why: "tokenizer.json and the weights belong to different models.",
                fix: "Download both from the same revision.")
        }
    }

    /// `rows` are tokens of the batch; out is [rows, H].
    func callAsFunction(_ batch: TokenBatch, _ rows: Range<Int>, into out: MutableMatrixView, _ kernels: Kernels) {
        guard let projection else { return sum(batch, rows, into: out, kernels) }
        let width = config.embeddingSize
        withUnsafeTemporaryAllocation(of: Float.self, capacity: rows.count * width) { narrow in
            guard let base = narrow.baseAddress else { return }
            let embedded = MutableMatrixView(base, rows: rows.count, columns: width)
            sum(batch, rows, into: embedded, kernels)
            projection(embedded.readOnly, into: out, kernels)
        }
    }

    private func sum(_ batch: TokenBatch, _ rows: Range<Int>, into out: MutableMatrixView, _ kernels: Kernels) {
        let width = out.columns
        var sequence = batch.sequence(ofToken: rows.lowerBound)
        var places = Places(config.positions, batch, sequence, before: rows.lowerBound)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { term in
            guard let base = term.baseAddress else { return }
            let addend = MatrixView(base, rows: 1, columns: width)
            for token in rows {
                while token >= batch.starts[sequence + 1] {
                    sequence += 1
                    places = Places(config.positions, batch, sequence, before: token)
                }
                let row = out.rows(token - rows.lowerBound..<token - rows.lowerBound + 1)
                word.read(row: Int(batch.tokenIDs[token]), into: row.base)
                if let type {
                    type.read(row: config.types == .asGiven ? Int(batch.typeIDs[token]) : 0, into: base)
                    kernels.add(row, addend)
                }
                if let position {
                    position.read(row: places.next(batch.tokenIDs[token]), into: base)
                    kernels.add(row, addend)
                }
            }
        }
        norm(out.readOnly, into: out, kernels)
    }

    /// The rows of the position table for one sequence's tokens, one after the other.
    private struct Places {
        private let padding: Int?
        private var count: Int

        /// `before` is the first token that `next` is asked for.
        init(_ positions: BERTConfig.Positions, _ batch: TokenBatch, _ sequence: Int, before token: Int) {
            let earlier = batch.starts[sequence]..<token
            if case .behindPadding(let id) = positions {
                padding = id
                count = batch.tokenIDs[earlier].count { Int($0) != id }
            } else {
                padding = nil
                count = earlier.count
            }
        }

        mutating func next(_ token: Int32) -> Int {
            guard let padding else {
                defer { count += 1 }
                return count
            }
            if Int(token) == padding { return padding }
            defer { count += 1 }
            return padding + 1 + count
        }
    }
}

/// One encoder layer:
///
///     a = LayerNorm(x + Attention(x W_q, x W_k, x W_v) W_o)
///     y = LayerNorm(a + act(a W_1) W_2)
private struct BERTLayer: Sendable {
    let config: BERTConfig
    let relative: RelativeAttention?
    let query: Linear
    let keyValue: Linear
    let attentionOutput: Linear
    let attentionNorm: LayerNorm
    let intermediate: Linear
    let output: Linear
    let outputNorm: LayerNorm

    static func load(
        _ checkpoint: Checkpoint, _ name: String, _ config: BERTConfig, _ relative: RelativeAttention?,
        _ kernels: Kernels
    ) throws(RankingError) -> BERTLayer {
        let (hidden, inner, layout) = (config.hiddenSize, config.intermediateSize, config.layout)
        func linear(_ sources: LinearSource..., from inputs: Int, to outputs: Int) throws(RankingError) -> Linear {
            try Linear.load(
                checkpoint, stacked: sources.map { $0.inside(name) }, inputs: inputs, outputs: outputs, kernels: kernels
            )
        }
        func norm(_ layer: String) throws(RankingError) -> LayerNorm {
            try LayerNorm.load(checkpoint, "\(name).\(layer)", width: hidden, epsilon: config.layerNormEps)
        }
        return BERTLayer(
            config: config, relative: relative,
            query: try linear(layout.query, from: hidden, to: hidden),
            keyValue: try linear(layout.key, layout.value, from: hidden, to: hidden),
            attentionOutput: try linear(LinearSource(layout.attentionOutput), from: hidden, to: hidden),
            attentionNorm: try norm(layout.attentionNorm),
            intermediate: try linear(LinearSource(layout.intermediate), from: hidden, to: inner),
            output: try linear(LinearSource(layout.output), from: inner, to: hidden),
            outputNorm: try norm(layout.outputNorm))
    }

    /// Keys and values of these rows of `space.hidden`, and the queries unless only first tokens will ask.
    func project(_ rows: Range<Int>, queries: Bool, _ space: BERTWorkspace, _ kernels: Kernels) {
        let hidden = space.hidden.rows(rows).readOnly
        keyValue(hidden, into: space.keyValue.rows(rows), kernels)
        if queries { query(hidden, into: space.query.rows(rows), kernels) }
    }

    /// `space.context` = every head's attention, [T, H]; a sequence attends to itself alone.
    func attend(_ batch: TokenBatch, _ space: BERTWorkspace, _ lane: Lane, _ kernels: Kernels) {
        lane.forEachHead(of: batch, config) { sequence, head, slot in
            let tokens = batch.range(sequence)
            attend(
                space.query.rows(tokens).columns(head), batch.keys(sequence), head,
                into: space.context.rows(tokens).columns(head), space, slot, kernels)
        }
    }

    /// The rest of the layer, for rows that have their attention: x is [rows, H] and becomes y.
    func finish(
        _ x: MutableMatrixView, _ context: MutableMatrixView, _ scratch: BERTWorkspace.Scratch, _ kernels: Kernels
    ) {
        let projected = scratch.hidden.rows(0..<x.rows)
        let inner = scratch.intermediate.rows(0..<x.rows)
        attentionOutput(context.readOnly, into: projected, kernels)
        attentionNorm(projected.readOnly, adding: x.readOnly, into: x, kernels)
        intermediate(x.readOnly, into: inner, kernels)
        config.hiddenAct(inner, kernels)
        output(inner.readOnly, into: projected, kernels)
        outputNorm(projected.readOnly, adding: x.readOnly, into: x, kernels)
    }

    /// The whole layer for the first token of each sequence; keys and values are there for all tokens.
    func finishFirstTokens(of batch: TokenBatch, _ space: BERTWorkspace, _ lane: Lane, _ kernels: Kernels) {
        space.firstTokens.gatherFirstTokens(of: batch, from: space.hidden)
        let (query, context) = (space.query.rows(0..<batch.sequences), space.context.rows(0..<batch.sequences))
        self.query(space.firstTokens.readOnly, into: query, kernels)
        lane.forEachHead(of: batch, config) { sequence, head, slot in
            let row = sequence..<sequence + 1
            attend(
                query.rows(row).columns(head), batch.keys(sequence), head, into: context.rows(row).columns(head),
                space, slot, kernels)
        }
        space.rowBlocks.forEach(of: batch.sequences, lane) { rows, slot in
            finish(space.firstTokens.rows(rows), context.rows(rows), space.scratch(slot), kernels)
        }
    }

    private func attend(
        _ query: MutableMatrixView, _ keys: Range<Int>, _ head: Range<Int>, into context: MutableMatrixView,
        _ space: BERTWorkspace, _ slot: Int, _ kernels: Kernels
    ) {
        let keyValue = space.keyValue.rows(keys).readOnly
        let hidden = config.hiddenSize
        kernels.attention(
            query: query.readOnly,
            own: Kernels.KeysValues(
                key: keyValue.columns(head),
                value: keyValue.columns(head.lowerBound + hidden..<head.upperBound + hidden)),
            scale: config.attentionScale,
            relative: space.distances.flatMap { distances in
                relative?.positions(head: head.lowerBound / config.headWidth, buckets: distances.zero)
            },
            into: context, scratch: space.scratch(slot).attention)
    }
}

extension BERTConfig {
    /// Of the scores before the softmax.
    var attentionScale: Float { 1 / Float(headWidth * (relative?.terms ?? 1)).squareRoot() }
}
