/// Fewer vectors for a passage: similar ones are replaced by their mean.
///
/// The first vector, the [CLS] token's, stays as it is. The n - 1 others are grouped into `max(1, (n - 1) / factor)`
/// clusters by Ward's method over their squared distances, and each cluster becomes the direction of its mean, in the place
/// of its first vector. More than 2,048 are grouped in stretches of so many, because every pair is compared.
///
/// Source: Clavié, Chaffin, Adams, "Reducing the Footprint of Multi-Vector Retrieval with Minimal Performance Impact via
/// Token Pooling", 2024, <https://arxiv.org/abs/2409.14683>.
public struct TokenPooling: Sendable, Equatable {
    /// How many vectors become one, on average; 1 leaves them as they are.
    public static let factors = 1...8

    public let factor: Int

    /// - Parameter factor: In `factors`; what is outside is moved to its ends.
    public init(factor: Int) { self.factor = min(max(factor, Self.factors.lowerBound), Self.factors.upperBound) }

    /// - Parameter vectors: Unit vectors, [n, dimension].
    public func pooled(_ vectors: [Float], dimension: Int) -> [Float] {
        guard factor > 1, vectors.count > 2 * dimension else { return vectors }
        var pooled = Array(vectors[..<dimension])
        for start in stride(from: dimension, to: vectors.count, by: TokenPooling.stretch * dimension) {
            pooled += means(
                of: vectors[start..<min(start + TokenPooling.stretch * dimension, vectors.count)], dimension: dimension)
        }
        return pooled
    }

    private static let stretch = 2_048

    private func means(of vectors: ArraySlice<Float>, dimension: Int) -> [Float] {
        let labels = TokenPooling.clusters(
            of: vectors, dimension: dimension, count: max(1, vectors.count / dimension / factor))
        var sums: [[Double]] = []
        var places: [Int: Int] = [:]
        for (row, label) in labels.enumerated() {
            let start = vectors.startIndex + row * dimension
            let vector = vectors[start..<start + dimension]
            if let place = places[label] {
                for (component, value) in zip(sums[place].indices, vector) { sums[place][component] += Double(value) }
            } else {
                places[label] = sums.count
                sums.append(vector.map(Double.init))
            }
        }
        return sums.flatMap { sum in
            let length = sum.reduce(0) { $0 + $1 * $1 }.squareRoot()
            // Vectors that cancel each other out have no direction.
            return sum.map { Float(length > 0 ? $0 / length : 0) }
        }
    }

    private struct Merge {
        var a: Int
        var b: Int
        var distance: Double
    }

    /// A label for each row, of `count` different ones. Of equal distances the merge that was found first counts.
    static func clusters(of rows: ArraySlice<Float>, dimension: Int, count: Int) -> [Int] {
        let merges = mergesByWard(rows, dimension: dimension).enumerated()
            .sorted { ($0.element.distance, $0.offset) < ($1.element.distance, $1.offset) }
        let size = rows.count / dimension
        var parents = Array(0..<size)
        func root(_ row: Int) -> Int {
            var row = row
            while parents[row] != row { row = parents[row] }
            return row
        }
        for merge in merges.prefix(size - count) {
            let (a, b) = (root(merge.element.a), root(merge.element.b))
            parents[max(a, b)] = min(a, b)
        }
        return (0..<size).map(root)
    }

    /// All merges, by the nearest-neighbour chain: two clusters that are each other's nearest are merged, which for Ward's
    /// distances gives the tree that merging the nearest pair each time gives.
    private static func mergesByWard(_ rows: ArraySlice<Float>, dimension: Int) -> [Merge] {
        let size = rows.count / dimension
        var distances = [Double](repeating: 0, count: size * size)
        for a in 0..<size {
            for b in 0..<a {
                var sum = 0.0
                for place in 0..<dimension {
                    let difference =
                        Double(rows[rows.startIndex + a * dimension + place])
                        - Double(rows[rows.startIndex + b * dimension + place])
                    sum += difference * difference
                }
                distances[a * size + b] = sum
                distances[b * size + a] = sum
            }
        }
        var sizes = [Double](repeating: 1, count: size)
        var isGone = [Bool](repeating: false, count: size)
        var chain: [Int] = []
        var merges: [Merge] = []
        while merges.count + 1 < size {
            if chain.isEmpty, let start = isGone.firstIndex(of: false) { chain = [start] }
            let top = chain[chain.count - 1]
            // The one before stays where another is only as near: the chain would not end otherwise.
            let before = chain.count > 1 ? chain[chain.count - 2] : nil
            var (nearest, distance) = (before ?? -1, before.map { distances[top * size + $0] } ?? .infinity)
            for other in 0..<size where other != top && !isGone[other] && distances[top * size + other] < distance {
                (nearest, distance) = (other, distances[top * size + other])
            }
            guard nearest >= 0 else { break }
            guard nearest == before else {
                chain.append(nearest)
                continue
            }
            chain.removeLast(2)
            let (kept, gone) = (min(top, nearest), max(top, nearest))
            merges.append(Merge(a: kept, b: gone, distance: distance))
            isGone[gone] = true
            let (m, n) = (sizes[kept], sizes[gone])
            sizes[kept] += n
            for other in 0..<size where other != kept && !isGone[other] {
                let o = sizes[other]
                let joined =
                    ((m + o) * distances[kept * size + other] + (n + o) * distances[gone * size + other]
                        - o * distance) / (m + n + o)
                distances[kept * size + other] = joined
                distances[other * size + kept] = joined
            }
        }
        return merges
    }
}
