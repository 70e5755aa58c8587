/// The logits of the best documents so far: a document's is its best passage's.
struct BestDocuments {
    private let count: Int
    private var logits: [Int: Float] = [:]

    init(_ count: Int) { self.count = count }

    /// What the worst of the `count` best has; -∞ while there are fewer.
    var floor: Float {
        guard logits.count >= count else { return -.infinity }
        return logits.values.sorted(by: >)[count - 1]
    }

    mutating func add(_ logit: Float, of document: Int) {
        logits[document] = max(logits[document] ?? -.infinity, logit)
    }
}
