/// Decides, block by block, how many of the next documents can be scored before a deadline.
///
/// Pure: it is told how long things took, and reads no clock. Blocks are short, so that one that takes longer than
/// predicted costs little of the time, and each corrects the prediction for the next.
struct DeadlineSchedule {
    /// Nil until the machine is known: then the first block, a small one, measures it.
    private var cost: CostModel?
    /// How much longer blocks take than the cost model says.
    private(set) var correction = 1.0

    /// Enough work to keep all threads busy; a longer block would only come back later.
    static let blockMilliseconds = 12.0
    /// What the first block holds on a machine that nothing is known of.
    static let firstTokens = 256
    /// Blocks never hold more, as without a deadline.
    static let maxTokens = BatchPlan.defaultTokenBudget

    init(cost: CostModel?) { self.cost = cost }

    /// How many of the next documents to score now; 0 where none fits into the time that is left.
    ///
    /// - Parameters:
    ///   - documents: The tokens of each pair of the next documents, best first.
    ///   - remaining: Milliseconds to the deadline.
    func blockCount(_ documents: some Sequence<[Int]>, remaining: Double) -> Int {
        guard remaining > 0 else { return 0 }
        var (count, tokens) = (0, 0)
        var milliseconds = cost?.call ?? 0
        for lengths in documents {
            tokens += lengths.reduce(0, +)
            guard let cost else {
                if count > 0, tokens > DeadlineSchedule.firstTokens { return count }
                count += 1
                continue
            }
            milliseconds += lengths.reduce(0) { $0 + cost.milliseconds(tokens: $1) }
            if milliseconds * correction > remaining { return count }
            if count > 0,
                milliseconds * correction > DeadlineSchedule.blockMilliseconds || tokens > DeadlineSchedule.maxTokens
            {
                return count
            }
            count += 1
        }
        return count
    }

    /// Learns from a block that took so long.
    mutating func record(_ lengths: [Int], milliseconds: Double) {
        guard let cost else {
            let tokens = lengths.reduce(0, +)
            if tokens > 0, milliseconds > 0 {
                self.cost = CostModel(call: 0, token: milliseconds / Double(tokens), pair: 0)
            }
            return
        }
        let predicted = lengths.reduce(cost.call) { $0 + cost.milliseconds(tokens: $1) }
        guard predicted > 0, milliseconds > 0 else { return }
        let ratio = milliseconds / predicted
        // Slower is believed at once, because time that is lost cannot be had back; faster after a few blocks.
        correction = ratio > correction ? ratio : 0.7 * correction + 0.3 * ratio
    }
}
