package import Inference

/// Centroids of token vectors: unit vectors, one of which stands for every vector near it.
///
/// The nearest centroid of a vector is the one with the largest dot product; of equal ones the first. Products are in int8,
/// whose rounding moves a vector only between centroids that are equally near to all purposes.
package struct Centroids: Sendable {
    /// A stored number has 16 bits.
    package static let maxCount = 1 << 16

    package let count: Int
    package let dimension: Int
    /// [count, dimension].
    package let values: [Float]
    private let kernels: Kernels
    /// Centroids in groups that a core's cache holds the products of a block of vectors with.
    private let groups: [NarrowMatrix]

    private static let groupCount = 512
    private static let blockCount = 64

    package init(values: [Float], dimension: Int, kernels: Kernels) {
        precondition(dimension > 0 && !values.isEmpty && values.count % dimension == 0)
        self.values = values
        self.dimension = dimension
        self.kernels = kernels
        count = values.count / dimension
        precondition(count <= Centroids.maxCount)
        var groups: [NarrowMatrix] = []
        for start in stride(from: 0, to: count, by: Centroids.groupCount) {
            let group = start..<min(start + Centroids.groupCount, count)
            var packer = kernels.packer(kernels.layout(.int8, inputs: dimension, outputs: group.count))
            values.withUnsafeBufferPointer { values in
                guard let base = values.baseAddress else { return }
                for number in group { packer.add(base + number * dimension, bias: 0) }
            }
            groups.append(packer.packed())
        }
        self.groups = groups
    }

    /// How many centroids vectors of this number are given: the largest power of two that is at most four times the
    /// root of their number, so that lists of passages and the table of centroids grow alike.
    package static func count(forVectors vectors: Int) -> Int {
        var count = 1
        while count < maxCount, 2 * count <= Int(4 * Double(vectors).squareRoot()) { count *= 2 }
        return min(count, max(1, vectors))
    }

    /// The nearest centroid of each of the vectors, [vectors.count / dimension], shared out over the lane's threads.
    package func nearest(to vectors: [Float], on lane: Lane?) -> [UInt16] {
        let rows = vectors.count / dimension
        let blocks = (rows + Centroids.blockCount - 1) / Centroids.blockCount
        var numbers = [UInt16](repeating: 0, count: rows)
        numbers.withUnsafeMutableBufferPointer { numbers in
            vectors.withUnsafeBufferPointer { vectors in
                guard let source = vectors.baseAddress, let out = numbers.baseAddress else { return }
                func assignBlock(_ block: Int) {
                    let first = block * Centroids.blockCount
                    let height = min(Centroids.blockCount, rows - first)
                    assign(MatrixView(source + first * dimension, rows: height, columns: dimension), into: out + first)
                }
                if let lane {
                    lane.parallelFor(blocks) { block, _ in assignBlock(block) }
                } else {
                    for block in 0..<blocks { assignBlock(block) }
                }
            }
        }
        return numbers
    }

    private func assign(_ vectors: MatrixView, into numbers: UnsafeMutablePointer<UInt16>) {
        let rows = NarrowRows(.int8, rows: vectors.rows, columns: dimension)
        kernels.narrow(vectors, into: rows)
        let products = FloatBuffer(count: vectors.rows * Centroids.groupCount)
        var best = [Float](repeating: -.infinity, count: vectors.rows)
        var places = [UInt32](repeating: 0, count: vectors.rows)
        var first = 0
        for group in groups {
            let out = MutableMatrixView(products.writable, rows: vectors.rows, columns: group.outputs)
            kernels.matmul(rows, group, into: out)
            Kernels.bestColumns(
                of: MatrixView(products.base, rows: vectors.rows, columns: group.outputs), first: first, best: &best,
                places: &places)
            first += group.outputs
        }
        for row in 0..<vectors.rows { numbers[row] = UInt16(truncatingIfNeeded: places[row]) }
    }

    /// The centroid with this number, for a number below `count`.
    package func withCentroid<Result>(_ number: Int, _ body: (UnsafePointer<Float>) -> Result) -> Result {
        values.withUnsafeBufferPointer { values in
            guard let base = values.baseAddress else { preconditionFailure("there is at least one centroid") }
            return body(base + number * dimension)
        }
    }
}

extension Centroids {
    private static let iterations = 8

    /// Spherical k-means: a centroid is the direction of the sum of the vectors nearest to it. A centroid that is nearest
    /// to none stays. It begins at vectors of the sample in equal distances, so that the same sample gives the same
    /// centroids, on any number of threads.
    ///
    /// - Parameter sample: Unit vectors, [n, dimension], n at least `count`.
    package static func train(
        _ sample: [Float], count: Int, dimension: Int, kernels: Kernels, on lane: Lane?
    ) -> Centroids {
        let rows = sample.count / dimension
        precondition(count >= 1 && rows >= count)
        var values: [Float] = []
        values.reserveCapacity(count * dimension)
        for number in 0..<count {
            let row = number * rows / count
            values += sample[row * dimension..<(row + 1) * dimension]
        }
        var centroids = Centroids(values: values, dimension: dimension, kernels: kernels)
        for _ in 0..<iterations {
            let numbers = centroids.nearest(to: sample, on: lane)
            centroids = Centroids(
                values: means(of: sample, numbers, else: centroids), dimension: dimension, kernels: kernels)
        }
        return centroids
    }

    private static func means(of sample: [Float], _ numbers: [UInt16], else old: Centroids) -> [Float] {
        let dimension = old.dimension
        var sums = [Double](repeating: 0, count: old.values.count)
        sums.withUnsafeMutableBufferPointer { sums in
            sample.withUnsafeBufferPointer { sample in
                for (row, number) in numbers.enumerated() {
                    let (from, to) = (row * dimension, Int(number) * dimension)
                    for place in 0..<dimension { sums[to + place] += Double(sample[from + place]) }
                }
            }
        }
        var values = old.values
        for number in 0..<old.count {
            let range = number * dimension..<(number + 1) * dimension
            let length = sums[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard length > 0 else { continue }
            for place in range { values[place] = Float(sums[place] / length) }
        }
        return values
    }
}
