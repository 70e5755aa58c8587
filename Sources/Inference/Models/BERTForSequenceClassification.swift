package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// BERT with a classification head: logits = tanh(h₀ W_p + b_p) W_c + b_c, h₀ the first token's last hidden state.
package struct BERTForSequenceClassification: Sendable {
    package let encoder: BERTEncoder
    package let labels: Int
    private let pooler: Linear
    private let classifier: Linear
    private let kernels: Kernels

    package static func load(
        _ checkpoint: Checkpoint, config: BERTConfig, labels: Int, kernels: Kernels, precision: Precision
    ) throws(RankingError) -> BERTForSequenceClassification {
        BERTForSequenceClassification(
            encoder: try BERTEncoder.load(checkpoint, config: config, kernels: kernels, precision: precision),
            labels: labels,
            pooler: try Linear.load(
                checkpoint, "bert.pooler.dense", inputs: config.hiddenSize, outputs: config.hiddenSize,
                kernels: kernels),
            classifier: try Linear.load(
                checkpoint, "classifier", inputs: config.hiddenSize, outputs: labels, kernels: kernels),
            kernels: kernels)
    }

    /// The raw logits of each sequence: [B][labels].
    package func logits(of batch: TokenBatch, on lane: Lane) throws -> [[Float]] {
        try logits(of: batch, from: nil, on: lane)
    }

    private func logits(of batch: TokenBatch, from start: LayerStates?, on lane: Lane) throws -> [[Float]] {
        let width = encoder.config.hiddenSize
        let rows = batch.sequences
        var first = try encoder.hiddenStates(of: batch, output: .firstTokens, from: start, on: lane)
        var pooled = [Float](repeating: 0, count: rows * width)
        var logits = [Float](repeating: 0, count: rows * labels)
        first.withMatrix(rows: rows, columns: width) { first in
            pooled.withMatrix(rows: rows, columns: width) { pooled in
                pooler(first.readOnly, into: pooled, kernels)
                for row in 0..<rows {
                    for column in 0..<width { pooled[row][column] = tanhf(pooled[row][column]) }
                }
                logits.withMatrix(rows: rows, columns: labels) { classifier(pooled.readOnly, into: $0, kernels) }
            }
        }
        return (0..<rows).map { Array(logits[$0 * labels..<($0 + 1) * labels]) }
    }
}

extension BERTForSequenceClassification: LayerExiting {
    package func states(of batch: TokenBatch, after layer: Int, on lane: Lane) throws -> LayerStates {
        LayerStates(
            batch: batch, depth: layer, width: encoder.config.hiddenSize,
            values: try encoder.hiddenStates(of: batch, output: .everyToken, depth: layer, on: lane))
    }

    package func logits(from states: LayerStates, on lane: Lane) throws -> [[Float]] {
        try logits(of: states.batch, from: states, on: lane)
    }
}

extension [Float] {
    /// The array as a matrix of this shape; its count is rows * columns.
    mutating func withMatrix(rows: Int, columns: Int, _ body: (MutableMatrixView) -> Void) {
        precondition(count == rows * columns)
        withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            body(MutableMatrixView(base, rows: rows, columns: columns))
        }
    }
}
