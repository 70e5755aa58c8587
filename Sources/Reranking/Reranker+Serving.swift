import Inference
package import Ranking
import Tokenizers

// What a server asks of a reranker besides its scores.
extension Reranker {
    /// The sentences of a text, in order; none for a text without tokens.
    package func sentences(of text: String) -> [Passage] {
        let tokenized = crossEncoder.tokenizer.encodeWithOffsets(text)
        let points = CodePoints(text)
        return PassageSplitter.sentences(of: tokenized).map { points.passage(ofBytes: tokenized.sourceRange(of: $0)) }
    }

    package var threads: Int { crossEncoder.pool.threads }
    /// The most tokens that are scored at once.
    package var batchTokenBudget: Int { BatchPlan.tokenBudget(threads: threads) }

    /// Calls `observer` after every batch of this model.
    package func observeBatches(_ observer: @escaping @Sendable (BatchRecord) -> Void) async {
        await crossEncoder.scheduler.observe(observer)
    }
}
