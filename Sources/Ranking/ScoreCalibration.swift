#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Turns a model's logit into the probability that the document is relevant, as fitted on judged queries.
public enum ScoreCalibration: Sendable, Hashable {
    case platt(PlattScaling)
    case isotonic(IsotonicScaling)

    public enum Method: String, Sendable, CaseIterable {
        case platt, isotonic
    }

    public func callAsFunction(_ logit: Double) -> Double {
        switch self {
        case .platt(let scaling): scaling(logit)
        case .isotonic(let scaling): scaling(logit)
        }
    }
}

/// `p = 1 / (1 + e^-(slope · logit + intercept))`.
public struct PlattScaling: Sendable, Hashable {
    public let slope: Double
    public let intercept: Double

    public init(slope: Double, intercept: Double) {
        self.slope = slope
        self.intercept = intercept
    }

    public func callAsFunction(_ logit: Double) -> Double { logistic(slope * logit + intercept) }
}

/// Straight lines between points, constant beyond the ends.
public struct IsotonicScaling: Sendable, Hashable {
    public struct Point: Sendable, Hashable {
        public var score: Double
        public var probability: Double

        public init(score: Double, probability: Double) {
            self.score = score
            self.probability = probability
        }
    }
    /// By ascending score, with probabilities that do not fall.
    public let points: [Point]

    /// Nil unless there are points, in order.
    public init?(points: [Point]) {
        let pairs = zip(points, points.dropFirst())
        guard !points.isEmpty, points.allSatisfy({ $0.score.isFinite && (0...1).contains($0.probability) }),
            pairs.allSatisfy({ $0.score < $1.score && $0.probability <= $1.probability })
        else { return nil }
        self.points = points
    }

    public func callAsFunction(_ logit: Double) -> Double {
        // The first point that is not below, by halving.
        var (low, high) = (0, points.count)
        while low < high {
            let middle = (low + high) / 2
            if points[middle].score < logit { low = middle + 1 } else { high = middle }
        }
        if low == 0 { return points[0].probability }
        if low == points.count { return points[low - 1].probability }
        let (a, b) = (points[low - 1], points[low])
        return a.probability + (logit - a.score) / (b.score - a.score) * (b.probability - a.probability)
    }
}

/// 1 / (1 + e^-z).
package func logistic(_ z: Double) -> Double { 1 / (1 + exp(-z)) }
