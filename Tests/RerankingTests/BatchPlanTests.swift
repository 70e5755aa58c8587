import Reranking
import TestSupport
import Testing

@Suite("Sequences are batched by their tokens")
struct BatchPlanTests {
    @Test(
        "a batch is cut where the next sequence would take it over the budget; a longer one has a batch of its own",
        arguments: [
            ([], []), ([5], [0..<1]), ([4, 6], [0..<2]), ([4, 7], [0..<1, 1..<2]),
            ([10, 10, 10], [0..<1, 1..<2, 2..<3]),
            ([11], [0..<1]), ([1, 11, 1], [0..<1, 1..<2, 2..<3]), ([3, 3, 3, 3, 3], [0..<3, 3..<5]),
            ([0, 10, 0, 1], [0..<3, 3..<4]),
        ] as [([Int], [Range<Int>])])
    func byHand(lengths: [Int], batches: [Range<Int>]) {
        #expect(BatchPlan(lengths: lengths, tokenBudget: 10).batches == batches)
    }

    @Test(
        "every sequence is in one batch, in order, and no batch could take the sequence behind it",
        arguments: 0..<50 as Range<UInt64>)
    func property(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let lengths = (0..<random.int(in: 0...100)).map { _ in random.int(in: 1...60) }
        let budget = random.int(in: 1...200)
        let batches = BatchPlan(lengths: lengths, tokenBudget: budget).batches
        #expect(batches.flatMap(Array.init) == Array(lengths.indices))
        for batch in batches {
            let tokens = lengths[batch].reduce(0, +)
            #expect(tokens <= budget || batch.count == 1)
            if batch.upperBound < lengths.count { #expect(tokens + lengths[batch.upperBound] > budget) }
        }
    }
}
