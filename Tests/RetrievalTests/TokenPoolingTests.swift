import TestSupport
import Testing

@testable import Retrieval

@Suite("Token pooling")
struct TokenPoolingTests {
    @Test("the first vector stays, and the nearest of the others become one, by hand")
    func byHand() {
        // At 0, 10, 12, 90 and 93 degrees.
        let vectors: [Float] = [
            1, 0, 0.984_807_8, 0.173_648_2, 0.978_147_6, 0.207_911_7, 0, 1, -0.052_336, 0.998_629_5,
        ]
        let pooled = TokenPooling(factor: 2).pooled(vectors, dimension: 2)
        // Means of 10 and 12, and of 90 and 93 degrees.
        let expected: [Float] = [1, 0, 0.981_627_2, 0.190_809_0, -0.026_176_9, 0.999_657_3]
        #expect(pooled.count == 6)
        for (a, b) in zip(pooled, expected) { #expect(abs(a - b) < 1e-6) }
        #expect(TokenPooling(factor: 1).pooled(vectors, dimension: 2) == vectors)
        #expect(TokenPooling(factor: 8).pooled(vectors, dimension: 2).count == 4)
        #expect(TokenPooling(factor: 2).pooled([1, 0, 0, 1], dimension: 2) == [1, 0, 0, 1])
    }

    /// Merges the pair whose union has the least more squared distance to its mean than the two apart, each time.
    private func clustersByDefinition(_ rows: [[Double]], count: Int) -> Set<Set<Int>> {
        func spread(_ members: [Int]) -> Double {
            var mean = [Double](repeating: 0, count: rows[0].count)
            for row in members {
                for (place, value) in rows[row].enumerated() { mean[place] += value / Double(members.count) }
            }
            var sum = 0.0
            for row in members {
                for (value, center) in zip(rows[row], mean) { sum += (value - center) * (value - center) }
            }
            return sum
        }
        var clusters = rows.indices.map { [$0] }
        while clusters.count > count {
            var best = (a: 0, b: 1, cost: Double.infinity)
            for a in clusters.indices {
                for b in clusters.indices where b > a {
                    let cost = spread(clusters[a] + clusters[b]) - spread(clusters[a]) - spread(clusters[b])
                    if cost < best.cost { best = (a, b, cost) }
                }
            }
            clusters[best.a] += clusters[best.b]
            clusters.remove(at: best.b)
        }
        return Set(clusters.map(Set.init))
    }

    @Test("clusters are those of Ward's method by its definition", arguments: 0..<20)
    func ward(seed: Int) {
        var maker = TokenVectorMaker(dimension: 6, topics: 5, seed: seed)
        let vectors = maker.passage(tokens: 2...24)
        let rows = stride(from: 0, to: vectors.count, by: 6).map { vectors[$0..<$0 + 6].map(Double.init) }
        for count in 1...rows.count {
            let labels = TokenPooling.clusters(of: vectors[...], dimension: 6, count: count)
            let found = Set(Set(labels).map { label in Set(labels.indices.filter { labels[$0] == label }) })
            #expect(found == clustersByDefinition(rows, count: count))
        }
    }
}
