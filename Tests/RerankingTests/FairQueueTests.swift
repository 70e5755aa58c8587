import TestSupport
import Testing

@testable import Reranking

@Suite("Calls share the model in fair turns")
struct FairQueueTests {
    final class Call: QueuedWork {
        let name: String
        let client: String
        let lengths: [Int]

        init(_ name: String, client: String, lengths: [Int]) {
            self.name = name
            self.client = client
            self.lengths = lengths
        }

        func identity(of pair: Int) -> Int? { nil }
        func cost(of pair: Int) -> Int { lengths[pair] }
    }

    private func batches(
        _ queue: inout FairQueue<Call>, budget: Int, isWanted: (Call, Bool) -> Bool = { _, _ in true }
    ) -> [[(name: String, pairs: Range<Int>)]] {
        var batches: [[(name: String, pairs: Range<Int>)]] = []
        while true {
            let batch = queue.nextBatch(tokenBudget: budget, isWanted: isWanted)
            if batch.isEmpty { return batches }
            batches.append(batch.map { ($0.work.name, $0.pairs) })
        }
    }

    @Test("a lone call gets the batches of BatchPlan", arguments: 0..<30 as Range<UInt64>)
    func lone(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let lengths = (0..<random.int(in: 1...60)).map { _ in random.int(in: 1...700) }
        let budget = random.int(in: 1...2_048)
        var queue = FairQueue<Call>()
        queue.append(Call("a", client: "", lengths: lengths))
        let found = batches(&queue, budget: budget)
        #expect(found.allSatisfy { $0.count == 1 })
        #expect(found.map { $0[0].pairs } == BatchPlan(lengths: lengths, tokenBudget: budget).batches)
    }

    @Test("a small call that comes behind a large one is in the next batch")
    func smallBehindLarge() {
        var queue = FairQueue<Call>()
        queue.append(Call("large", client: "a", lengths: [Int](repeating: 256, count: 1_000)))
        // 8 x 256 = 2,048.
        #expect(queue.nextBatch(tokenBudget: 2_048) { _, _ in true }.map(\.pairs) == [0..<8])
        queue.append(Call("small", client: "b", lengths: [100, 100]))
        let batch = queue.nextBatch(tokenBudget: 2_048) { _, _ in true }
        #expect(batch.contains { $0.work.name == "small" && $0.pairs == 0..<2 })
    }

    @Test("so is a small call of the same client")
    func smallOfSameClient() {
        var queue = FairQueue<Call>()
        queue.append(Call("large", client: "a", lengths: [Int](repeating: 256, count: 1_000)))
        _ = queue.nextBatch(tokenBudget: 2_048) { _, _ in true }
        queue.append(Call("small", client: "a", lengths: [100, 100]))
        #expect(queue.nextBatch(tokenBudget: 2_048) { _, _ in true }.contains { $0.work.name == "small" })
    }

    @Test("clients get equal tokens, however many calls each has, and however long their pairs are")
    func equalShares() {
        var queue = FairQueue<Call>()
        for call in 0..<10 { queue.append(Call("a\(call)", client: "a", lengths: [Int](repeating: 64, count: 400))) }
        queue.append(Call("b", client: "b", lengths: [Int](repeating: 512, count: 400)))
        queue.append(Call("c", client: "c", lengths: [Int](repeating: 100, count: 800)))
        var tokens: [String: Int] = [:]
        for _ in 0..<60 {
            for share in queue.nextBatch(tokenBudget: 2_048, isWanted: { _, _ in true }) {
                tokens[share.work.client, default: 0] += share.work.lengths[share.pairs].reduce(0, +)
            }
        }
        // Nobody is more than a turn of 512 and a pair of 512 ahead.
        let counts = tokens.values.sorted()
        #expect(counts.count == 3)
        #expect((counts.last ?? 0) - (counts.first ?? 0) <= 1_024)
        // Ten calls of one client share its turns: 60 batches of 2,048 tokens, a third of them, in tenths.
        let (taken, room) = (counts.reduce(0, +), 60 * 2_048)
        #expect(taken > room / 10 * 9)
    }

    @Test(
        "every pair is taken once, each call's in order, and batches of two or more keep the budget",
        arguments: 0..<50 as Range<UInt64>)
    func partition(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let calls = (0..<random.int(in: 1...12)).map { number in
            Call(
                "\(number)", client: "\(random.int(in: 0...4))",
                lengths: (0..<random.int(in: 0...40)).map { _ in random.int(in: 1...900) })
        }
        var queue = FairQueue<Call>()
        for call in calls { queue.append(call) }
        let lengths = Dictionary(uniqueKeysWithValues: calls.map { ($0.name, $0.lengths) })
        var next: [String: Int] = [:]
        for batch in batches(&queue, budget: 2_048) {
            let pairs = batch.flatMap { share in share.pairs.map { (share.name, $0) } }
            let tokens = pairs.reduce(0) { $0 + (lengths[$1.0]?[$1.1] ?? 0) }
            #expect(pairs.count == 1 || tokens <= 2_048)
            for (name, pair) in pairs {
                #expect(next[name, default: 0] == pair)
                next[name] = pair + 1
            }
        }
        for call in calls { #expect(next[call.name, default: 0] == call.lengths.count) }
        #expect(queue.isEmpty)
    }

    @Test("what nobody wants any more leaves without being scored, and keeps nobody waiting")
    func unwanted() {
        var queue = FairQueue<Call>()
        queue.append(Call("gone", client: "a", lengths: [Int](repeating: 500, count: 100)))
        queue.append(Call("here", client: "b", lengths: [500, 500]))
        let found = batches(&queue, budget: 2_048) { call, _ in call.name != "gone" }
        #expect(found.map { $0.map(\.name) } == [["here"]])
    }
}
