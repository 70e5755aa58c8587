import Foundation
import Resift

/// Whether time grows with the tokens, and memory does not.
enum ScaleBench {
    /// Reranks of `counts` candidates that are cut to `maxTokens`.
    static func run(_ workload: Workload, _ reranker: Reranker, counts: [Int], maxTokens: Int) async throws {
        // Long enough for any window.
        let text = workload.passages.joined(separator: " ")
        let options = RerankOptions(maxTokens: maxTokens)
        for count in counts {
            let documents = [String](repeating: text, count: count)
            let begin = ContinuousClock.now
            let ranking = try await reranker.rerank(workload.query, documents, limit: 10, options: options)
            let milliseconds = begin.duration(to: .now) / .milliseconds(1)
            print(
                "\(count) candidates of \(maxTokens) tokens: \(milliseconds.text) ms,",
                "\((Double(ranking.report.tokens) / milliseconds).text) tokens/ms, peak \(ResiftBench.peakMegabytes().text) MB"
            )
        }
    }
}
