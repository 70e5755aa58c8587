public import Ranking

/// Which text is cut where two do not fit together.
public enum TruncationStrategy: String, CaseIterable, Sendable {
    /// The longer one; both to half where both are longer than that, the odd token to the longer, on a tie to the second.
    case longestFirst = "longest_first"
    case onlyFirst = "only_first"
    case onlySecond = "only_second"
}

/// A query and a passage as one sequence, or a single text, with the special tokens around them.
public struct EncodedPair: Sendable, Equatable {
    public var tokenIDs: [Int32]
    public var typeIDs: [Int32]
    /// Tokens cut off the end of the first text, and of the second.
    public var droppedFirst: Int
    public var droppedSecond: Int

    public init(tokenIDs: [Int32], typeIDs: [Int32], droppedFirst: Int = 0, droppedSecond: Int = 0) {
        self.tokenIDs = tokenIDs
        self.typeIDs = typeIDs
        self.droppedFirst = droppedFirst
        self.droppedSecond = droppedSecond
    }
}

/// Puts token ids of a query and a passage into the model's template, cut to its window.
///
/// An empty second text keeps its place (`[CLS] q [SEP] [SEP]`, the last of type 1), as sentence-transformers'
/// CrossEncoder.predict does. The rules of truncation are those of Hugging Face `tokenizers`.
public struct PairEncoder: Sendable {
    public let maxLength: Int
    public let truncation: TruncationStrategy
    private let template: PairTemplate

    /// `maxLength` counts the tokens of a whole sequence, the special ones included.
    public init(tokenizer: Tokenizer, maxLength: Int, truncation: TruncationStrategy) {
        self.maxLength = maxLength
        self.truncation = truncation
        template = tokenizer.template
    }

    /// Special tokens around a pair, and around a single text.
    public var specialTokens: Int { PairTemplate.specialCount(template.pair) }
    public var specialTokensOfSingle: Int { PairTemplate.specialCount(template.single) }
    /// Those before a single text.
    public var specialTokensBeforeSingle: Int {
        template.single.prefix { if case .special = $0 { true } else { false } }.count
    }

    /// Throws `invalidInput` where the truncation cannot reach the window.
    public func encode(
        _ first: some RandomAccessCollection<Int32>, _ second: some RandomAccessCollection<Int32>
    ) throws(RankingError) -> EncodedPair {
        let (keptFirst, keptSecond) = try keptCounts(first.count, second.count)
        return assemble(template.pair, first, keptFirst, second, keptSecond)
    }

    /// One text, its end cut off where it is too long.
    public func encodeSingle(_ text: some RandomAccessCollection<Int32>) throws(RankingError) -> EncodedPair {
        let budget = try budget(specialTokensOfSingle)
        return assemble(template.single, text, min(text.count, budget), EmptyCollection(), 0)
    }

    private func budget(_ specialTokens: Int) throws(RankingError) -> Int {
        guard maxLength >= specialTokens else {
            throw RankingError(
                .invalidInput, what: "A window of \(maxLength) tokens is too small.",
                why: "\(specialTokens) special tokens have to fit.", fix: "Allow more tokens.")
        }
        return maxLength - specialTokens
    }

    private func keptCounts(_ first: Int, _ second: Int) throws(RankingError) -> (Int, Int) {
        let budget = try budget(specialTokens)
        let excess = first + second - budget
        guard excess > 0 else { return (first, second) }
        switch truncation {
        case .longestFirst:
            let shorter = min(first, second)
            // The shorter text is whole if it leaves the other at least as much room as it takes.
            let longer = max(shorter, budget - shorter)
            if shorter + longer <= budget { return first <= second ? (shorter, longer) : (longer, shorter) }
            let half = budget / 2
            return first <= second ? (half, budget - half) : (budget - half, half)
        case .onlyFirst:
            guard first > excess else { throw tooShort("first", first, excess) }
            return (first - excess, second)
        case .onlySecond:
            guard second > excess else { throw tooShort("second", second, excess) }
            return (first, second - excess)
        }
    }

    private func tooShort(_ which: String, _ count: Int, _ excess: Int) -> RankingError {
        RankingError(
            .invalidInput, what: "The pair is \(excess) tokens too long for a window of \(maxLength).",
            why: "Only the \(which) text may be cut (\(truncation.rawValue)), and it has \(count) tokens.",
            fix: "Shorten the other text, or truncate with \(TruncationStrategy.longestFirst.rawValue).")
    }

    private func assemble(
        _ parts: [PairTemplate.Part], _ first: some RandomAccessCollection<Int32>, _ keptFirst: Int,
        _ second: some RandomAccessCollection<Int32>, _ keptSecond: Int
    ) -> EncodedPair {
        var pair = EncodedPair(
            tokenIDs: [], typeIDs: [], droppedFirst: first.count - keptFirst, droppedSecond: second.count - keptSecond)
        pair.tokenIDs.reserveCapacity(keptFirst + keptSecond + 4)
        pair.typeIDs.reserveCapacity(keptFirst + keptSecond + 4)
        for part in parts {
            let typeID: Int32
            switch part {
            case .special(let id, let type):
                pair.tokenIDs.append(id)
                typeID = type
            case .first(let type):
                pair.tokenIDs.append(contentsOf: first.prefix(keptFirst))
                typeID = type
            case .second(let type):
                pair.tokenIDs.append(contentsOf: second.prefix(keptSecond))
                typeID = type
            }
            let missing = pair.tokenIDs.count - pair.typeIDs.count
            pair.typeIDs.append(contentsOf: repeatElement(typeID, count: missing))
        }
        return pair
    }
}
