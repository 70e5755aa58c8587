package import Ranking

/// A model with BERT's body and a classification head over the first token's last hidden state.
package struct BERTForSequenceClassification: RelevanceModel {
    package let encoder: BERTEncoder
    private let head: ClassificationHead
    private let kernels: Kernels

    package var labels: Int { head.labels }

    package static func load(
        _ checkpoint: Checkpoint, config: BERTConfig, labels: Int, kernels: Kernels, precision: Precision
    ) throws(RankingError) -> BERTForSequenceClassification {
        BERTForSequenceClassification(
            encoder: try BERTEncoder.load(checkpoint, config: config, kernels: kernels, precision: precision),
            head: try ClassificationHead.load(
                checkpoint, config.head, width: config.hiddenSize, labels: labels, kernels: kernels),
            kernels: kernels)
    }

    package func logits(of batch: TokenBatch, on lane: Lane) throws -> [[Float]] {
        try logits(of: batch, from: nil, on: lane)
    }

    private func logits(of batch: TokenBatch, from start: LayerStates?, on lane: Lane) throws -> [[Float]] {
        var first = try encoder.hiddenStates(of: batch, output: .firstTokens, from: start, on: lane)
        return head.logits(of: &first, rows: batch.sequences, kernels)
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
