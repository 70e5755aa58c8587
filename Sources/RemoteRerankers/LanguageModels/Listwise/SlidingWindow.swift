import Ranking

/// How a language model that can compare a few documents at a time orders many.
///
/// A pool of up to `size` documents is one window. A larger one is read from its end to its beginning, `step` documents
/// further each time, so that the best `size - step` of each window are compared again in the next: after one pass the
/// best of all stand in front, as far as the model is consistent. Places further behind are less exact; more `passes`
/// make them more so.
///
/// Source: Sun et al., EMNLP 2023 (RankGPT), <https://arxiv.org/abs/2304.09542>, whose 20 and 10 are the defaults.
public struct SlidingWindow: Sendable, Equatable {
    /// Documents that the model compares at once.
    public var size: Int
    /// Documents from the beginning of one window to that of the next.
    public var step: Int
    /// How many times the whole pool is read.
    public var passes: Int

    public init(size: Int = 20, step: Int = 10, passes: Int = 1) {
        self.size = size
        self.step = step
        self.passes = passes
    }

    /// Throws `invalidInput` for a window that could not order anything, or would leave documents out.
    func check() throws(RankingError) {
        guard (2...1_000).contains(size), (1..<size).contains(step), (1...100).contains(passes) else {
            throw RankingError(
                .invalidInput, what: "The sliding window is \(size) documents in steps of \(step), \(passes) times.",
                why: """
                    A window compares 2 to 1,000 documents, moves by fewer than it holds, so that a good document at the end \
                    can get in front, and reads the pool 1 to 100 times.
                    """,
                fix: "Give numbers in these ranges, such as 20, 10 and 1.")
        }
    }

    /// The windows for so many documents, in the order they are asked for.
    ///
    /// - Parameter order: What is done first decides what is there when the time is over.
    func windows(count: Int, order: Order = .backToFront) -> [ListwiseWindow] {
        guard count > 1 else { return [] }
        let pass = order == .backToFront ? backToFront(count) : frontToBack(count)
        return (0..<passes).flatMap { _ in pass }
    }

    enum Order {
        /// The published order. Before its last window, nothing is known about the documents in front.
        case backToFront
        /// The first documents first, and then the best so far, each time with the next `step`: as many windows, and what
        /// was read at any time is in its place among what was read. For deadlines.
        case frontToBack
    }

    private func backToFront(_ count: Int) -> [ListwiseWindow] {
        var windows: [ListwiseWindow] = []
        var end = count
        repeat {
            windows.append(ListwiseWindow(positions: Array(max(0, end - size)..<end)))
            end -= step
        } while end > size - step
        return windows
    }

    private func frontToBack(_ count: Int) -> [ListwiseWindow] {
        let first = ListwiseWindow(positions: Array(0..<min(size, count)))
        return [first]
            + stride(from: size, to: count, by: step).map { start in
                ListwiseWindow(positions: Array(0..<size - step) + Array(start..<min(start + step, count)))
            }
    }
}

/// Documents that are compared at once, by their positions in the list as it then is.
struct ListwiseWindow: Sendable, Equatable {
    /// Ascending.
    var positions: [Int]

    /// Puts the documents of the window into the order that the model gave, from the window's first position on.
    /// Documents that stood between them come behind.
    ///
    /// - Parameter order: A permutation of 0 ..< positions.count, best first.
    func reorder<Element>(_ list: inout [Element], by order: [Int]) {
        guard let first = positions.first, let last = positions.last, positions.count == order.count else { return }
        let inside = Set(positions)
        let passedOver = (first...last).filter { !inside.contains($0) }
        list.replaceSubrange(first...last, with: (order.map { positions[$0] } + passedOver).map { list[$0] })
    }
}
