import OrderedJSON
import Ranking
import Reranking
import Resift
import Retrieval
import Testing

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite("Keyword boost and recency decay")
struct BoostTests {
    private func dated(_ text: String, _ date: JSONValue?) -> Document {
        var fields = JSONObject()
        fields["text"] = .string(text)
        if let date { fields["created_at"] = date }
        return Document(fields: fields)
    }

    @Test("a keyword that query and document have raises the logit once, and is named")
    func keyword() async throws {
        let boost = try KeywordBoost([.init("X-200", weight: 1.5), .init("GDPR", weight: 1)])
        let flat = ScriptedRanker("flat") { $0.contains("beta") ? 1 : 0 }
        let ranker = BoostedRanker(flat, boosts: [boost])
        let documents = [Document("alpha x-200 and X-200"), Document("beta"), Document("gdpr for alpha")]
        let ranking = try await ranker.rerank("does the x-200 fit?", documents, limit: nil)
        #expect(ranking.candidates.map(\.index) == [0, 1, 2])
        #expect(ranking.candidates.map(\.score) == [1.5, 1, 0])
        #expect(ranking.candidates[0].additions == [.init(rule: "keywords", value: 1.5, reason: "X-200")])
        #expect(ranking.candidates[0].logit == 0)
        #expect(ranking.candidates[2].additions.isEmpty)
    }

    @Test("a keyword of several words has to stand in a row; weights add up; a query need not have it")
    func phrase() throws {
        let boost = try KeywordBoost(
            [.init("notice period", weight: 1), .init("annual", weight: -0.5)], onlyIfInQuery: false)
        func value(_ text: String) -> Double? {
            boost.addition(query: "q", document: Document(text), text: text)?.value
        }
        #expect(value("the Notice Period is annual") == 0.5)
        #expect(value("period of notice") == nil)
        #expect(value("notice") == nil)
        let english = try KeywordBoost([.init("refunds")], onlyIfInQuery: false, analyzer: .english)
        #expect(english.addition(query: "q", document: Document("x"), text: "a refund")?.value == 1)
    }

    @Test("a relevance p becomes p e^a / (1 - p + p e^a)")
    func relevance() async throws {
        let boost = try KeywordBoost([.init("b", weight: 2)], onlyIfInQuery: false)
        let ranker = BoostedRanker(
            ScriptedRanker("p", kind: .normalizedRelevance) { ["a": 0.9, "b": 0.75, "c": 1, "d": 0, "e": 0.5][$0] },
            boosts: [boost])
        let ranking = try await ranker.rerank("q", letters, limit: nil)
        #expect(ranking.order == "cbaed")
        let e2 = 7.38905609893065
        #expect(abs(Double(ranking.candidates[1].score) - 0.75 * e2 / (0.25 + 0.75 * e2)) < 1e-7)
        #expect(ranking.candidates[1].scoreKind == .normalizedRelevance)
    }

    @Test("an addition to an order is refused")
    func order() async throws {
        let ranker = BoostedRanker(ScriptedRanker("o", kind: .rank) { _ in 1 }, boosts: [])
        await #expect(throws: RankingError.self) { try await ranker.rerank("q", letters, limit: nil) }
    }

    @Test("minimum score and limit are of the sum; what has no score gets nothing")
    func minScore() async throws {
        let boost = try KeywordBoost([.init("b", weight: 2), .init("c", weight: 2)], onlyIfInQuery: false)
        let inner = ScriptedRanker("i") { ["a": 1, "b": 0, "d": 0][$0] }
        let ranker = BoostedRanker(inner, boosts: [boost])
        let ranking = try await ranker.rerank("q", letters, limit: nil)
        #expect(ranking.order == "badce")
        #expect(ranking.report.unscoredDocuments == 2)
        let good = try await ranker.rerank("q", letters, limit: 1, options: .init(minScore: 0.5))
        #expect(good.order == "b")
        #expect(good.report.belowMinScore == 1)
    }

    @Test("behind a cascade documents move among those of the same stage")
    func cascade() async throws {
        let boost = try KeywordBoost([.init("b", weight: 100), .init("d", weight: 100)], onlyIfInQuery: false)
        let cascade = try Cascade([
            .init(ScriptedRanker.preferring("abcde", name: "1"), keep: 2),
            .init(ScriptedRanker.preferring("ab", name: "2")),
        ])
        let ranker = BoostedRanker(cascade, boosts: [boost])
        let ranking = try await ranker.rerank("q", letters, limit: nil)
        #expect(ranking.order == "badce")
        let good = try await ranker.rerank("q", letters, limit: nil, options: .init(minScore: 50))
        #expect(good.order == "b")
        #expect(good.report.belowMinScore == 4)
    }

    @Test("recency: the whole weight today, half of it after a half-life, nothing without a date")
    func recency() throws {
        let now = Date(timeIntervalSince1970: 1_767_225_600)  // 2026-01-01
        let decay = try RecencyDecay(field: "created_at", halfLife: .seconds(86_400 * 30), weight: 2, now: now)
        func addition(_ date: JSONValue?) -> ScoreAddition? {
            decay.addition(query: "q", document: dated("t", date), text: "t")
        }
        #expect(addition(.string("2026-01-01"))?.value == 2)
        #expect(addition(.string("2025-12-02"))?.value == 1)
        #expect(addition(.string("2025-11-02T00:00:00Z"))?.value == 0.5)
        #expect(addition(.string("2030-01-01"))?.value == 2)
        #expect(addition(.number(JSONNumber(1_767_225_600 - 86_400 * 30)))?.value == 1)
        #expect(addition(.string("2025-12-02"))?.reason == "created_at is 30.0 days ago")
        for nothing in [nil, .string("soon"), .null] as [JSONValue?] {
            #expect(addition(nothing) == ScoreAddition(rule: "recency", value: 0, reason: "no date in \"created_at\""))
        }
        #expect(decay.addition(query: "q", document: Document("t"), text: "t")?.value == 0)
    }

    @Test("weights and half-lives that cannot be used are refused")
    func refused() {
        #expect(throws: RankingError.self) { try KeywordBoost([.init("--")]) }
        #expect(throws: RankingError.self) { try KeywordBoost([.init("a", weight: .nan)]) }
        #expect(throws: RankingError.self) { try RecencyDecay(field: "d", halfLife: .zero) }
        #expect(throws: RankingError.self) { try RecencyDecay(field: "d", halfLife: .seconds(1), weight: .infinity) }
    }
}
