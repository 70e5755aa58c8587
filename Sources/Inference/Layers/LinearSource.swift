package import Ranking

/// Where a linear layer is stored: `name.weight` and `name.bias`, or a part of them.
package struct LinearSource: Sendable, Equatable {
    package var name: String
    package var hasBias: Bool
    /// Of layers that one tensor holds one after the other: which of how many. All have as many outputs.
    package var place: Int
    package var count: Int

    /// Tells it from every other layer of the checkpoint.
    var key: String { count == 1 ? name : "\(name)[\(place)]" }

    package init(_ name: String, hasBias: Bool = true, place: Int = 0, of count: Int = 1) {
        self.name = name
        self.hasBias = hasBias
        self.place = place
        self.count = count
    }
}

extension Checkpoint {
    /// Weights and bias of one linear layer, read output by output.
    package struct StoredLinear: Sendable {
        private let matrix: StoredMatrix
        /// The rows of `matrix` that belong to the layer.
        private let rows: Range<Int>
        package let bias: [Float]

        fileprivate init(_ matrix: StoredMatrix, rows: Range<Int>, bias: [Float]) {
            self.matrix = matrix
            self.rows = rows
            self.bias = bias
        }

        package func read(output: Int, into destination: UnsafeMutablePointer<Float>) {
            matrix.read(row: rows.lowerBound + output, into: destination)
        }

        /// The integers of an output and their scale; nil for the floating-point types.
        package func integers(output: Int) -> (values: UnsafePointer<Int8>, scale: Float)? {
            matrix.integers(row: rows.lowerBound + output)
        }

        /// To be called when everything has been read, as `StoredMatrix.releasePages`.
        package func releasePages() { matrix.releasePages() }
    }

    /// The layer, compared with this shape; a bias of zeros where it has none.
    package func linear(
        _ source: LinearSource, inputs: Int, outputs: Int
    ) throws(RankingError) -> StoredLinear {
        let matrix = try matrix(source.name + ".weight", shape: [source.count * outputs, inputs])
        let rows = source.place * outputs..<(source.place + 1) * outputs
        guard source.hasBias else {
            return StoredLinear(matrix, rows: rows, bias: [Float](repeating: 0, count: outputs))
        }
        let bias = try floats(source.name + ".bias", shape: [source.count * outputs])
        return StoredLinear(matrix, rows: rows, bias: Array(bias[rows]))
    }
}
