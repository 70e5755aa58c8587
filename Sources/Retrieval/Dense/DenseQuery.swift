/// What a dense search is asked.
package struct DenseQuery: Sendable {
    /// The query's embedding, made by the model that made the passages' embeddings, as a query.
    package var vector: [Float]
    /// The number of passages wanted, at least 1.
    package var limit: Int
    /// How many of the best passages by quantized vectors are scored again exactly; never fewer than `limit`.
    package var candidates: Int
    /// Only these passages are looked at; nil means all.
    package var allowed: DocumentSet?
    /// These passages are never looked at.
    package var deleted: DocumentSet?

    /// - Parameter candidates: nil means `max(2 limit, limit + 100)`.
    package init(
        vector: [Float], limit: Int, candidates: Int? = nil, allowed: DocumentSet? = nil, deleted: DocumentSet? = nil
    ) {
        self.vector = vector
        self.limit = limit
        self.candidates = max(limit, candidates ?? DenseQuery.candidates(for: limit))
        self.allowed = allowed
        self.deleted = deleted
    }

    /// `max(2 limit, limit + 100)`, without overflow.
    package static func candidates(for limit: Int) -> Int {
        let (twice, overflows) = limit.multipliedReportingOverflow(by: 2)
        return overflows ? limit : max(twice, limit + 100)
    }

    func accepts(_ passage: UInt32) -> Bool {
        if let deleted, deleted.contains(passage) { return false }
        return allowed?.contains(passage) ?? true
    }
}

/// A passage, by its number in the index, and the similarity of its vector to the query's.
package struct ScoredPassage: Sendable, Hashable {
    package var passage: UInt32
    package var score: Double

    package init(passage: UInt32, score: Double) {
        self.passage = passage
        self.score = score
    }

    /// Higher scores first; equal scores by ascending passage number.
    package static func precedes(_ a: ScoredPassage, _ b: ScoredPassage) -> Bool {
        a.score != b.score ? a.score > b.score : a.passage < b.passage
    }
}

/// The best passages of a dense search.
package struct DenseResult: Sendable, Equatable {
    /// Best first. Fewer than the limit only where no other passage is allowed.
    package var passages: [ScoredPassage]
    /// Passages that the filters let through, these included.
    package var allowedCount: Int
    /// True if no passage is left: a search with a higher limit would find the same. A caller that groups passages
    /// into documents, and has too few documents, asks again with a higher limit while this is false.
    package var isComplete: Bool { passages.count == allowedCount }
}
