import Crypto
import Foundation
import Inference
import Ranking
import Reranking
import TestSupport

/// Keys and values that tests keep and ask for.
enum TestScores {
    static func key(_ number: Int) -> ScoreKey { ScoreKey(SHA256.hash(data: Array("\(number)".utf8))) }

    static func score(_ number: Int, passages: Int = 1) -> StoredScore {
        StoredScore(
            logits: (0..<passages).map { [Float(number) + Float($0)] }, passages: [], tokens: number,
            truncatedTokens: 0, truncatedQueryTokens: 0)
    }

    static func entries(_ numbers: Range<Int>, passages: Int = 1) -> [(key: ScoreKey, value: StoredScore)] {
        numbers.map { (key($0), score($0, passages: passages)) }
    }

    static func random(_ random: inout SeededGenerator) -> StoredScore {
        let rows = random.int(in: 0...5)
        let labels = random.int(in: 1...3)
        func number() -> Int { random.oneIn(8) ? random.int(in: 0...(1 << 40)) : random.int(in: 0...300) }
        return StoredScore(
            logits: (0..<rows).map { _ in
                (0..<labels).map { _ in Float(bitPattern: UInt32(truncatingIfNeeded: random.next())) }
            },
            scoreKind: random.oneIn(3) ? random.pick([.logit, .normalizedRelevance, .rank]) : nil,
            passages: random.oneIn(2)
                ? []
                : (0..<rows).map { _ in
                    let start = number()
                    return start..<start + number()
                }, tokens: number(), truncatedTokens: number(), truncatedQueryTokens: number())
    }
}

extension StoredScore {
    /// Equal bit by bit: NaN is itself, and zero has a sign.
    func isIdentical(to other: StoredScore?) -> Bool {
        guard let other else { return false }
        return logits.map { $0.map(\.bitPattern) } == other.logits.map { $0.map(\.bitPattern) }
            && scoreKind == other.scoreKind && passages == other.passages && tokens == other.tokens
            && truncatedTokens == other.truncatedTokens && truncatedQueryTokens == other.truncatedQueryTokens
    }
}

/// A time that a test sets.
final class TestClock: Sendable {
    private let seconds = Monitor<Int64>(1_000_000)

    var now: @Sendable () -> Int64 { { [self] in seconds.withLock { $0 } } }
    func advance(_ count: Int64) { seconds.withLock { $0 += count } }
}
