/// The values that stand for the numbers of a vector's difference from its centroid: 2^bits levels, and the bounds half way
/// between them.
///
/// They are the levels with the least squared error over a sample (Lloyd 1957, Max 1960), where ColBERTv2 takes quantiles.
struct ResidualLevels: Sendable, Equatable {
    /// Ascending.
    let levels: [Float]
    let bounds: [Float]

    /// Nil unless the levels are of `bits` bits, finite and ascending.
    init?(levels: [Float], bits: Int) {
        guard levels.count == 1 << bits, levels.allSatisfy(\.isFinite),
            zip(levels, levels.dropFirst()).allSatisfy({ $0 <= $1 })
        else { return nil }
        self.levels = levels
        bounds = zip(levels, levels.dropFirst()).map { ($0 + $1) / 2 }
    }

    private static let iterations = 50

    /// - Parameter sample: Numbers of differences, at least one, finite.
    init(training sample: [Float], bits: Int) {
        let sorted = sample.sorted()
        var sums = [0.0]
        sums.reserveCapacity(sorted.count + 1)
        for value in sorted { sums.append(sums[sums.count - 1] + Double(value)) }
        let count = 1 << bits
        var levels = (0..<count).map { level in
            Double(sorted[min(sorted.count - 1, (2 * level + 1) * sorted.count / (2 * count))])
        }
        for _ in 0..<ResidualLevels.iterations {
            // A level is the mean of what lies between its bounds.
            var begin = 0
            for level in 0..<count {
                let end =
                    level + 1 == count
                    ? sorted.count
                    : ResidualLevels.count(sorted, upTo: Float((levels[level] + levels[level + 1]) / 2), from: begin)
                if end > begin { levels[level] = (sums[end] - sums[begin]) / Double(end - begin) }
                begin = end
            }
        }
        self.levels = levels.map { Float($0) }
        bounds = zip(self.levels, self.levels.dropFirst()).map { ($0 + $1) / 2 }
    }

    /// How many of the sorted values are at most `bound`, from `begin` on.
    private static func count(_ sorted: [Float], upTo bound: Float, from begin: Int) -> Int {
        var (low, high) = (begin, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] <= bound { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
