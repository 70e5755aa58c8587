import Ranking

/// One layer of a rotary body, in any precision.
///
/// A block of rows goes through one linear layer at a time, in strips whose product stays in the L2 cache, and from one
/// step to the next without reaching memory. Attention and everything that is added or normalized is in single precision.
struct RotaryLayer: Sendable {
    private let index: Int
    private let config: RotaryConfig
    /// nil where the layer reads its input as it is.
    private let attentionNorm: Norm?
    private let query: Projection
    private let keyValue: Projection
    private let queryNorm: Norm?
    private let keyNorm: Norm?
    private let attentionOutput: Projection
    private let feedForwardNorm: Norm
    /// The gate's outputs, then those that it multiplies.
    private let gateUp: Projection
    private let down: Projection

    static func load(
        _ checkpoint: Checkpoint, _ name: String, index: Int, _ config: RotaryConfig, _ format: NarrowFormat?,
        _ kernels: Kernels
    ) throws(RankingError) -> RotaryLayer {
        let (hidden, inner, layout) = (config.hiddenSize, config.intermediateSize, config.layout)
        func linear(_ sources: LinearSource..., from inputs: Int, to outputs: Int) throws(RankingError) -> Projection {
            try Projection.load(
                checkpoint, stacked: sources.map { $0.inside(name) }, inputs: inputs, outputs: outputs, format: format,
                kernels: kernels)
        }
        func norm(_ layer: String, width: Int) throws(RankingError) -> Norm {
            try Norm.load(checkpoint, "\(name).\(layer)", width: width, config.norm)
        }
        return RotaryLayer(
            index: index, config: config,
            attentionNorm: index == layout.layerWithoutAttentionNorm
                ? nil : try norm(layout.attentionNorm, width: hidden),
            query: try linear(layout.query, from: hidden, to: config.queryWidth),
            keyValue: try linear(layout.key, layout.value, from: hidden, to: config.keyValueWidth),
            queryNorm: config.hasQueryKeyNorm ? try norm(layout.queryNorm, width: config.headWidth) : nil,
            keyNorm: config.hasQueryKeyNorm ? try norm(layout.keyNorm, width: config.headWidth) : nil,
            attentionOutput: try linear(layout.attentionOutput, from: config.queryWidth, to: hidden),
            feedForwardNorm: try norm(layout.feedForwardNorm, width: hidden),
            gateUp: try linear(layout.gate, layout.up, from: hidden, to: inner),
            down: try linear(layout.down, from: inner, to: hidden))
    }

    /// Keys and values of these rows of `space.hidden`, and the queries unless only picked tokens will ask.
    func project(
        _ batch: TokenBatch, _ rows: Range<Int>, queries: Bool, _ space: RotaryWorkspace, _ slot: Int,
        _ kernels: Kernels
    ) {
        let keyValues = space.keyValue(layer: index)
        space.forEachStrip(of: rows.count) { strip in
            let tokens = rows.lowerBound + strip.lowerBound..<rows.lowerBound + strip.upperBound
            let input = input(space.hidden.rows(tokens), strip, space.scratch(slot), kernels)
            keyValue(input, into: keyValues.rows(tokens), kernels)
            if queries { query(input, into: space.query.rows(tokens), kernels) }
        }
        space.forEachPlace(batch, rows) { token, place in
            turn(keyValues[token], config.numKeyValueHeads, keyNorm, place, space, kernels)
            if queries { turn(space.query[token], config.numAttentionHeads, queryNorm, place, space, kernels) }
        }
    }

    /// norm(x) as an operand.
    private func input(
        _ x: MutableMatrixView, _ strip: Range<Int>, _ scratch: RotaryWorkspace.Scratch, _ kernels: Kernels
    ) -> Operand {
        guard let attentionNorm else { return scratch.hiddenOperands.put(x.readOnly, strip, kernels) }
        let normal = scratch.normal.rows(0..<x.rows)
        attentionNorm(x.readOnly, into: normal, kernels)
        return scratch.hiddenOperands.put(normal.readOnly, strip, kernels)
    }

    /// The heads of one token, normalized where the family does so, then turned to its place.
    private func turn(
        _ row: UnsafeMutablePointer<Float>, _ heads: Int, _ norm: Norm?, _ place: Int, _ space: RotaryWorkspace,
        _ kernels: Kernels
    ) {
        if let norm {
            let matrix = MutableMatrixView(row, rows: heads, columns: config.headWidth)
            norm(matrix.readOnly, into: matrix, kernels)
        }
        space.positions(layer: index).turn(row, heads: heads, place: place, kernels)
    }

    /// Every head's attention, [T, A], in the place of the queries; a sequence attends to the prefix and itself.
    func attend(_ batch: TokenBatch, _ space: RotaryWorkspace, _ lane: Lane, _ kernels: Kernels) {
        forEachKeyHead(of: batch, lane) { sequence, head, slot in
            attend(
                space.query.rows(batch.range(sequence)), firstPlace: space.prefixTokens, batch, sequence, head, space,
                slot,
                kernels)
        }
    }

    /// `body` gets a sequence, a head of keys and a scratch slot.
    private func forEachKeyHead(of batch: TokenBatch, _ lane: Lane, _ body: @escaping (Int, Int, Int) -> Void) {
        let heads = config.numKeyValueHeads
        lane.parallelFor(batch.sequences * heads) { iteration, slot in
            body(iteration / heads, iteration % heads, slot)
        }
    }

    /// The attention of the query heads that share a head of keys, in the place of their queries. `firstPlace` is the
    /// first query's, the prefix included.
    private func attend(
        _ queries: MutableMatrixView, firstPlace: Int, _ batch: TokenBatch, _ sequence: Int, _ head: Int,
        _ space: RotaryWorkspace, _ slot: Int, _ kernels: Kernels
    ) {
        let width = config.headWidth
        let group = config.numAttentionHeads / config.numKeyValueHeads * width
        let context = queries.columns(head * group..<(head + 1) * group)
        func keysValues(_ keyValues: MutableMatrixView) -> Kernels.KeysValues {
            let key = head * width
            let value = config.keyValueWidth + key
            return Kernels.KeysValues(
                key: keyValues.columns(key..<key + width).readOnly,
                value: keyValues.columns(value..<value + width).readOnly)
        }
        var reach: Kernels.Reach?
        if config.isCausal {
            reach = Kernels.Reach(first: firstPlace, before: .max, after: 0)
        } else if let window = config.layers[index].window {
            reach = Kernels.Reach(first: firstPlace, before: window, after: window)
        }
        kernels.attention(
            query: context.readOnly, before: space.prefix.map { keysValues($0.layer(index)) },
            own: keysValues(space.keyValue(layer: index).rows(batch.keys(sequence))),
            scale: 1 / Float(width).squareRoot(), reach: reach, into: context, scratch: space.scratch(slot).attention)
    }

    /// The rest of the layer, for rows that have their attention: x is [rows, H] and becomes y.
    func finish(
        _ x: MutableMatrixView, _ context: MutableMatrixView, _ space: RotaryWorkspace, _ slot: Int, _ kernels: Kernels
    ) {
        let scratch = space.scratch(slot)
        // One linear layer for all strips before the next one: its weights stay in the L2 cache.
        space.forEachStrip(of: x.rows) { strip in
            let (rows, product) = (x.rows(strip), scratch.product.rows(0..<strip.count))
            let normal = scratch.normal.rows(0..<strip.count)
            attentionOutput(
                scratch.contextOperands.put(context.rows(strip).readOnly, strip, kernels), into: product, kernels)
            kernels.add(rows, product.readOnly)
            feedForwardNorm(rows.readOnly, into: normal, kernels)
            _ = scratch.hiddenOperands.put(normal.readOnly, strip, kernels)
        }
        let inner = config.intermediateSize
        space.forEachStrip(of: x.rows) { strip in
            let both = scratch.gateUp.rows(0..<strip.count)
            let normal = scratch.normal.rows(0..<strip.count)
            gateUp(scratch.hiddenOperands.operand(normal.readOnly, strip), into: both, kernels)
            let gate = both.columns(0..<inner)
            config.hiddenAct(gate, kernels)
            kernels.multiply(gate, both.columns(inner..<2 * inner).readOnly)
            _ = scratch.innerOperands.put(gate.readOnly, strip, kernels)
        }
        space.forEachStrip(of: x.rows) { strip in
            let product = scratch.product.rows(0..<strip.count)
            let gate = scratch.gateUp.rows(0..<strip.count).columns(0..<inner)
            down(scratch.innerOperands.operand(gate.readOnly, strip), into: product, kernels)
            kernels.add(x.rows(strip), product.readOnly)
        }
    }

    /// The whole layer for one token of each sequence; keys and values are there for all tokens. Returns [B, H].
    func finishPicked(
        _ output: RotaryTransformer.Output, of batch: TokenBatch, _ space: RotaryWorkspace, _ lane: Lane,
        _ kernels: Kernels
    ) -> MutableMatrixView {
        let picked = space.pick(output, of: batch)
        let queries = space.query.rows(0..<batch.sequences)
        func place(_ sequence: Int) -> Int {
            let range = batch.range(sequence)
            return space.prefixTokens + (output.token(of: range) ?? range.lowerBound) - range.lowerBound
        }
        space.rowBlocks.forEach(of: batch.sequences, lane) { rows, slot in
            space.forEachStrip(of: rows.count) { strip in
                let own = rows.lowerBound + strip.lowerBound..<rows.lowerBound + strip.upperBound
                query(
                    input(picked.rows(own), strip, space.scratch(slot), kernels), into: queries.rows(own), kernels)
            }
            for row in rows {
                turn(queries[row], config.numAttentionHeads, queryNorm, place(row), space, kernels)
            }
        }
        forEachKeyHead(of: batch, lane) { sequence, head, slot in
            attend(
                queries.rows(sequence..<sequence + 1), firstPlace: place(sequence), batch, sequence, head, space, slot,
                kernels)
        }
        space.rowBlocks.forEach(of: batch.sequences, lane) { rows, slot in
            finish(picked.rows(rows), queries.rows(rows), space, slot, kernels)
        }
        return picked
    }
}
