/// How long queries took, in milliseconds.
public struct LatencySummary: Sendable, Equatable {
    /// The median and the 95th percentile, by nearest rank: the smallest value that at least this share does not exceed.
    public var p50: Double
    public var p95: Double
    public var mean: Double

    /// All 0 for no values.
    public init(milliseconds: [Double]) {
        let sorted = milliseconds.sorted()
        func percentile(_ share: Double) -> Double {
            guard !sorted.isEmpty else { return 0 }
            let rank = (share * Double(sorted.count)).rounded(.up)
            return sorted[min(sorted.count - 1, max(0, Int(rank) - 1))]
        }
        p50 = percentile(0.5)
        p95 = percentile(0.95)
        mean = sorted.isEmpty ? 0 : sorted.reduce(0, +) / Double(sorted.count)
    }
}
