import Ranking
import Testing

@testable import Retrieval

@Suite("Posting lists")
struct PostingListTests {
    static func random(_ count: Int, _ random: inout SeededGenerator) -> (postings: [Posting], lengths: [UInt32]) {
        let spread = [1, 2, 10, 300, 5_000].randomElement(using: &random) ?? 1
        var document = -1
        var postings: [Posting] = []
        for _ in 0..<count {
            document += Int.random(in: 1...spread, using: &random)
            let frequency = Int.random(in: 0..<50, using: &random) == 0 ? 1_000 : Int.random(in: 1...4, using: &random)
            postings.append(Posting(document: UInt32(document), frequency: UInt32(frequency)))
        }
        let lengths = (0..<document + 2).map { _ in UInt32.random(in: 1...400, using: &random) }
        return (postings, lengths)
    }

    @Test("numbers of every width are read as they were written", arguments: 0...32)
    func bitPacking(width: Int) {
        var random = SeededGenerator(seed: width)
        let mask = width == 0 ? 0 : UInt32.max >> UInt32(32 - width)
        for _ in 0..<20 {
            var values = (0..<128).map { _ in UInt32.random(in: 0...mask, using: &random) }
            values[5] = mask
            var bytes: [UInt8] = []
            #expect(BitPacking.width(of: values) == width)
            BitPacking.pack(values, width: width, to: &bytes)
            #expect(bytes.count == 16 * width)
            var read = [UInt32](repeating: 7, count: 128)
            bytes.withUnsafeBytes { raw in
                if let base = raw.baseAddress { BitPacking.unpack(base, width: width, to: &read) }
            }
            if width > 0 { #expect(read == values) }
        }
    }

    @Test("a list is read as it was written", arguments: [0, 1, 2, 127, 128, 129, 255, 256, 1_000, 5_000])
    func roundTrip(count: Int) throws {
        var random = SeededGenerator(seed: count)
        for _ in 0..<10 {
            let (postings, lengths) = PostingListTests.random(count, &random)
            let list = try PostingList(bytes: PostingList.encode(postings, lengths: lengths))
            #expect(list.count == count)
            #expect(list.lastDocument == postings.last?.document)
            #expect(try list.postings() == postings)
        }
    }

    @Test("a short list by hand: documents 0, 2 and 300, once, once and five times")
    func bytesByHand() throws {
        let postings = [(0, 1), (2, 1), (300, 5)].map { Posting(document: $0.0, frequency: $0.1) }
        let bytes = try PostingList.encode(postings, lengths: [UInt32](repeating: 9, count: 301))
        // format, count; gap 0 and once; gap 1 and once; gap 297 (594 = 0x52 + 4 * 128), five times less two
        #expect(bytes == [1, 3, 0 << 1 | 1, 1 << 1 | 1, 0xd2, 0x04, 3])
    }

    @Test("the bounds of blocks and of the list hold for every posting, whatever the parameters", arguments: 0..<20)
    func bounds(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        let (postings, lengths) = PostingListTests.random(700, &random)
        let list = try PostingList(bytes: PostingList.encode(postings, lengths: lengths))
        for variant in BM25.Variant.allCases {
            let bm25 = try BM25(variant, k1: .random(in: 0...3, using: &random), b: .random(in: 0...1, using: &random))
            let scorer = TermScorer(
                bm25, weight: 1, documentFrequency: 700,
                collection: CollectionStatistics(documentCount: 9_000, totalLength: 900_000))
            for (index, posting) in postings.enumerated() {
                let score = scorer.score(
                    frequency: Double(posting.frequency), length: Double(lengths[Int(posting.document)]))
                if index / 128 < list.fullBlocks { #expect(score <= list.bound(ofBlock: index / 128, scorer)) }
                #expect(score <= list.bound(scorer) ?? 0)
            }
        }
    }

    @Test("impacts keep the best pairs, and are merged upwards")
    func impacts() {
        var front = ImpactFront()
        for (frequency, length) in [(1, 10), (1, 12), (2, 11), (3, 30), (3, 40), (2, 50), (1_000, 90_000)] {
            front.insert(frequency: UInt32(frequency), length: UInt32(length))
        }
        let all = [
            Impact(frequency: 1, length: 10), Impact(frequency: 2, length: 11), Impact(frequency: 3, length: 30),
        ]
        #expect(front.impacts(limit: 8) == all + [Impact(frequency: 255, length: 65_535)])
        // Loss 2 * 12/11 for the first two, 1.5 * 31/12 for the next.
        #expect(
            front.impacts(limit: 3)
                == [Impact(frequency: 2, length: 10), all[2], Impact(frequency: 255, length: 65_535)])
    }

    @Test("postings that do not ascend, have no length or no frequency are refused")
    func invalidPostings() {
        for postings in [[(1, 1), (1, 1)], [(2, 1), (1, 1)], [(5, 1)], [(0, 0)]] {
            let error = #expect(throws: RankingError.self) {
                try PostingList.encode(
                    postings.map { Posting(document: UInt32($0.0), frequency: UInt32($0.1)) }, lengths: [1, 1, 1])
            }
            #expect(error?.code == .invalidInput)
        }
    }

    @Test("30,000 damaged lists: an error or some list, never a crash", arguments: 0..<10)
    func mutations(seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        var refused = 0
        for round in 0..<3_000 {
            let (postings, lengths) = PostingListTests.random([3, 130, 500, 1_000][round % 4], &random)
            var bytes = try PostingList.encode(postings, lengths: lengths)
            for _ in 0..<Int.random(in: 1...4, using: &random) where !bytes.isEmpty {
                // Half of the damage goes to the head, where the structure is.
                let limit = Bool.random(using: &random) ? min(bytes.count, 80) : bytes.count
                let place = Int.random(in: 0..<limit, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 2: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
                default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: place)
                }
            }
            do {
                let list = try PostingList(bytes: bytes)
                let read = try list.postings()
                #expect(read.count == list.count)
                #expect(zip(read, read.dropFirst()).allSatisfy { $0.document < $1.document })
                #expect(read.last?.document == list.lastDocument)
            } catch {
                #expect(error.code == .corruptFile)
                refused += 1
            }
        }
        #expect(refused > 1_000)
    }
}
