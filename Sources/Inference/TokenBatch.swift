import Ranking

/// Sequences of token ids, laid end to end without padding.
///
/// `tokenIDs` and `typeIDs` are [total tokens]; sequence s occupies `starts[s] ..< starts[s + 1]`.
package struct TokenBatch: Sendable {
    package private(set) var tokenIDs: [Int32] = []
    package private(set) var typeIDs: [Int32] = []
    package private(set) var starts: [Int] = [0]
    package private(set) var longest = 0
    /// The end of each sequence's tokens that others attend to.
    private var attendedEnds: [Int] = []

    package init() {}

    package var sequences: Int { starts.count - 1 }
    package var tokens: Int { tokenIDs.count }

    package func range(_ sequence: Int) -> Range<Int> { starts[sequence]..<starts[sequence + 1] }

    /// The tokens of a sequence that its tokens attend to.
    func keys(_ sequence: Int) -> Range<Int> { starts[sequence]..<attendedEnds[sequence] }

    /// The most tokens at the end of a sequence that nothing attends to.
    var mostUnattended: Int { (0..<sequences).map { range($0).count - keys($0).count }.max() ?? 0 }

    /// The sequence that holds a token.
    package func sequence(ofToken token: Int) -> Int {
        var (low, high) = (0, sequences)
        while high - low > 1 {
            let middle = (low + high) / 2
            if starts[middle] <= token { low = middle } else { high = middle }
        }
        return low
    }

    /// - Parameter attended: The first so many tokens are attended to by all. Those behind them get vectors of their own
    ///   and change no other's: they are the tokens of an attention mask of 0.
    package mutating func append(
        tokenIDs ids: some Collection<Int32>, typeIDs types: some Collection<Int32>, attended: Int? = nil
    ) {
        precondition(attended.map { $0 <= ids.count && ($0 > 0 || ids.isEmpty) } ?? true)
        attendedEnds.append(tokenIDs.count + (attended ?? ids.count))
        tokenIDs.append(contentsOf: ids)
        typeIDs.append(contentsOf: types)
        starts.append(tokenIDs.count)
        longest = max(longest, ids.count)
    }
}

extension TokenBatch {
    /// Throws RankingError where a sequence is empty or longer than the model's `positions`, or a token is none of its
    /// `vocabulary`.
    func check(vocabulary: Int, positions: Int) throws(RankingError) {
        guard longest <= positions else {
            throw RankingError(
                .invalidInput, what: "A sequence has \(longest) tokens.",
                why: "The model has \(positions) positions.", fix: "Truncate or split the text before scoring.")
        }
        guard (0..<sequences).allSatisfy({ !range($0).isEmpty }) else {
            throw RankingError(
                .invalidInput, what: "A sequence has no tokens.",
                why: "The texts have none, and the tokenizer puts no special tokens around them.",
                fix: "Score texts that are not empty.")
        }
        if let id = tokenIDs.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
            throw RankingError(
                .corruptFile,
                what: "The tokenizer gave the id \(id), but the model has \(vocabulary) token embeddings.",
                why: "tokenizer.json and the weights belong to different models.",
                fix: "Download both from the same revision.")
        }
    }
}
