package import Ranking

/// A causal rotary body that answers with one of a few tokens: logits are those of the answers at the last position.
package struct CausalLanguageModel: RelevanceModel, PrefixSharing {
    package let body: RotaryTransformer
    private let answers: Linear
    private let kernels: Kernels

    package var labels: Int { answers.outputs }
    package var sharesPrefixes: Bool { true }

    /// - Parameter answers: the token ids whose logits are wanted, in this order.
    package static func load(
        _ checkpoint: Checkpoint, config: RotaryConfig, answers: [Int32], kernels: Kernels, precision: Precision
    ) throws(RankingError) -> CausalLanguageModel {
        let body = try RotaryTransformer.load(checkpoint, config: config, kernels: kernels, precision: precision)
        if let id = answers.first(where: { $0 < 0 || Int($0) >= config.vocabSize }) {
            throw RankingError(
                .corruptFile, what: "The answer token has the id \(id), but the model has \(config.vocabSize) tokens.",
                why: "tokenizer.json and the weights belong to different models.",
                fix: "Download both from the same revision.")
        }
        let name = config.tiesEmbeddings ? "the embedding table" : "lm_head.weight"
        let table =
            config.tiesEmbeddings
            ? body.embeddings
            : try checkpoint.matrix("lm_head.weight", shape: [config.vocabSize, config.hiddenSize])
        return CausalLanguageModel(
            body: body,
            answers: try Linear.load(
                checkpoint, rows: answers.map(Int.init), of: table, named: name, kernels: kernels), kernels: kernels)
    }

    package func logits(of batch: TokenBatch, on lane: Lane) throws -> [[Float]] {
        try logits(of: batch, after: nil, on: lane)
    }

    package func logits(of batch: TokenBatch, after prefix: KeyValueCache, on lane: Lane) throws -> [[Float]] {
        try logits(of: batch, after: Optional(prefix), on: lane)
    }

    package func cache(of tokenIDs: [Int32], on lane: Lane) throws -> KeyValueCache {
        try body.cache(of: tokenIDs, on: lane)
    }

    private func logits(of batch: TokenBatch, after prefix: KeyValueCache?, on lane: Lane) throws -> [[Float]] {
        var last = try body.hiddenStates(of: batch, after: prefix, output: .lastTokens, on: lane)
        let rows = batch.sequences
        guard rows > 0 else { return [] }
        var logits = [Float](repeating: 0, count: rows * labels)
        last.withMatrix(rows: rows, columns: body.config.hiddenSize) { last in
            logits.withMatrix(rows: rows, columns: labels) { answers(last.readOnly, into: $0, kernels) }
        }
        return (0..<rows).map { Array(logits[$0 * labels..<($0 + 1) * labels]) }
    }
}
