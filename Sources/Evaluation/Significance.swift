#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Whether two systems differ by more than chance, judged on the same queries.
public enum Significance {
    /// The two-sided p-value of the paired t-test on the differences.
    ///
    /// `t = mean(d) / (s / √n)` with n - 1 degrees of freedom. 1 where all differences are 0, 0 where all are the same
    /// other number, nil for fewer than two pairs.
    public static func pairedTTest(_ first: [Double], _ second: [Double]) -> Double? {
        guard first.count == second.count, first.count >= 2 else { return nil }
        let differences = zip(first, second).map { $0 - $1 }
        let count = Double(differences.count)
        let mean = differences.reduce(0, +) / count
        let variance = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (count - 1)
        guard variance > 0 else { return mean == 0 ? 1 : 0 }
        let t = mean / (variance / count).squareRoot()
        let degrees = count - 1
        return regularizedIncompleteBeta(x: degrees / (degrees + t * t), a: degrees / 2, b: 0.5)
    }

    /// The two-sided p-value of Fisher's randomization test: how often the mean difference is at least as large when
    /// each query's two values change places at random. Seeded, so that a report can be repeated.
    ///
    /// `p = (1 + hits) / (1 + permutations)`, which is never 0.
    public static func randomizationTest(
        _ first: [Double], _ second: [Double], permutations: Int = 100_000, seed: UInt64 = 1
    ) -> Double? {
        guard first.count == second.count, !first.isEmpty, permutations > 0 else { return nil }
        let differences = zip(first, second).map { $0 - $1 }.filter { $0 != 0 }
        let observed = abs(differences.reduce(0, +))
        var generator = SplitMix64(state: seed)
        var hits = 0
        for _ in 0..<permutations {
            var (sum, bits) = (0.0, UInt64(0))
            for (index, difference) in differences.enumerated() {
                if index % 64 == 0 { bits = generator.next() }
                sum += bits & 1 == 0 ? difference : -difference
                bits >>= 1
            }
            // Sums of the same numbers in another order of signs may differ in the last bits.
            if abs(sum) >= observed - 1e-12 * max(1, observed) { hits += 1 }
        }
        return Double(1 + hits) / Double(1 + permutations)
    }

    /// I_x(a, b) by its continued fraction (Lentz's method): Abramowitz & Stegun, 26.5.8.
    static func regularizedIncompleteBeta(x: Double, a: Double, b: Double) -> Double {
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges fast only below the mean of the distribution.
        guard x <= (a + 1) / (a + b + 2) else { return 1 - regularizedIncompleteBeta(x: 1 - x, a: b, b: a) }
        let front = exp(a * log(x) + b * log(1 - x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a
        let tiny = 1e-300
        var (c, d) = (1.0, 1 / max(tiny, 1 - (a + b) * x / (a + 1)))
        var fraction = d
        for step in 1...300 {
            let m = Double(step)
            for numerator in [
                m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
            ] {
                d = 1 + numerator * d
                d = 1 / (abs(d) < tiny ? tiny : d)
                c = 1 + numerator / c
                c = abs(c) < tiny ? tiny : c
                fraction *= c * d
            }
            if abs(c * d - 1) < 1e-15 { break }
        }
        return min(1, front * fraction)
    }

    private static func logGamma(_ x: Double) -> Double { lgamma(x) }
}

/// Steele, Lea & Flood, OOPSLA 2014.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
