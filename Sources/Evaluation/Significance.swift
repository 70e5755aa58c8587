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
    /// each query's two values change places at random.
    ///
    /// Exact where n queries that differ have at most `permutations` ways to change places, 2ⁿ: `p = hits / 2ⁿ`. Beyond,
    /// that many are drawn, seeded so that a report can be repeated: `p = (1 + hits) / (1 + permutations)`, which is
    /// never 0 and has a standard error of √(p (1 - p) / permutations).
    public static func randomizationTest(
        _ first: [Double], _ second: [Double], permutations: Int = 1 << 20, seed: UInt64 = 1
    ) -> Double? {
        guard first.count == second.count, !first.isEmpty, permutations > 0 else { return nil }
        let differences = zip(first, second).map { $0 - $1 }.filter { $0 != 0 }
        let observed = abs(differences.reduce(0, +))
        let sums = SignedSums(differences)
        // Sums of the same numbers in another order of signs may differ in the last bits.
        let least = observed - 1e-12 * max(1, observed)
        var hits = 0
        if differences.count < 62, 1 << differences.count <= permutations {
            let all = 1 << differences.count
            for code in 0..<all where abs(sums.sum { _ in UInt64(code) }) >= least { hits += 1 }
            return Double(hits) / Double(all)
        }
        var generator = SplitMix64(state: seed)
        for _ in 0..<permutations where abs(sums.sum { _ in generator.next() }) >= least { hits += 1 }
        return Double(1 + hits) / Double(1 + permutations)
    }

    /// Sums of numbers with signs, eight numbers a look-up.
    private struct SignedSums {
        /// [chunk][signs]: the sum of up to 8 numbers, each negative where its bit is set.
        private let tables: [[Double]]

        init(_ numbers: [Double]) {
            tables = stride(from: 0, to: numbers.count, by: 8).map { start in
                let own = numbers[start..<min(start + 8, numbers.count)]
                return (0..<256).map { signs in
                    own.enumerated().reduce(0) { $0 + (signs >> $1.offset & 1 == 0 ? $1.element : -$1.element) }
                }
            }
        }

        /// - Parameter word: The signs of 64 numbers, asked for in order.
        func sum(_ word: (Int) -> UInt64) -> Double {
            var (sum, signs) = (0.0, UInt64(0))
            for (chunk, table) in tables.enumerated() {
                if chunk % 8 == 0 { signs = word(chunk / 8) }
                sum += table[Int(signs & 255)]
                signs >>= 8
            }
            return sum
        }
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
