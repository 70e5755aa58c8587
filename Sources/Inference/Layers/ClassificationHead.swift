package import Ranking

/// From a sequence's vector to its logits: norm(act(x W_d + b_d)) W_c + b_c, without the steps that a family lacks.
package struct ClassificationHead: Sendable {
    /// What the steps are called in the weights.
    package struct Layout: Sendable, Equatable {
        /// act(x W_d + b_d); nil where the classifier reads the vector itself.
        package var dense: LinearSource?
        package var activation: Activation
        /// A LayerNorm after it, and whether that has a bias.
        package var norm: String?
        package var normEpsilon: Float
        package var normHasBias: Bool
        package var classifier: LinearSource

        package init(
            dense: LinearSource?, activation: Activation = .tanh, norm: String? = nil, normEpsilon: Float = 0,
            normHasBias: Bool = true, classifier: LinearSource
        ) {
            self.dense = dense
            self.activation = activation
            self.norm = norm
            self.normEpsilon = normEpsilon
            self.normHasBias = normHasBias
            self.classifier = classifier
        }
    }

    package let labels: Int
    private let dense: Linear?
    private let activation: Activation
    private let norm: LayerNorm?
    private let classifier: Linear

    package static func load(
        _ checkpoint: Checkpoint, _ layout: Layout, width: Int, labels: Int, kernels: Kernels
    ) throws(RankingError) -> ClassificationHead {
        var dense: Linear?
        if let source = layout.dense {
            dense = try Linear.load(checkpoint, stacked: [source], inputs: width, outputs: width, kernels: kernels)
        }
        var norm: LayerNorm?
        if let name = layout.norm {
            norm = try LayerNorm.load(
                checkpoint, name, width: width, epsilon: layout.normEpsilon, hasBias: layout.normHasBias)
        }
        return ClassificationHead(
            labels: labels, dense: dense, activation: layout.activation, norm: norm,
            classifier: try Linear.load(
                checkpoint, stacked: [layout.classifier], inputs: width, outputs: labels, kernels: kernels))
    }

    /// `vectors` is [rows, width], row after row, and is overwritten.
    package func logits(of vectors: inout [Float], rows: Int, _ kernels: Kernels) -> [[Float]] {
        guard rows > 0 else { return [] }
        let width = vectors.count / rows
        var logits = [Float](repeating: 0, count: rows * labels)
        var pooled = [Float](repeating: 0, count: dense == nil ? 0 : vectors.count)
        vectors.withMatrix(rows: rows, columns: width) { vectors in
            logits.withMatrix(rows: rows, columns: labels) { logits in
                guard let dense else { return classifier(vectors.readOnly, into: logits, kernels) }
                pooled.withMatrix(rows: rows, columns: width) { pooled in
                    dense(vectors.readOnly, into: pooled, kernels)
                    activation(pooled, kernels)
                    norm?(pooled.readOnly, into: pooled, kernels)
                    classifier(pooled.readOnly, into: logits, kernels)
                }
            }
        }
        return (0..<rows).map { Array(logits[$0 * labels..<($0 + 1) * labels]) }
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
