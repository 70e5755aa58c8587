import Ranking
package import Reranking

extension DocumentRanker {
    /// The late-interaction model whose scores this ranker gives, whatever stands around it: what explains the candidates
    /// of kind `max_sim`. Nil where there is none, or more than one.
    package var lateInteraction: LateInteractionReranker? {
        switch self {
        case let ranker as LateInteractionReranker: return ranker
        case let ranker as StoredLateInteraction: return ranker.reranker
        case let ranker as CachedRanker: return ranker.ranker.lateInteraction
        case let ranker as FallbackRanker: return ranker.ranker.lateInteraction
        case let ranker as BoostedRanker: return ranker.ranker.lateInteraction
        case let ranker as Cascade:
            let found = ranker.stages.compactMap(\.ranker.lateInteraction)
            return found.count == 1 ? found[0] : nil
        default: return nil
        }
    }
}
