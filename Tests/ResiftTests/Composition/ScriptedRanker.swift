import Ranking
import Reranking
import Synchronization

/// A ranker whose scores a test writes down, and that remembers what it was asked.
final class ScriptedRanker: DocumentRanker {
    struct Call: Sendable {
        var texts: [String]
        var options: RerankOptions
    }

    let name: String
    private let kind: ScoreKind
    /// The score of a text; nil leaves the document unscored.
    private let score: @Sendable (String) throws -> Float?
    private let wait: Duration
    private let seen = Mutex<[Call]>([])

    var calls: [Call] { seen.withLock { $0 } }

    init(
        _ name: String, kind: ScoreKind = .logit, wait: Duration = .zero,
        score: @escaping @Sendable (String) throws -> Float?
    ) {
        self.name = name
        self.kind = kind
        self.wait = wait
        self.score = score
    }

    func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let texts = try documents.map { try $0.text() }
        seen.withLock { $0.append(Call(texts: texts, options: options)) }
        try await Task.sleep(for: wait)
        var candidates: [Candidate] = []
        for (index, document) in documents.enumerated() {
            if let score = try score(texts[index]) {
                candidates.append(
                    Candidate(document: document, index: index, score: score, scoreKind: kind, logit: score, tokens: 10)
                )
            } else {
                candidates.append(Candidate(unscored: document, index: index))
            }
        }
        let unscored = candidates.count { !$0.isScored }
        if let minScore = options.minScore { candidates.removeAll { !$0.isScored || $0.score < minScore } }
        candidates.sort(by: Candidate.precedes)
        return DocumentRanking(
            candidates: Array(candidates.prefix(limit ?? .max)),
            report: RerankReport(
                model: name, documents: documents.count, unscoredDocuments: unscored, pairs: documents.count - unscored,
                tokens: 10 * (documents.count - unscored), inferenceMilliseconds: 1, totalMilliseconds: 1,
                usage: ServiceUsage(requests: 1, inputTokens: 5)))
    }
}

extension ScriptedRanker {
    /// Scores by place in a string: the first letter is the best.
    static func preferring(_ order: String, name: String) -> ScriptedRanker {
        ScriptedRanker(name) { text in order.firstIndex(of: Character(text)).map { -Float(order[..<$0].count) } }
    }

    static func failing(_ error: any Error, name: String = "broken") -> ScriptedRanker {
        ScriptedRanker(name) { _ in throw error }
    }
}

let letters = ["a", "b", "c", "d", "e"].map { Document($0) }

extension DocumentRanking {
    /// The order, of documents of one letter.
    var order: String { candidates.compactMap { try? $0.document.text() }.joined() }
}
