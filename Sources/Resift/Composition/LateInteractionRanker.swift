package import Inference
import Ranking
package import Reranking

extension DocumentRanker {
    /// The late-interaction model whose scores this ranker gives, whatever stands around it: what explains the candidates
    /// of kind `max_sim`. Nil where there is none, and where several could have given such scores: as stages of a cascade,
    /// or one in place of another that fails.
    package var lateInteraction: LateInteractionReranker? {
        switch self {
        case let ranker as LateInteractionReranker: return ranker
        case let ranker as StoredLateInteraction: return ranker.reranker
        case let ranker as CachedRanker: return ranker.ranker.lateInteraction
        case let ranker as FallbackRanker:
            if case .fallBack(let other) = ranker.policy, other.givesMaxSim { return nil }
            return ranker.ranker.lateInteraction
        case let ranker as BoostedRanker: return ranker.ranker.lateInteraction
        case let ranker as Cascade:
            let found = ranker.stages.map(\.ranker).filter(\.givesMaxSim)
            return found.count == 1 ? found[0].lateInteraction : nil
        default: return nil
        }
    }

    /// Whether some candidates can have scores of kind `max_sim`.
    private var givesMaxSim: Bool {
        switch self {
        case is LateInteractionReranker, is StoredLateInteraction: return true
        case let ranker as CachedRanker: return ranker.ranker.givesMaxSim
        case let ranker as FallbackRanker:
            if case .fallBack(let other) = ranker.policy, other.givesMaxSim { return true }
            return ranker.ranker.givesMaxSim
        case let ranker as BoostedRanker: return ranker.ranker.givesMaxSim
        case let ranker as Cascade: return ranker.stages.contains { $0.ranker.givesMaxSim }
        default: return false
        }
    }

    /// The arithmetic of the model on this machine that ranks unless it fails, whatever stands around it; nil for services
    /// and for what is made of several.
    package var precision: Precision? {
        switch self {
        case let ranker as Reranker: ranker.model.precision
        case let ranker as LateInteractionReranker: ranker.encoder.description.precision
        case let ranker as StoredLateInteraction: ranker.reranker.encoder.description.precision
        case let ranker as CachedRanker: ranker.ranker.precision
        case let ranker as FallbackRanker: ranker.ranker.precision
        case let ranker as BoostedRanker: ranker.ranker.precision
        default: nil
        }
    }
}
