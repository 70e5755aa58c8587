/// Linear regression that keeps weights small:
///
///     minimize Σ (w · x̃ + b - y)² + λ n |w|²,  x̃ = (x - mean) / deviation
///
/// over n samples, by the normal equations and Cholesky's decomposition. O(n d²) + O(d³) a solution.
struct RidgeRegression {
    private let means: [Double]
    private let deviations: [Double]
    private let meanTarget: Double
    private let count: Int
    /// X̃ᵀX̃ / n, its lower half, and X̃ᵀ(y - ȳ) / n.
    private var moments: [Double]
    private var correlations: [Double]

    private var width: Int { means.count }

    /// Samples have one width; there is at least one.
    init(_ samples: [[Float]], targets: [Double]) {
        let (count, width) = (Double(samples.count), samples.first?.count ?? 0)
        var (sums, squares) = ([Double](repeating: 0, count: width), [Double](repeating: 0, count: width))
        for sample in samples {
            for (column, value) in sample.enumerated() {
                sums[column] += Double(value)
                squares[column] += Double(value) * Double(value)
            }
        }
        means = sums.map { $0 / count }
        // A feature that never varies has no weight, whatever it is divided by.
        deviations = zip(squares, means).map { max(($0 / count - $1 * $1).squareRoot(), 1e-6) }
            .map { $0.isFinite ? $0 : 1e-6 }
        meanTarget = targets.reduce(0, +) / count
        self.count = samples.count
        moments = [Double](repeating: 0, count: width * width)
        correlations = [Double](repeating: 0, count: width)
        var row = [Double](repeating: 0, count: width)
        for (sample, target) in zip(samples, targets) {
            for column in 0..<width { row[column] = (Double(sample[column]) - means[column]) / deviations[column] }
            let residual = (target - meanTarget) / count
            moments.withUnsafeMutableBufferPointer { moments in
                row.withUnsafeBufferPointer { row in
                    for i in 0..<width {
                        let (value, line) = (row[i] / count, i * width)
                        for j in 0...i { moments[line + j] += value * row[j] }
                    }
                }
            }
            for column in 0..<width { correlations[column] += row[column] * residual }
        }
    }

    /// w and b for the samples as they were given; nil where λ is too small for them to be determined.
    func solution(_ lambda: Double) -> (weights: [Float], bias: Float)? {
        guard let scaled = solve(lambda) else { return nil }
        let weights = zip(scaled, deviations).map { $0 / $1 }
        let bias = zip(weights, means).reduce(meanTarget) { $0 - $1.0 * $1.1 }
        let result = (weights.map { Float($0) }, Float(bias))
        return result.0.allSatisfy(\.isFinite) && result.1.isFinite ? result : nil
    }

    /// (M + λI) w = c, by M + λI = L Lᵀ.
    private func solve(_ lambda: Double) -> [Double]? {
        let size = width
        var (lower, result) = (moments, correlations)
        let isPositive = lower.withUnsafeMutableBufferPointer { l -> Bool in
            for i in 0..<size {
                let row = i * size
                l[row + i] += lambda
                for j in 0...i {
                    let other = j * size
                    var sum = l[row + j]
                    for k in 0..<j { sum -= l[row + k] * l[other + k] }
                    if i == j {
                        guard sum > 1e-12 else { return false }
                        l[row + i] = sum.squareRoot()
                    } else {
                        l[row + j] = sum / l[other + j]
                    }
                }
            }
            return true
        }
        guard isPositive else { return nil }
        for i in 0..<size {
            for k in 0..<i { result[i] -= lower[i * size + k] * result[k] }
            result[i] /= lower[i * size + i]
        }
        for i in (0..<size).reversed() {
            for k in i + 1..<size { result[i] -= lower[k * size + i] * result[k] }
            result[i] /= lower[i * size + i]
        }
        return result
    }
}
