// A body and what projects each of its token vectors, for late interaction.
//
// Papers: Khattab & Zaharia, ColBERT, SIGIR 2020, <https://arxiv.org/abs/2004.12832>; Santhanam et al., ColBERTv2, NAACL
// 2022, <https://arxiv.org/abs/2112.01488>.
// Python originals: colbert-ai 0.2.22, modeling/colbert.py; PyLate 1.6.0, models/colbert.py.
// Proven by conformance tests: the fixtures colbert-bert, colbert-bert-pylate, colbert-modernbert-pylate.
// Checkpoints differ in: the body (BERT or ModernBERT), the names and number of the projections, or none at all.

package import Ranking

/// v = normalize(h W_1ᵀ W_2ᵀ ...) for the last hidden state h of every token.
package struct TokenEncoder: Sendable {
    /// Of the vectors.
    package let dimension: Int
    private let body: Body
    private let projections: [Linear]
    private let kernels: Kernels

    private enum Body: Sendable {
        case bert(BERTEncoder)
        case rotary(RotaryTransformer)
    }

    /// One linear layer of the projection, from the weights of the body or from a file of its own.
    package struct Projection {
        package var checkpoint: Checkpoint
        package var source: LinearSource
        package var outputs: Int

        package init(_ checkpoint: Checkpoint, _ source: LinearSource, outputs: Int) {
            self.checkpoint = checkpoint
            self.source = source
            self.outputs = outputs
        }
    }

    /// Without projections the vectors are the hidden states.
    package static func load(
        _ checkpoint: Checkpoint, _ architecture: ModelArchitecture, projections: [Projection], kernels: Kernels,
        precision: Precision
    ) throws(RankingError) -> TokenEncoder {
        let body: Body
        switch architecture.body {
        case .bert(let config):
            body = .bert(try BERTEncoder.load(checkpoint, config: config, kernels: kernels, precision: precision))
        case .rotary(let config):
            body = .rotary(
                try RotaryTransformer.load(checkpoint, config: config, kernels: kernels, precision: precision))
        }
        var width = architecture.hiddenSize
        var layers: [Linear] = []
        for projection in projections {
            layers.append(
                try Linear.load(
                    projection.checkpoint, stacked: [projection.source], inputs: width, outputs: projection.outputs,
                    kernels: kernels))
            width = projection.outputs
        }
        return TokenEncoder(dimension: width, body: body, projections: layers, kernels: kernels)
    }

    /// [T, dimension]: the vectors of all tokens of the batch, of unit length; x / max(|x|, 1e-12), as
    /// torch.nn.functional.normalize. A token's vector depends on its own sequence alone.
    ///
    /// Throws RankingError where a token id or a length does not fit the model, CancellationError where the lane was
    /// cancelled between two layers.
    package func vectors(of batch: TokenBatch, on lane: Lane) throws -> [Float] {
        var states =
            switch body {
            case .bert(let encoder): try encoder.hiddenStates(of: batch, output: .everyToken, on: lane)
            case .rotary(let transformer): try transformer.hiddenStates(of: batch, output: .everyToken, on: lane)
            }
        for layer in projections { states = project(states, rows: batch.tokens, layer, on: lane) }
        for row in 0..<batch.tokens {
            let range = row * dimension..<(row + 1) * dimension
            let square = states[range].reduce(0.0) { $0 + Double($1) * Double($1) }
            let length = Float(max(square.squareRoot(), 1e-12))
            for place in range { states[place] /= length }
        }
        return states
    }

    private func project(_ x: [Float], rows: Int, _ layer: Linear, on lane: Lane) -> [Float] {
        let width = x.count / max(rows, 1)
        var product = [Float](repeating: 0, count: rows * layer.outputs)
        x.withUnsafeBufferPointer { x in
            product.withMatrix(rows: rows, columns: layer.outputs) { product in
                guard let base = x.baseAddress else { return }
                let input = MatrixView(base, rows: rows, columns: width)
                RowBlocks(count: rows, threads: lane.threads).forEach(lane) { rows, _ in
                    layer(input.rows(rows), into: product.rows(rows), kernels)
                }
            }
        }
        return product
    }
}
