import Ranking
import Reranking
import ScoreCaches
import TestSupport
import Testing

@Suite("A score's bytes are its own, whole and of this version, or they are no score")
struct StoredScoreCodingTests {
    @Test("the bytes of version 1 stay what they are")
    func golden() throws {
        let score = StoredScore(
            logits: [[1.5], [-2]], passages: [0..<3, 200..<500], tokens: 300, truncatedTokens: 1,
            truncatedQueryTokens: 0)
        let bytes = try #require(StoredScoreCoding.bytes(of: score, key: TestScores.key(7)))
        // "RSc" and 1; then 8 bytes of SHA-256.
        #expect(Array(bytes.prefix(4)) == [0x52, 0x53, 0x63, 1])
        #expect(
            Array(bytes.dropFirst(12)) == [
                0,  // a model's logits
                0xAC, 0x02, 1, 0,  // 300 = 0x2C + 2 · 128 tokens
                2, 1, 0, 0, 0xC0, 0x3F, 1, 0, 0, 0, 0xC0,  // 1.5 is 0x3FC00000, -2 is 0xC0000000
                2, 0, 3, 0xC8, 0x01, 0xAC, 0x02,  // 200 = 0x48 + 128, 500 - 200
            ])
        #expect(StoredScoreCoding.score(from: bytes, key: TestScores.key(7)) == score)
    }

    @Test("what is read is what was written, bit by bit", arguments: 0..<200 as Range<UInt64>)
    func roundTrip(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let (key, score) = (TestScores.key(Int(seed)), TestScores.random(&random))
        let bytes = try #require(StoredScoreCoding.bytes(of: score, key: key))
        #expect(score.isIdentical(to: StoredScoreCoding.score(from: bytes, key: key)))
        // Under another key the same bytes are a mistake.
        #expect(StoredScoreCoding.score(from: bytes, key: TestScores.key(-1)) == nil)
    }

    @Test("every kind of score is kept", arguments: ScoreKind.allCases.filter { $0 != .unscored })
    func kinds(kind: ScoreKind) throws {
        var score = TestScores.score(3)
        score.scoreKind = kind
        let bytes = try #require(StoredScoreCoding.bytes(of: score, key: TestScores.key(3)))
        #expect(StoredScoreCoding.score(from: bytes, key: TestScores.key(3)) == score)
    }

    @Test("every changed bit, every missing or additional byte is seen")
    func damage() throws {
        let key = TestScores.key(1)
        let bytes = try #require(StoredScoreCoding.bytes(of: TestScores.score(5, passages: 3), key: key))
        for bit in 0..<8 * bytes.count {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << (bit % 8)
            #expect(StoredScoreCoding.score(from: damaged, key: key) == nil, "bit \(bit)")
        }
        for count in 0..<bytes.count {
            #expect(StoredScoreCoding.score(from: Array(bytes.prefix(count)), key: key) == nil)
        }
        #expect(StoredScoreCoding.score(from: bytes + [0], key: key) == nil)
    }

    @Test("arbitrary bytes are no score, and reading them ends", arguments: 0..<50 as Range<UInt64>)
    func arbitrary(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let bytes =
                [0x52, 0x53, 0x63, 1] + (0..<random.int(in: 0...60)).map { _ in UInt8(random.int(in: 0...255)) }
            #expect(StoredScoreCoding.score(from: bytes, key: TestScores.key(0)) == nil)
        }
    }

    @Test("what cannot be written is refused")
    func refusal() {
        var score = TestScores.score(1)
        score.tokens = -1
        #expect(StoredScoreCoding.bytes(of: score, key: TestScores.key(0)) == nil)
        let large = TestScores.score(1, passages: 100_000)
        #expect(StoredScoreCoding.bytes(of: large, key: TestScores.key(0)) == nil)
    }
}
