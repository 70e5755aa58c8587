/// The hidden states of a batch after some layers, from which the rest of the model can go on.
package struct LayerStates: Sendable {
    package let batch: TokenBatch
    /// Layers that made them.
    package let depth: Int
    package let width: Int
    /// [T, width].
    private let values: [Float]

    init(batch: TokenBatch, depth: Int, width: Int, values: [Float]) {
        precondition(values.count == batch.tokens * width)
        self.batch = batch
        self.depth = depth
        self.width = width
        self.values = values
    }

    /// The same of some sequences, in this order.
    package func keeping(_ sequences: [Int]) -> LayerStates {
        var (kept, rows) = (TokenBatch(), [Float]())
        rows.reserveCapacity(sequences.reduce(0) { $0 + batch.range($1).count } * width)
        for sequence in sequences {
            let tokens = batch.range(sequence)
            kept.append(tokenIDs: batch.tokenIDs[tokens], typeIDs: batch.typeIDs[tokens])
            rows += values[tokens.lowerBound * width..<tokens.upperBound * width]
        }
        return LayerStates(batch: kept, depth: depth, width: width, values: rows)
    }

    /// Of a sequence, its first token, the mean of its tokens of type 0, and the mean of those of type 1, which is 0 where
    /// there are none: [3 * width].
    package func summary(of sequence: Int) -> [Float] {
        let tokens = batch.range(sequence)
        var summary = [Float](repeating: 0, count: 3 * width)
        var counts = [0, 0]
        for token in tokens {
            let row = token * width
            if token == tokens.lowerBound {
                for column in 0..<width { summary[column] = values[row + column] }
            }
            let part = batch.typeIDs[token] == 0 ? 0 : 1
            counts[part] += 1
            let place = (1 + part) * width
            for column in 0..<width { summary[place + column] += values[row + column] }
        }
        for part in 0..<2 where counts[part] > 1 {
            for column in 0..<width { summary[(1 + part) * width + column] /= Float(counts[part]) }
        }
        return summary
    }

    func read(_ rows: Range<Int>, into out: MutableMatrixView) {
        values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { return }
            for row in rows { out[row - rows.lowerBound].update(from: base + row * width, count: width) }
        }
    }
}

/// A model that can stop after an early layer, and go on from there with some of the sequences.
package protocol LayerExiting: Sendable {
    func states(of batch: TokenBatch, after layer: Int, on lane: Lane) throws -> LayerStates

    /// The raw logits, [B][labels]: bit-identical to those of the same sequences from the start.
    func logits(from states: LayerStates, on lane: Lane) throws -> [[Float]]
}
