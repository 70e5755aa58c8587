import Ranking
import Synchronization
import TestSupport
import Testing

@testable import Reranking

@Suite("Any ranker can have a cache")
struct CachedRankerTests {
    /// A service: the score is the length of the text, and every request is written down.
    private final class Service: DocumentRanker {
        let name: String
        let requests = Mutex<[[String]]>([])
        let failures = Mutex(0)
        /// While it is above 0 requests wait.
        let held = Atomic<Bool>(false)

        init(_ name: String = "cohere:rerank-v3.5") { self.name = name }

        func rerank(
            _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
        ) async throws -> DocumentRanking {
            let texts = try documents.map { try $0.text(rankFields: options.rankFields) }
            requests.withLock { $0.append(texts) }
            while held.load(ordering: .relaxed) { try await Task.sleep(for: .milliseconds(1)) }
            let fails = failures.withLock { failures in
                defer { failures = max(0, failures - 1) }
                return failures > 0
            }
            if fails { throw RankingError(.unreachable, what: "It hung up.", why: "", fix: "") }
            let candidates = documents.enumerated().map { index, document in
                Candidate(
                    document: document, index: index, score: Float(texts[index].utf8.count) / 7,
                    scoreKind: .normalizedRelevance,
                    passage: texts[index].hasPrefix("p") ? Passage(start: 0, end: 1, text: "p") : nil,
                    logit: Float(texts[index].utf8.count), tokens: 3, passages: 2, truncatedTokens: index)
            }
            var ranking = DocumentRanking(
                candidates: candidates,
                report: RerankReport(
                    model: "served-model", documents: documents.count, pairs: documents.count, inferenceMilliseconds: 1,
                    totalMilliseconds: 1, usage: ServiceUsage(requests: 1)))
            ranking.sort(limit: limit, minScore: options.minScore)
            return ranking
        }

        var asked: [[String]] { requests.withLock { $0 } }
    }

    private func ranker(
        _ service: Service, _ configuration: String = "", _ scoring: CachedRanker.Scoring = .pointwise,
        in cache: any ScoreCache
    ) -> CachedRanker { CachedRanker(service, configuration: configuration, scoring: scoring, in: cache) }

    private func same(_ a: DocumentRanking, _ b: DocumentRanking) -> Bool {
        func fields(_ candidate: Candidate) -> String {
            "\(candidate.index) \(candidate.score.bitPattern) \(candidate.scoreKind) \(candidate.logit.bitPattern) "
                + "\(String(describing: candidate.passage)) \(candidate.tokens) \(candidate.passages) "
                + "\(candidate.truncatedTokens) \(candidate.document)"
        }
        return a.candidates.map(fields) == b.candidates.map(fields)
    }

    @Test("what is known is not asked for again, and the answer is the same")
    func hits() async throws {
        let (service, plain) = (Service(), Service())
        let ranker = ranker(service, in: MemoryScoreCache(maxBytes: 1 << 20))
        let documents = ["ppp", "bb", "", "aaaaaaa"].map { Document($0, id: "id \($0)") }
        let expected = try await plain.rerank("q", documents, limit: nil)
        let first = try await ranker.rerank("q", documents, limit: nil)
        #expect(same(first, expected))
        #expect(first.report.usage?.requests == 1)
        let second = try await ranker.rerank("q", documents, limit: nil)
        #expect(same(second, expected))
        #expect(second.report.cacheHits == 4)
        #expect(second.report.usage == nil)
        #expect(service.asked.count == 1)
        // Only what is new is sent, and limit and minScore are about the whole answer.
        let options = RerankOptions(minScore: 0.2)
        let third = try await ranker.rerank("q", documents + ["cc", "bb"], limit: 3, options: options)
        #expect(third.candidates.map(\.index) == [3, 0, 1])
        #expect(third.report.belowMinScore == 1)
        #expect(service.asked.last == ["cc"])
    }

    @Test("a score's key has the ranker, its configuration, and every option that can change it")
    func keys() async throws {
        let cache = MemoryScoreCache(maxBytes: 1 << 20)
        let fields = Document(title: "t", text: "d")
        var asked = 0
        func isNew(
            _ name: String = "a", _ configuration: String = "1", query: String = "q", _ document: Document = "d",
            _ options: RerankOptions = RerankOptions()
        ) async throws -> Bool {
            let service = Service(name)
            let ranker = ranker(service, configuration, in: cache)
            _ = try await ranker.rerank(query, [document], limit: nil, options: options)
            asked += service.asked.count
            return !service.asked.isEmpty
        }
        #expect(try await isNew())
        #expect(try await isNew() == false)
        #expect(try await isNew("b"))
        #expect(try await isNew("a", "2"))
        #expect(try await isNew(query: "q2"))
        #expect(try await isNew("a", "1", query: "q", "d2"))
        #expect(try await isNew("a", "1", query: "q", fields))
        for options in [
            RerankOptions(longDocuments: .split()), RerankOptions(truncation: .onlySecond),
            RerankOptions(instruction: ""), RerankOptions(instruction: "i"), RerankOptions(maxTokens: 9),
            RerankOptions(maxDocumentTokens: 9), RerankOptions(maxPassages: 9), RerankOptions(rankFields: ["x"]),
            RerankOptions(activation: .sigmoid),
            RerankOptions(calibration: .platt(PlattScaling(slope: 1, intercept: 0))),
            RerankOptions(label: 1),
        ] {
            #expect(try await isNew("a", "1", query: "q", "d", options), "\(options)")
            #expect(try await isNew("a", "1", query: "q", "d", options) == false, "\(options)")
        }
        // Who asks, and what is left out of the answer, changes no score; nor does the document's id.
        let same = RerankOptions(minScore: -1, client: "c", maxWait: .seconds(1))
        #expect(try await isNew("a", "1", query: "q", Document("d", id: "x"), same) == false)
    }

    @Test("equal calls at once are one request; if it fails, one of those who waited asks", arguments: [0, 1, 3])
    func singleFlight(failures: Int) async throws {
        let service = Service()
        service.held.store(true, ordering: .relaxed)
        service.failures.withLock { $0 = failures }
        let ranker = ranker(service, in: MemoryScoreCache(maxBytes: 1 << 20))
        let calls = (0..<20).map { _ in
            Task { try await ranker.rerank("q", ["a", "bb", "a"], limit: nil).candidates.map(\.index) }
        }
        while service.asked.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        try await Task.sleep(for: .milliseconds(50))
        #expect(service.asked.count == 1)
        service.held.store(false, ordering: .relaxed)
        var failed = 0
        for call in calls {
            do {
                #expect(try await call.value == [1, 0, 2])
            } catch {
                failed += 1
            }
        }
        #expect(failed == failures)
        #expect(service.asked.count == failures + 1)
        #expect(service.asked.allSatisfy { $0 == ["a", "bb"] })
    }

    @Test("who is cancelled, or late, waits for nobody, and takes nobody along")
    func cancellation() async throws {
        let service = Service()
        service.held.store(true, ordering: .relaxed)
        let ranker = ranker(service, in: MemoryScoreCache(maxBytes: 1 << 20))
        let leader = Task { try await ranker.rerank("q", ["a"], limit: nil) }
        while service.asked.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        let follower = Task { try await ranker.rerank("q", ["a"], limit: nil) }
        let cancelled = Task { try await ranker.rerank("q", ["a"], limit: nil) }
        let late = try await ranker.rerank("q", ["a"], limit: nil, options: RerankOptions(deadline: .milliseconds(20)))
        #expect(late.candidates.map(\.isScored) == [false])
        #expect(late.report.unscoredDocuments == 1)
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        leader.cancel()
        await #expect(throws: CancellationError.self) { try await leader.value }
        service.held.store(false, ordering: .relaxed)
        #expect(try await follower.value.candidates.map(\.isScored) == [true])
        #expect(service.asked.count == 2)
    }

    @Test("a ranker that compares documents is asked again for every other list, and for the list in another order")
    func listwise() async throws {
        let service = Service()
        let ranker = ranker(service, "", .listwise, in: MemoryScoreCache(maxBytes: 1 << 20))
        for (documents, requests) in [
            (["a", "bb"], 1), (["a", "bb"], 1), (["bb", "a"], 2), (["a", "bb", "c"], 3), (["a"], 4), (["a", "a"], 5),
            (["a", "bb", "c"], 5),
        ] {
            let ranking = try await ranker.rerank("q", documents.map { Document($0) }, limit: nil)
            #expect(ranking.candidates.count == documents.count)
            #expect(service.asked.count == requests)
        }
    }

    @Test("a local model gives the same scores through it", arguments: [nil, 2] as [Int?])
    func local(limit: Int?) async throws {
        let model = try Models.plain()
        let ranker = CachedRanker(model, configuration: "", in: MemoryScoreCache(maxBytes: 1 << 20))
        let documents: [Document] = ["water under the bridge", "the council's budget", "", "a lighthouse"]
        let options = RerankOptions(longDocuments: .split(overlapTokens: 2), maxTokens: 12)
        let expected = try await model.rerank("the river bridge", documents, limit: limit, options: options)
        for _ in 0..<2 {
            let ranking = try await ranker.rerank("the river bridge", documents, limit: limit, options: options)
            #expect(same(ranking, expected))
        }
    }
}
