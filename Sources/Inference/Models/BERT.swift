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
        let prefix = checkpoint.contains("bert.embeddings.word_embeddings.weight") ? "bert." : ""
        let embeddings = try BERTEmbeddings.load(checkpoint, prefix + "embeddings", config)
        let names = (0..<config.numHiddenLayers).map { "\(prefix)encoder.layer.\($0)" }
        func narrow(_ format: NarrowFormat) throws(RankingError) -> Layers {
            var layers: [BERTNarrowLayer] = []
            for name in names { layers.append(try BERTNarrowLayer.load(checkpoint, name, config, format, kernels)) }
            return .narrow(layers, format)
        }
        let layers: Layers
        switch try kernels.resolve(precision) {
        case .int8: layers = try narrow(.int8)
        case .bf16: layers = try narrow(.bf16)
        case .fp32, .auto:
            var loaded: [BERTLayer] = []
            for name in names { loaded.append(try BERTLayer.load(checkpoint, name, config, kernels)) }
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

/// word[id] + type[type] + position[i], then LayerNorm.
private struct BERTEmbeddings: Sendable {
    let word: StoredMatrix
    let type: StoredMatrix
    let position: StoredMatrix
    let norm: LayerNorm

    static func load(
        _ checkpoint: Checkpoint, _ name: String, _ config: BERTConfig
    ) throws(RankingError) -> BERTEmbeddings {
        func table(_ table: String, rows: Int) throws(RankingError) -> StoredMatrix {
            try checkpoint.table("\(name).\(table).weight", shape: [rows, config.hiddenSize])
        }
        return BERTEmbeddings(
            word: try table("word_embeddings", rows: config.vocabSize),
            type: try table("token_type_embeddings", rows: config.typeVocabSize),
            position: try table("position_embeddings", rows: config.maxPositionEmbeddings),
            norm: try LayerNorm.load(
                checkpoint, name + ".LayerNorm", width: config.hiddenSize, epsilon: config.layerNormEps))
    }

    func check(_ batch: TokenBatch) throws(RankingError) {
        guard batch.longest <= position.rows else {
            throw RankingError(
                .invalidInput, what: "A sequence has \(batch.longest) tokens.",
                why: "The model has \(position.rows) positions.", fix: "Truncate or split the text before scoring.")
        }
        guard (0..<batch.sequences).allSatisfy({ !batch.range($0).isEmpty }) else {
            throw RankingError(
                .invalidInput, what: "A sequence has no tokens.",
                why: "The texts have none, and the tokenizer puts no special tokens around them.",
                fix: "Score texts that are not empty.")
        }
        if let id = batch.tokenIDs.first(where: { $0 < 0 || Int($0) >= word.rows }) {
            throw RankingError(
                .corruptFile, what: "The tokenizer gave the id \(id), but the model has \(word.rows) token embeddings.",
                why: "tokenizer.json and the weights belong to different models.",
                fix: "Download both from the same revision.")
        }
        if let id = batch.typeIDs.first(where: { $0 < 0 || Int($0) >= type.rows }) {
            throw RankingError(
                .corruptFile, what: "The tokenizer gave the type id \(id), but the model has \(type.rows) types.",
                why: "tokenizer.json and the weights belong to different models.",
                fix: "Download both from the same revision.")
        }
    }

    /// `rows` are tokens of the batch; out is [rows, H].
    func callAsFunction(_ batch: TokenBatch, _ rows: Range<Int>, into out: MutableMatrixView, _ kernels: Kernels) {
        let width = out.columns
        var sequence = batch.sequence(ofToken: rows.lowerBound)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: width) { term in
            guard let base = term.baseAddress else { return }
            let addend = MatrixView(base, rows: 1, columns: width)
            for token in rows {
                while token >= batch.starts[sequence + 1] { sequence += 1 }
                let index = token - batch.starts[sequence]
                let row = out.rows(token - rows.lowerBound..<token - rows.lowerBound + 1)
                word.read(row: Int(batch.tokenIDs[token]), into: row.base)
                type.read(row: Int(batch.typeIDs[token]), into: base)
                kernels.add(row, addend)
                position.read(row: index, into: base)
                kernels.add(row, addend)
            }
        }
        norm(out.readOnly, into: out, kernels)
    }
}

/// One encoder layer:
///
///     a = LayerNorm(x + Attention(x W_q, x W_k, x W_v) W_o)
///     y = LayerNorm(a + act(a W_1) W_2)
private struct BERTLayer: Sendable {
    let config: BERTConfig
    let query: Linear
    let keyValue: Linear
    let attentionOutput: Linear
    let attentionNorm: LayerNorm
    let intermediate: Linear
    let output: Linear
    let outputNorm: LayerNorm

    static func load(
        _ checkpoint: Checkpoint, _ name: String, _ config: BERTConfig, _ kernels: Kernels
    ) throws(RankingError) -> BERTLayer {
        let (hidden, inner) = (config.hiddenSize, config.intermediateSize)
        func linear(_ layers: [String], from inputs: Int, to outputs: Int) throws(RankingError) -> Linear {
            let names = layers.map { "\(name).\($0)" }
            return try Linear.load(checkpoint, stacked: names, inputs: inputs, outputs: outputs, kernels: kernels)
        }
        func norm(_ layer: String) throws(RankingError) -> LayerNorm {
            try LayerNorm.load(checkpoint, "\(name).\(layer)", width: hidden, epsilon: config.layerNormEps)
        }
        return BERTLayer(
            config: config,
            query: try linear(["attention.self.query"], from: hidden, to: hidden),
            keyValue: try linear(["attention.self.key", "attention.self.value"], from: hidden, to: hidden),
            attentionOutput: try linear(["attention.output.dense"], from: hidden, to: hidden),
            attentionNorm: try norm("attention.output.LayerNorm"),
            intermediate: try linear(["intermediate.dense"], from: hidden, to: inner),
            output: try linear(["output.dense"], from: inner, to: hidden),
            outputNorm: try norm("output.LayerNorm"))
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
                space.query.rows(tokens).columns(head), tokens, head, into: space.context.rows(tokens).columns(head),
                space, slot, kernels)
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
                query.rows(row).columns(head), batch.range(sequence), head, into: context.rows(row).columns(head),
                space, slot, kernels)
        }
        space.rowBlocks.forEach(of: batch.sequences, lane) { rows, slot in
            finish(space.firstTokens.rows(rows), context.rows(rows), space.scratch(slot), kernels)
        }
    }

    private func attend(
        _ query: MutableMatrixView, _ tokens: Range<Int>, _ head: Range<Int>, into context: MutableMatrixView,
        _ space: BERTWorkspace, _ slot: Int, _ kernels: Kernels
    ) {
        let keyValue = space.keyValue.rows(tokens)
        let hidden = config.hiddenSize
        kernels.attention(
            query: query.readOnly, key: keyValue.columns(head).readOnly,
            value: keyValue.columns(head.lowerBound + hidden..<head.upperBound + hidden).readOnly,
            scale: 1 / Float(config.headWidth).squareRoot(), into: context, scratch: space.scratch(slot).attention)
    }
}
