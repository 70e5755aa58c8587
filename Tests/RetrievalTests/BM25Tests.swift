import Ranking
import Testing

@testable import Retrieval

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

@Suite("BM25")
struct BM25Tests {
    /// 10 documents of 8 terms on average.
    let collection = CollectionStatistics(documentCount: 10, totalLength: 80)

    static let cases: [(BM25.Variant, Double)] = {
        // norm = 1 - 0.75 + 0.75 * 4 / 8 = 0.625; k1 * norm = 0.75
        let saturation: Double = 3 / (3 + 0.75)
        // tf / norm + δ = 3 / 0.625 + 0.5 = 5.3
        let saturationL: Double = 2.2 * 5.3 / (1.2 + 5.3)
        return [
            (.lucene, log(1 + 8.5 / 2.5) * saturation),
            (.robertson, log(8.5 / 2.5) * saturation),
            (.atire, log(10.0 / 2) * 2.2 * saturation),
            (.bm25l, log(11 / 2.5) * saturationL),
            (.bm25Plus, log(11.0 / 2) * (1 + 2.2 * saturation)),
        ]
    }()

    @Test("Lucene's one byte holds lengths up to 40, then 24 and a number of four bits")
    func luceneLengths() {
        // 24 + 17 = 41: 17 is 10001 in binary, and becomes 10000. 24 + 132 = 156: 10000100 becomes 10000000.
        let expected: [(UInt32, UInt32)] = [
            (0, 0), (23, 23), (24, 24), (39, 39), (40, 40), (41, 40), (42, 42), (156, 152), (1_000, 984),
            (1_000_000, 983_064),
        ]
        for (length, encoded) in expected { #expect(LengthEncoding.lucene.encoded(length) == encoded) }
        for length in 1..<100_000 as Range<UInt32> {
            #expect(LengthEncoding.lucene.encoded(length) >= LengthEncoding.lucene.encoded(length - 1))
        }
        #expect(LengthEncoding.exact.encoded(1_000) == 1_000)
    }

    @Test("each variant by hand: tf 3, dl 4, df 2, N 10, avgdl 8, k1 1.2, b 0.75", arguments: cases)
    func byHand(variant: BM25.Variant, expected: Double) throws {
        let score = try BM25(variant).score(
            weight: 1, frequency: 3, length: 4, documentFrequency: 2, collection: collection)
        #expect(abs(score - expected) <= 0x1p-33)
    }

    @Test("repetitions in the query multiply a term's part")
    func repetitions() {
        let once = BM25.lucene.score(weight: 1, frequency: 1, length: 8, documentFrequency: 5, collection: collection)
        let thrice = BM25.lucene.score(weight: 3, frequency: 1, length: 8, documentFrequency: 5, collection: collection)
        // ln(1 + 5.5 / 5.5) * 1 / (1 + 1.2)
        #expect(abs(once - log(2) / 2.2) <= 0x1p-33)
        #expect(abs(thrice - 3 * log(2) / 2.2) <= 0x1p-33)
    }

    @Test("a document without the term gets nothing, and a term in every document counts as the variant says")
    func extremes() throws {
        for variant in BM25.Variant.allCases {
            let bm25 = try BM25(variant)
            #expect(bm25.score(weight: 1, frequency: 0, length: 4, documentFrequency: 2, collection: collection) == 0)
            #expect(bm25.inverseDocumentFrequency(documentFrequency: 0, documentCount: 10) == 0)
        }
        // ln(1 + 0.5 / 10.5), 0, ln(1), ln(11 / 10.5), ln(11 / 10)
        let everywhere = try BM25.Variant.allCases.map {
            try BM25($0).inverseDocumentFrequency(documentFrequency: 10, documentCount: 10)
        }
        #expect(everywhere == [log(1 + 0.5 / 10.5), 0, 0, log(11 / 10.5), log(11.0 / 10)])
    }

    @Test("a tree's products and sum give the score", arguments: BM25.Variant.allCases)
    func explanation(variant: BM25.Variant) throws {
        let bm25 = try BM25(variant, k1: 0.9, b: 0.4)
        let matches = [
            BM25.TermMatch(term: "rank", weight: 2, frequency: 3, documentFrequency: 2),
            BM25.TermMatch(term: "fuse", weight: 1, frequency: 1, documentFrequency: 7),
            BM25.TermMatch(term: "none", weight: 1, frequency: 0, documentFrequency: 4),
        ]
        let tree = bm25.explain(matches, length: 11, collection: collection)
        #expect(tree.value == tree.children.reduce(0) { $0 + $1.value })
        for (node, match) in zip(tree.children, matches) {
            #expect(abs(node.children.reduce(1) { $0 * $1.value } - node.value) <= 0x1p-32)
            #expect(
                node.value
                    == bm25.score(
                        weight: match.weight, frequency: match.frequency, length: 11,
                        documentFrequency: match.documentFrequency, collection: collection))
        }
        #expect(tree.description.split(separator: "\n").count > 20)
    }

    @Test("what a term adds is never above the bound of a block, whatever k1, b and the variant", arguments: 0..<30)
    func bounds(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        for variant in BM25.Variant.allCases {
            let bm25 = try BM25(
                variant, k1: .random(in: 0...4, using: &random), b: .random(in: 0...1, using: &random),
                lengths: Bool.random(using: &random) ? .exact : .lucene)
            let scorer = TermScorer(bm25, weight: 1, documentFrequency: 3, collection: collection)
            for _ in 0..<200 {
                let (tf, length) = (Int.random(in: 1...9, using: &random), Int.random(in: 0...99, using: &random))
                let score = scorer.score(frequency: Double(tf), length: bm25.encodedLength(length))
                let more = (Int.random(in: tf...10, using: &random), Int.random(in: 0...length, using: &random))
                #expect(score <= scorer.bound(frequency: UInt8(more.0), length: UInt16(more.1)))
                #expect(score >= 0 && score <= scorer.limit)
            }
        }
    }

    @Test("sums of scores do not depend on their order", arguments: 0..<10)
    func exactSums(seed: Int) {
        var random = SeededGenerator(seed: seed)
        var parts = (0..<50).map { _ in Quantum.round(.random(in: 0...20_000, using: &random)) }
        let sum = parts.reduce(0, +)
        for _ in 0..<20 {
            parts.shuffle(using: &random)
            #expect(parts.reduce(0, +) == sum)
        }
    }

    @Test(
        "parameters outside their range are refused by name",
        arguments: [(-0.1, 0.75), (.nan, 0.75), (1.2, 1.5), (1.2, -1)])
    func parameters(k1: Double, b: Double) {
        let error = #expect(throws: RankingError.self) { try BM25(k1: k1, b: b) }
        #expect(error?.code == .invalidInput)
    }
}
