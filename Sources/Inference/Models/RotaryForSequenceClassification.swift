package import Ranking

/// A rotary body with a classification head over one token's vector or the mean of all.
package struct RotaryForSequenceClassification: RelevanceModel {
    package let body: RotaryTransformer
    private let head: ClassificationHead
    private let kernels: Kernels

    package var labels: Int { head.labels }

    package static func load(
        _ checkpoint: Checkpoint, config: RotaryConfig, labels: Int, kernels: Kernels, precision: Precision
    ) throws(RankingError) -> RotaryForSequenceClassification {
        RotaryForSequenceClassification(
            body: try RotaryTransformer.load(checkpoint, config: config, kernels: kernels, precision: precision),
            head: try ClassificationHead.load(
                checkpoint, config.head, width: config.hiddenSize, labels: labels, kernels: kernels), kernels: kernels)
    }

    package func logits(of batch: TokenBatch, on lane: Lane) throws -> [[Float]] {
        try logits(of: batch, after: nil, on: lane)
    }

    private func logits(of batch: TokenBatch, after prefix: KeyValueCache?, on lane: Lane) throws -> [[Float]] {
        var vectors: [Float]
        switch body.config.pooling {
        case .firstToken: vectors = try body.hiddenStates(of: batch, after: prefix, output: .firstTokens, on: lane)
        case .lastToken: vectors = try body.hiddenStates(of: batch, after: prefix, output: .lastTokens, on: lane)
        case .mean: vectors = means(try body.hiddenStates(of: batch, output: .everyToken, on: lane), batch)
        }
        return head.logits(of: &vectors, rows: batch.sequences, kernels)
    }

    /// The mean of each sequence's vectors, summed from its first token on.
    private func means(_ states: [Float], _ batch: TokenBatch) -> [Float] {
        let width = body.config.hiddenSize
        var means = [Float](repeating: 0, count: batch.sequences * width)
        for sequence in 0..<batch.sequences {
            let tokens = batch.range(sequence)
            for column in 0..<width {
                var sum: Float = 0
                for token in tokens { sum += states[token * width + column] }
                means[sequence * width + column] = sum / Float(tokens.count)
            }
        }
        return means
    }
}

extension RotaryForSequenceClassification: PrefixSharing {
    package var sharesPrefixes: Bool { body.config.isCausal }

    package func cache(of tokenIDs: [Int32], on lane: Lane) throws -> KeyValueCache {
        try body.cache(of: tokenIDs, on: lane)
    }

    package func logits(of batch: TokenBatch, after prefix: KeyValueCache, on lane: Lane) throws -> [[Float]] {
        try logits(of: batch, after: Optional(prefix), on: lane)
    }
}
