import Ranking
import TestSupport
import Testing

@testable import RemoteRerankers

@Suite("Sliding window")
struct SlidingWindowTests {
    @Test(
        "windows go from the end to the beginning, as in RankGPT",
        arguments: [
            (0, []), (1, []), (2, [0..<2]), (20, [0..<20]), (21, [1..<21, 0..<11]), (25, [5..<25, 0..<15]),
            (30, [10..<30, 0..<20]), (45, [25..<45, 15..<35, 5..<25, 0..<15]),
        ] as [(Int, [Range<Int>])])
    func backToFront(count: Int, windows: [Range<Int>]) {
        #expect(SlidingWindow().windows(count: count).map(\.positions) == windows.map(Array.init))
    }

    @Test("from the front, the best so far are compared with the next documents")
    func frontToBack() {
        let windows = SlidingWindow(size: 4, step: 2).windows(count: 7, order: .frontToBack)
        #expect(windows.map(\.positions) == [[0, 1, 2, 3], [0, 1, 4, 5], [0, 1, 6]])
    }

    @Test("each pass reads all windows", arguments: [SlidingWindow.Order.backToFront, .frontToBack])
    func passes(order: SlidingWindow.Order) {
        let once = SlidingWindow().windows(count: 45, order: order)
        #expect(SlidingWindow(passes: 3).windows(count: 45, order: order) == once + once + once)
    }

    @Test(
        "an order that could leave documents behind is refused",
        arguments: [
            (1, 1, 1), (20, 0, 1), (20, 20, 1), (20, 21, 1), (20, 10, 0), (20, 10, 101), (1_001, 10, 1), (0, 0, 0),
        ])
    func bounds(size: Int, step: Int, passes: Int) {
        let error = #expect(throws: RankingError.self) {
            try SlidingWindow(size: size, step: step, passes: passes).check()
        }
        #expect(error?.code == .invalidInput)
    }

    @Test("a window's order moves its documents to the front of its range")
    func reorder() {
        var list = ["a", "b", "c", "d", "e", "f"]
        ListwiseWindow(positions: [1, 2, 5]).reorder(&list, by: [2, 0, 1])
        #expect(list == ["a", "f", "b", "c", "d", "e"])
    }

    @Test("whatever orders are given, no document is lost or comes twice", arguments: 0..<100 as Range<UInt64>)
    func permutation(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let size = random.int(in: 2...12)
        let window = SlidingWindow(
            size: size, step: random.int(in: 1...size - 1), passes: random.int(in: 1...3))
        let count = random.int(in: 0...60)
        for order in [SlidingWindow.Order.backToFront, .frontToBack] {
            var list = Array(0..<count)
            var reached: Set<Int> = []
            for window in window.windows(count: count, order: order) {
                #expect(window.positions.count <= size && window.positions == window.positions.sorted())
                reached.formUnion(window.positions.map { list[$0] })
                window.reorder(&list, by: window.positions.indices.shuffled(using: &random))
            }
            #expect(list.sorted() == Array(0..<count))
            #expect(count < 2 || reached.count == count)
        }
    }

    @Test(
        "with consistent orders, the best size - step documents are in their places after one pass",
        arguments: 0..<50 as Range<UInt64>)
    func bestInFront(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let size = random.int(in: 2...12)
        let window = SlidingWindow(size: size, step: random.int(in: 1...size - 1))
        let count = random.int(in: 2...60)
        let shuffled = Array(0..<count).shuffled(using: &random)
        for order in [SlidingWindow.Order.backToFront, .frontToBack] {
            var list = shuffled
            for window in window.windows(count: count, order: order) {
                let members = window.positions.map { list[$0] }
                window.reorder(&list, by: members.indices.sorted { members[$0] < members[$1] })
            }
            let best = min(count, count <= size ? size : size - window.step)
            #expect(Array(list.prefix(best)) == Array(0..<best))
        }
    }
}
