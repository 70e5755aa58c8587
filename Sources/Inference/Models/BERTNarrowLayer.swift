import Ranking

/// `BERTLayer` with linear layers in a narrow format, and attention on bfloat16.
///
/// Activations are in single precision where they are added and normalized. A few rows at a time go from one step to
/// the next inside the L1 and L2 caches; what lies between two linear layers never reaches memory.
struct BERTNarrowLayer: Sendable {
    private let config: BERTConfig
    private let relative: RelativeAttention?
    private let query: NarrowLinear
    private let keyValue: NarrowLinear
    private let attentionOutput: NarrowLinear
    private let attentionNorm: LayerNorm
    private let intermediate: NarrowLinear
    private let output: NarrowLinear
    private let outputNorm: LayerNorm

    static func load(
        _ checkpoint: Checkpoint, _ name: String, _ config: BERTConfig, _ relative: RelativeAttention?,
        _ format: NarrowFormat, _ kernels: Kernels
    ) throws(RankingError) -> BERTNarrowLayer {
        let (hidden, inner, layout) = (config.hiddenSize, config.intermediateSize, config.layout)
        func linear(
            _ sources: LinearSource..., from inputs: Int, to outputs: Int
        ) throws(RankingError) -> NarrowLinear {
            try NarrowLinear.load(
                checkpoint, stacked: sources.map { $0.inside(name) }, inputs: inputs, outputs: outputs, format: format,
                kernels: kernels)
        }
        func norm(_ layer: String) throws(RankingError) -> LayerNorm {
            try LayerNorm.load(checkpoint, "\(name).\(layer)", width: hidden, epsilon: config.layerNormEps)
        }
        return BERTNarrowLayer(
            config: config, relative: relative,
            query: try linear(layout.query, from: hidden, to: hidden),
            keyValue: try linear(layout.key, layout.value, from: hidden, to: hidden),
            attentionOutput: try linear(LinearSource(layout.attentionOutput), from: hidden, to: hidden),
            attentionNorm: try norm(layout.attentionNorm),
            intermediate: try linear(LinearSource(layout.intermediate), from: hidden, to: inner),
            output: try linear(LinearSource(layout.output), from: inner, to: hidden),
            outputNorm: try norm(layout.outputNorm))
    }

    /// Keys and values of these rows, whose hidden states are `input`; and the queries unless only first tokens ask.
    func project(
        _ input: NarrowRows, _ rows: Range<Int>, queries: Bool, _ space: BERTNarrowWorkspace, _ slot: Int,
        _ kernels: Kernels
    ) {
        project(input, keyValue, into: space.keyValue.rows(rows), space, slot, kernels)
        if queries { project(input, query, into: space.query.rows(rows), space, slot, kernels) }
    }

    private func project(
        _ input: NarrowRows, _ layer: NarrowLinear, into out: HalfMatrixView, _ space: BERTNarrowWorkspace,
        _ slot: Int, _ kernels: Kernels
    ) {
        space.forEachStrip(of: input.count) { strip in
            let product = space.scratch(slot).product(rows: strip.count, columns: out.columns)
            layer(input.rows(strip), into: product, kernels)
            kernels.roundToBF16(product.readOnly, into: out.rows(strip))
        }
    }

    /// `space.context` = every head's attention, [T, H]; a sequence attends to itself alone.
    func attend(_ batch: TokenBatch, _ space: BERTNarrowWorkspace, _ lane: Lane, _ kernels: Kernels) {
        lane.forEachHead(of: batch, config) { sequence, head, slot in
            let tokens = batch.range(sequence)
            attend(
                space.query.rows(tokens).columns(head), batch.keys(sequence), head,
                into: space.context.rows(tokens).columns(head), space, slot, kernels)
        }
    }

    /// The rest of the layer, for rows that have their attention: x is [rows, H] and becomes y. Returns y once more, as
    /// the next layer's input.
    @discardableResult
    func finish(
        _ x: MutableMatrixView, _ context: MutableMatrixView, _ space: BERTNarrowWorkspace, _ slot: Int,
        _ kernels: Kernels
    ) -> NarrowRows {
        let scratch = space.scratch(slot)
        let hidden = scratch.hidden.rows(0..<x.rows)
        let inner = scratch.intermediate.rows(0..<x.rows)
        // One linear layer for all strips before the next one: its weights stay in the L2 cache.
        space.forEachStrip(of: x.rows) { strip in
            let rows = x.rows(strip)
            let product = scratch.product(rows: strip.count, columns: config.hiddenSize)
            kernels.narrow(context.rows(strip).readOnly, into: hidden.rows(strip))
            attentionOutput(hidden.rows(strip), into: product, kernels)
            attentionNorm(product.readOnly, adding: rows.readOnly, into: rows, kernels)
            kernels.narrow(rows.readOnly, into: hidden.rows(strip))
        }
        space.forEachStrip(of: x.rows) { strip in
            let product = scratch.product(rows: strip.count, columns: config.intermediateSize)
            intermediate(hidden.rows(strip), into: product, kernels)
            kernels.narrowGELU(product, tanhForm: config.hiddenAct.isTanhForm, into: inner.rows(strip))
        }
        space.forEachStrip(of: x.rows) { strip in
            let rows = x.rows(strip)
            let product = scratch.product(rows: strip.count, columns: config.hiddenSize)
            output(inner.rows(strip), into: product, kernels)
            outputNorm(product.readOnly, adding: rows.readOnly, into: rows, kernels)
            kernels.narrow(rows.readOnly, into: hidden.rows(strip))
        }
        return hidden
    }

    /// The whole layer for the first token of each sequence; keys and values are there for all tokens.
    func finishFirstTokens(of batch: TokenBatch, _ space: BERTNarrowWorkspace, _ lane: Lane, _ kernels: Kernels) {
        space.firstTokens.gatherFirstTokens(of: batch, from: space.hidden)
        let (first, context) = (space.firstTokens, space.context.rows(0..<batch.sequences))
        space.rowBlocks.forEach(of: batch.sequences, lane) { rows, slot in
            let input = space.scratch(slot).hidden.rows(0..<rows.count)
            kernels.narrow(first.rows(rows).readOnly, into: input)
            project(input, query, into: space.query.rows(rows), space, slot, kernels)
        }
        lane.forEachHead(of: batch, config) { sequence, head, slot in
            let row = sequence..<sequence + 1
            attend(
                space.query.rows(row).columns(head), batch.keys(sequence), head,
                into: context.rows(row).columns(head), space, slot, kernels)
        }
        space.rowBlocks.forEach(of: batch.sequences, lane) { rows, slot in
            finish(first.rows(rows), context.rows(rows), space, slot, kernels)
        }
    }

    private func attend(
        _ query: HalfMatrixView, _ keys: Range<Int>, _ head: Range<Int>, into context: MutableMatrixView,
        _ space: BERTNarrowWorkspace, _ slot: Int, _ kernels: Kernels
    ) {
        let keyValue = space.keyValue.rows(keys)
        let (key, hidden) = (keyValue.columns(head), config.hiddenSize)
        let value = keyValue.columns(head.lowerBound + hidden..<head.upperBound + hidden)
        let scratch = space.scratch(slot)
        guard let relative, let distances = space.distances else {
            return kernels.attention(
                query: query, key: key, value: value, scale: config.attentionScale, into: context,
                scratch: scratch.attention)
        }
        let wide = scratch.widened(queries: query.rows, tokens: keys.count, columns: head.count)
        kernels.widen(query, into: wide.query)
        kernels.widen(key, into: wide.key)
        kernels.widen(value, into: wide.value)
        kernels.attention(
            query: wide.query.readOnly,
            own: Kernels.KeysValues(key: wide.key.readOnly, value: wide.value.readOnly), scale: config.attentionScale,
            relative: relative.positions(head: head.lowerBound / config.headWidth, buckets: distances.zero),
            into: context, scratch: scratch.attention)
    }
}
