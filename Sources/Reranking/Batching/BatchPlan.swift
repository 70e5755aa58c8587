/// Which sequences are scored together.
///
/// Sequences are laid end to end, so a batch costs what its tokens cost and nothing is padded. A batch is cut where
/// the next sequence would take it over the budget; that bounds memory and gives cancellation and progress a rhythm.
/// The split never changes a score.
package struct BatchPlan: Equatable {
    /// Consecutive, covering every sequence once.
    package let batches: [Range<Int>]

    /// About 12 MB of activations for a model of hidden size 384.
    package static let defaultTokenBudget = 2_048

    /// More where there are many threads to share a batch: each needs some blocks of rows.
    package static func tokenBudget(threads: Int) -> Int { max(defaultTokenBudget, 256 * threads) }

    /// - Parameter lengths: tokens of each sequence. One longer than the budget gets a batch of its own.
    package init(lengths: [Int], tokenBudget: Int = defaultTokenBudget) {
        var batches: [Range<Int>] = []
        var start = 0
        var tokens = 0
        for (index, length) in lengths.enumerated() {
            if index > start, tokens + length > tokenBudget {
                batches.append(start..<index)
                start = index
                tokens = 0
            }
            tokens += length
        }
        if start < lengths.count { batches.append(start..<lengths.count) }
        self.batches = batches
    }
}
