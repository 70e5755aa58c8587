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

@Suite("The inverted index in memory")
struct InvertedIndexTests {
    @Test("has the postings of every term, by ascending bytes, that counting by hand gives", arguments: 0..<10)
    func postings(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        var builder = InvertedIndexBuilder(analyzer: .unicode)
        var expected: [String: [Posting]] = [:]
        let vocabulary = (0..<2_500).map { "w\($0)" + ($0 % 50 == 0 ? "é" : "") }
        for document in 0..<600 {
            let words = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                // Half of the words are from the first twenty.
                vocabulary[
                    Bool.random(using: &random)
                        ? Int.random(in: 0..<20, using: &random) : Int.random(in: 0..<2_500, using: &random)]
            }
            let counts = words.reduce(into: [String: UInt32]()) { $0[$1, default: 0] += 1 }
            for (word, count) in counts {
                expected[word, default: []].append(Posting(document: UInt32(document), frequency: count))
            }
            #expect(try builder.add(words.joined(separator: ", ")) == UInt32(document))
            #expect(builder.lengths.last == UInt32(words.count))
        }
        let index = builder.finish()
        #expect(index.termCount == expected.count)
        var previous: [UInt8] = []
        for rank in 0..<index.termCount {
            let (term, list) = index[rank]
            #expect(previous.lexicographicallyPrecedes(term))
            previous = Array(term)
            #expect(try PostingList(bytes: list).postings() == expected[String(decoding: term, as: UTF8.self)])
        }
        #expect(try index.postings(of: "w999999") == nil)
        #expect(try index.postings(of: "w7")?.count == expected["w7"]?.count)
    }

    @Test("a search by hand: three documents, one repeated query term")
    func byHand() throws {
        var builder = InvertedIndexBuilder(analyzer: .english)
        for text in ["The cats chase a cat", "A dog", "Dogs and cats; dogs"] { try builder.add(text) }
        let index = builder.finish()
        // cat chase cat: no, stems are cat, chase, cat; dog; dog, cat, dog. Lengths 3, 1 and 3; avgdl 7/3.
        #expect(index.lengths == [3, 1, 3])
        let norm3 = 1.2 * (0.25 + 0.75 * 3 / (7.0 / 3))
        let norm1 = 1.2 * (0.25 + 0.75 * 1 / (7.0 / 3))
        let idf = log(1 + 1.5 / 2.5)
        let found = try index.search("dogs, dogs and cats", limit: 5)
        let expected = [
            (2, 2 * idf * 2 / (2 + norm3) + idf / (1 + norm3)), (1, 2 * idf / (1 + norm1)), (0, idf * 2 / (2 + norm3)),
        ]
        #expect(found.map { Int($0.document) } == expected.map(\.0))
        for (a, b) in zip(found, expected) { #expect(abs(a.score - b.1) <= 0x1p-31) }
        #expect(try index.search("the of and", limit: 5).isEmpty)
        #expect(try index.search("zebra", limit: 5).isEmpty)
    }

    @Test("no documents, no results")
    func empty() throws {
        let index = InvertedIndexBuilder(analyzer: .english).finish()
        #expect(index.termCount == 0)
        #expect(try index.search("anything", limit: 3).isEmpty)
    }

    @Test("terms that differ in bytes but are canonically equal are two terms")
    func canonicalEquivalence() {
        let counted = Analyzer.unicode.countedTerms(of: "\u{e9} e\u{301} \u{e9}")
        #expect(counted.map(\.count) == [2, 1])
    }
}
