import Ranking
import Reranking

/// Finds the sentences of documents that match a query on their own: Cohere's `relevant_spans`.
struct SpanFinder {
    let reranker: Reranker
    let call: RerankCall

    /// The best spans of each candidate, best first; those of equal scores in the order of the text.
    ///
    /// Every sentence is scored as a document of its own.
    func spans(
        of candidates: [Candidate], _ request: RerankCall.SpanRequest
    ) async throws -> [[RerankAnswer.RelevantSpan]] {
        var places: [Int] = []
        var sentences: [Passage] = []
        for (place, candidate) in candidates.enumerated() {
            for sentence in reranker.sentences(of: try candidate.document.text(rankFields: call.options.rankFields)) {
                places.append(place)
                sentences.append(sentence)
            }
        }
        var spans = [[RerankAnswer.RelevantSpan]](repeating: [], count: candidates.count)
        guard !sentences.isEmpty else { return spans }
        var options = call.options
        options.longDocuments = .truncate
        options.minScore = nil
        options.deadline = nil
        options.rankFields = nil
        let ranking = try await reranker.rerank(
            call.query, sentences.map { Document($0.text) }, limit: nil, options: options)
        for candidate in ranking.candidates where candidate.relevance >= request.threshold {
            let place = places[candidate.index]
            guard spans[place].count < request.maxSpans else { continue }
            let sentence = sentences[candidate.index]
            spans[place].append(
                RerankAnswer.RelevantSpan(start: sentence.start, end: sentence.end, score: candidate.relevance))
        }
        return spans
    }
}
