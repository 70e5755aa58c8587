public import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A score of the model, and whether the document was relevant.
public struct LabelledScore: Sendable, Hashable {
    /// The logit, any finite number.
    public var score: Double
    public var isRelevant: Bool

    public init(score: Double, isRelevant: Bool) {
        self.score = score
        self.isRelevant = isRelevant
    }
}

extension PlattScaling {
    /// Fits by maximum likelihood to the targets (N₊ + 1) / (N₊ + 2) and 1 / (N₋ + 2), with Newton's method.
    ///
    /// Nil unless there are relevant documents and others.
    ///
    /// Sources: Platt, Probabilistic outputs for support vector machines, 1999; Lin, Lin & Weng, A note on Platt's
    /// probabilistic outputs, Machine Learning 68, 2007.
    public init?(fitting scores: [LabelledScore]) {
        let relevant = Double(scores.count { $0.isRelevant })
        let others = Double(scores.count) - relevant
        guard relevant > 0, others > 0 else { return nil }
        let (high, low) = ((relevant + 1) / (relevant + 2), 1 / (others + 2))
        func loss(_ slope: Double, _ intercept: Double) -> Double {
            scores.reduce(0) { sum, own in
                let z = slope * own.score + intercept
                let target = own.isRelevant ? high : low
                // log(1 + e^z) - target · z, without overflow.
                return sum + max(z, 0) + log1p(exp(-abs(z))) - target * z
            }
        }
        var (slope, intercept) = (0.0, log((relevant + 1) / (others + 1)))
        var value = loss(slope, intercept)
        for _ in 0..<100 {
            // Gradient and Hessian; the small ridge keeps it invertible where all scores are the same.
            var (g1, g0, h11, h10, h00) = (0.0, 0.0, 1e-12, 0.0, 1e-12)
            for own in scores {
                let p = logistic(slope * own.score + intercept)
                let (difference, weight) = (p - (own.isRelevant ? high : low), p * (1 - p))
                g1 += difference * own.score
                g0 += difference
                h11 += weight * own.score * own.score
                h10 += weight * own.score
                h00 += weight
            }
            guard abs(g1) > 1e-9 || abs(g0) > 1e-9 else { break }
            let determinant = h11 * h00 - h10 * h10
            guard determinant > 0 else { break }
            let (d1, d0) = (-(h00 * g1 - h10 * g0) / determinant, -(h11 * g0 - h10 * g1) / determinant)
            var step = 1.0
            while step > 1e-10 {
                let next = loss(slope + step * d1, intercept + step * d0)
                if next < value + 1e-4 * step * (g1 * d1 + g0 * d0) {
                    value = next
                    break
                }
                step /= 2
            }
            guard step > 1e-10 else { break }
            slope += step * d1
            intercept += step * d0
        }
        self.init(slope: slope, intercept: intercept)
    }
}

extension IsotonicScaling {
    /// The rising function of the score that fits best in squares, found by pooling adjacent violators: constant where
    /// scores had to be pooled, straight lines in between.
    ///
    /// Nil for no scores.
    ///
    /// Source: Zadrozny & Elkan, Transforming classifier scores into accurate multiclass probability estimates, KDD 2002.
    public init?(fitting scores: [LabelledScore]) {
        struct Block {
            var (low, high): (Double, Double)
            var relevant: Double
            var count: Double
            var mean: Double { relevant / count }
        }
        var blocks: [Block] = []
        for own in scores.sorted(by: { $0.score < $1.score }) {
            let label = own.isRelevant ? 1.0 : 0
            if let last = blocks.indices.last, blocks[last].high == own.score {
                // Equal scores get one probability.
                blocks[last].relevant += label
                blocks[last].count += 1
            } else {
                blocks.append(Block(low: own.score, high: own.score, relevant: label, count: 1))
            }
        }
        var pooled: [Block] = []
        for block in blocks {
            pooled.append(block)
            while pooled.count > 1, pooled[pooled.count - 2].mean >= pooled[pooled.count - 1].mean {
                let last = pooled.removeLast()
                let place = pooled.count - 1
                pooled[place].high = last.high
                pooled[place].relevant += last.relevant
                pooled[place].count += last.count
            }
        }
        guard !pooled.isEmpty else { return nil }
        self.init(
            points: pooled.flatMap { block in
                let first = Point(score: block.low, probability: block.mean)
                return block.low == block.high ? [first] : [first, Point(score: block.high, probability: block.mean)]
            })
    }
}

/// How well probabilities can be believed, and what a model's scores become.
public struct CalibrationReport: Sendable {
    public var platt: PlattScaling
    public var isotonic: IsotonicScaling
    /// The logistic function of the score, as it is.
    public var errorBefore: Double
    /// On queries that the scaling was not fitted on, as the two below.
    public var errorPlatt: Double
    public var errorIsotonic: Double
    public var pairs: Int
    public var relevant: Int

    /// Fits on all queries. The errors are of a fit on one half of the queries, told on the other, both ways.
    ///
    /// - Parameter queries: The labelled scores of each query.
    ///
    /// Nil unless both halves have relevant documents and others.
    public init?(queries: [[LabelledScore]]) {
        let halves = [0, 1].map { half in queries.enumerated().flatMap { $0 % 2 == half ? $1 : [] } }
        let all = halves[0] + halves[1]
        guard let platt = PlattScaling(fitting: all), let isotonic = IsotonicScaling(fitting: all) else { return nil }
        var held: (platt: [(Double, Bool)], isotonic: [(Double, Bool)]) = ([], [])
        for half in 0...1 {
            guard let own = PlattScaling(fitting: halves[1 - half]),
                let rising = IsotonicScaling(fitting: halves[1 - half])
            else { return nil }
            held.platt += halves[half].map { (own($0.score), $0.isRelevant) }
            held.isotonic += halves[half].map { (rising($0.score), $0.isRelevant) }
        }
        self.platt = platt
        self.isotonic = isotonic
        errorBefore = expectedCalibrationError(all.map { (logistic($0.score), $0.isRelevant) })
        errorPlatt = expectedCalibrationError(held.platt)
        errorIsotonic = expectedCalibrationError(held.isotonic)
        pairs = all.count
        relevant = all.count { $0.isRelevant }
    }
}

/// `ECE = Σ_bins n_bin / n · |mean probability - share that is relevant|`, over bins of equal width of 0 ... 1.
///
/// Source: Naeini, Cooper & Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.
public func expectedCalibrationError(_ predictions: [(probability: Double, isRelevant: Bool)], bins: Int = 10) -> Double
{
    guard !predictions.isEmpty, bins > 0 else { return 0 }
    var sums = [Double](repeating: 0, count: bins)
    for (probability, isRelevant) in predictions {
        let bin = min(bins - 1, max(0, Int(probability * Double(bins))))
        // The two means of a bin have one denominator, so that their difference is one sum.
        sums[bin] += probability - (isRelevant ? 1 : 0)
    }
    return sums.reduce(0) { $0 + abs($1) } / Double(predictions.count)
}
