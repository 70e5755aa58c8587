import Inference
public import Ranking

extension LateInteractionReranker {
    /// For each document, the nearest of its tokens to each token of the query, in the query's order: the sum of their
    /// similarities is the document's score. Of a document that is split, its best passage's.
    ///
    /// Documents are encoded again, in the order given; nil for those that the deadline left no time for.
    public func explain(
        _ query: String, _ documents: [Document], options: RerankOptions = RerankOptions()
    ) async throws -> [[TokenMatch]?] {
        let begin = ContinuousClock.now
        try RerankInput.check(query, documents, options)
        let planner = try PassagePlanner(encoder.sequencer, options)
        let deadline = options.deadline.map { begin + $0 }
        let texts = try options.texts(of: documents)
        var explanations = [[TokenMatch]?](repeating: nil, count: documents.count)
        do {
            let vectors = try await encoder.encode(query: query, until: deadline)
            let maxSim = encoder.maxSim(for: vectors)
            for start in stride(from: 0, to: documents.count, by: Self.blockDocumentsInTime) {
                let block = start..<min(start + Self.blockDocumentsInTime, documents.count)
                let plans = try await plans(block, documents, texts, planner, until: deadline)
                let passages = try await encoder.vectors(
                    of: plans.flatMap { $0.passages.map(\.sequence) }, until: deadline)
                let matches = try await encoder.pool.run(until: deadline) { lane in
                    var rest = passages[...]
                    return zip(block, plans).map { index, plan in
                        let own = Array(rest.prefix(plan.passages.count))
                        rest = rest.dropFirst(plan.passages.count)
                        let best = ScoredDocument.best(encoder.scores(of: own, maxSim, on: lane))
                        return TokenMatch.matches(vectors, in: query, own[best], in: texts[index])
                    }
                }
                for (index, own) in zip(block, matches) { explanations[index] = own }
            }
        } catch let error as CancellationError {
            // Not the task's: the deadline's.
            try Task.checkCancellation()
            if deadline == nil { throw error }
        }
        return explanations
    }

    /// Which tokens the candidates of a ranking matched that this model scored, the first `limit` of them; nil for each
    /// other candidate.
    package func explain(
        _ query: String, _ ranking: DocumentRanking, limit: Int, options: RerankOptions
    ) async throws -> [[TokenMatch]?] {
        var explanations = [[TokenMatch]?](repeating: nil, count: ranking.candidates.count)
        // What ranked in its place may be of the same kind.
        guard !ranking.report.failures.contains(where: { $0.ranker == name }) else { return explanations }
        let places = ranking.candidates.indices.filter { ranking.candidates[$0].scoreKind == .maxSim }.prefix(limit)
        guard !places.isEmpty else { return explanations }
        let found = try await explain(query, places.map { ranking.candidates[$0].document }, options: options)
        for (place, matches) in zip(places, found) { explanations[place] = matches }
        return explanations
    }
}

extension TokenMatch {
    /// Of equal similarities, the first token's.
    fileprivate static func matches(
        _ query: TokenVectors, in queryText: String, _ document: TokenVectors, in documentText: String
    ) -> [TokenMatch] {
        let (queryPoints, documentPoints) = (CodePoints(queryText), CodePoints(documentText))
        let width = query.dimension
        return (0..<query.count).map { token in
            var (best, largest) = (0, -Double.infinity)
            for other in 0..<document.count {
                var product = 0.0
                for place in 0..<width {
                    product +=
                        Double(query.values[token * width + place])
                        * Double(document.values[other * width + place])
                }
                if product > largest { (best, largest) = (other, product) }
            }
            return TokenMatch(
                queryToken: query.sources[token].map { queryPoints.passage(ofBytes: $0) },
                documentToken: document.sources[best].map { documentPoints.passage(ofBytes: $0) },
                similarity: Float(largest))
        }
    }
}
