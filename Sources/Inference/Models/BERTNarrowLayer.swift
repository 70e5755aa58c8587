import Ranking

/// `BERTLayer` with linear layers in a narrow format, and attention on bfloat16.
///
/// Activations are in single precision where they are added and normalized. A few rows at a time go from one step to
/// the next inside the L1 and L2 caches; what lies between two linear layers never reaches memory.
struct BERTNarrowLayer: Sendable {
    private let config: BERTConfig
    private let query: NarrowLinear
    private let keyValue: NarrowLinear
    private let attentionOutput: NarrowLinear
    private let attentionNorm: LayerNorm
    private let intermediate: NarrowLinear
    private let output: NarrowLinear
    private let outputNorm: LayerNorm

    static func load(
        _ checkpoint: Checkpoint, _ name: String, _ config: BERTConfig, _ format: NarrowFormat, _ kernels: Kernels
    ) throws(RankingError) -> BERTNarrowLayer {
        let (hidden, inner) = (config.hiddenSize, config.intermediateSize)
        func linear(_ layers: [String], from inputs: Int, to outputs: Int) throws(RankingError) -> NarrowLinear {
            let names = layers.map { "\(name).\($0)" }
            return try NarrowLinear.load(
                checkpoint, stacked: names, inputs: inputs, outputs: outputs, format: format, kernels: kernels)
        }
        func norm(_ layer: String) throws(RankingError) -> LayerNorm {
            try LayerNorm.load(checkpoint, "\(name).\(layer)", width: hidden, epsilon: config.layerNormEps)
        }
        return BERTNarrowLayer(
            config: config,
            query: try linear(["attention.self.query"], from: hidden, to: hidden),
            keyValue: try linear(["attention.self.key", "attention.self.value"], from: hidden, to: hidden),
            attentionOutput: try linear(["attention.output.dense"], from: hidden, to: hidden),
            attentionNorm: try norm("attention.output.LayerNorm"),
            intermediate: try linear(["intermediate.dense"], from: hidden, to: inner),
            output: try linear(["output.dense"], from: inner, to: hidden),
            outputNorm: try norm("output.LayerNorm"))
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
                space.query.rows(tokens).columns(head), tokens, head, into: space.context.rows(tokens).columns(head),
                space, slot, kernels)
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
                space.query.rows(row).columns(head), batch.range(sequence), head,
                into: context.rows(row).columns(head), space, slot, kernels)
        }
        space.rowBlocks.forEach(of: batch.sequences, lane) { rows, slot in
            finish(first.rows(rows), context.rows(rows), space, slot, kernels)
        }
    }

    private func attend(
        _ query: HalfMatrixView, _ tokens: Range<Int>, _ head: Range<Int>, into context: MutableMatrixView,
        _ space: BERTNarrowWorkspace, _ slot: Int, _ kernels: Kernels
    ) {
        let keyValue = space.keyValue.rows(tokens)
        let hidden = config.hiddenSize
        kernels.attention(
            query: query, key: keyValue.columns(head),
            value: keyValue.columns(head.lowerBound + hidden..<head.upperBound + hidden),
            scale: 1 / Float(config.headWidth).squareRoot(), into: context, scratch: space.scratch(slot).attention)
    }
}
