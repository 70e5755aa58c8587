/// A document, by its number in the index, and its score.
public struct ScoredDocument: Sendable, Hashable {
    public var document: UInt32
    public var score: Double

    public init(document: UInt32, score: Double) {
        self.document = document
        self.score = score
    }

    /// Higher scores first; equal scores by ascending document number.
    @inline(__always)
    public static func precedes(_ a: ScoredDocument, _ b: ScoredDocument) -> Bool {
        a.score != b.score ? a.score > b.score : a.document < b.document
    }
}

/// The best documents so far: a binary heap with the worst of them on top.
struct TopDocuments {
    private let limit: Int
    private var heap: [ScoredDocument] = []

    init(limit: Int) { self.limit = limit }

    /// A document enters if its score is higher. Documents come by ascending number, so that one with the same score
    /// as the worst loses.
    private(set) var threshold = -Double.infinity

    @inline(__always)
    mutating func insert(_ document: UInt32, _ score: Double) {
        guard score > threshold else { return }
        let scored = ScoredDocument(document: document, score: score)
        if heap.count < limit {
            heap.append(scored)
            siftUp()
        } else {
            heap[0] = scored
            siftDown()
        }
        if heap.count == limit { threshold = heap[0].score }
    }

    func sorted() -> [ScoredDocument] { heap.sorted(by: ScoredDocument.precedes) }

    private mutating func siftUp() {
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard ScoredDocument.precedes(heap[parent], heap[child]) else { return }
            heap.swapAt(parent, child)
            child = parent
        }
    }

    private mutating func siftDown() {
        var parent = 0
        while true {
            var worst = parent
            for child in 2 * parent + 1...2 * parent + 2 where child < heap.count {
                if ScoredDocument.precedes(heap[worst], heap[child]) { worst = child }
            }
            if worst == parent { return }
            heap.swapAt(parent, worst)
            parent = worst
        }
    }
}
