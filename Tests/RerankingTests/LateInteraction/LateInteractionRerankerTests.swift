import Inference
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("Reranking by late interaction")
struct LateInteractionRerankerTests {
    static let families = ["colbert-bert", "colbert-bert-pylate", "colbert-modernbert-pylate"]

    private func reranker(_ family: String, pool: ComputePool = .shared) throws -> LateInteractionReranker {
        LateInteractionReranker(try LateInteractionEncoder.load(directory: Repository.model(family), pool: pool))
    }

    private func documents(_ count: Int, seed: UInt64, longest: Int = 60) -> [Document] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { index in
            Document(Models.wildText(random.int(in: 0...longest), &random), id: "d\(index)")
        }
    }

    @Test("the score of a document is its MaxSim, and the ranking is in order of it", arguments: families)
    func scores(family: String) async throws {
        let reranker = try reranker(family)
        let documents = documents(30, seed: 1)
        let ranking = try await reranker.rerank("old bridge over the river", documents, limit: nil)
        let query = try await reranker.encoder.encode(queries: ["old bridge over the river"])
        let vectors = try await reranker.encoder.encode(documents: documents.map { try $0.text() })
        let expected = try reranker.encoder.maxSim(query: try #require(query.first), documents: vectors)
        #expect(ranking.candidates.count == 30 && ranking.report.documents == 30 && ranking.report.isComplete)
        for candidate in ranking.candidates {
            #expect(candidate.score == expected[candidate.index] && candidate.logit == candidate.score)
            #expect(candidate.scoreKind == .maxSim && candidate.passages == 1)
        }
        #expect(zip(ranking.candidates, ranking.candidates.dropFirst()).allSatisfy(Candidate.precedes))
        let sum = vectors.reduce(try #require(query.first).tokens) { $0 + $1.tokens }
        #expect(ranking.report.tokens == sum && ranking.report.pairs == 30)
    }

    @Test("a score has the same bits alone, in any order, and on any number of threads", arguments: families, [2, 3])
    func deterministic(family: String, threads: Int) async throws {
        let documents = documents(70, seed: 2)
        let one = try await reranker(family, pool: ComputePool(threads: 1)).rerank("city water", documents, limit: nil)
        let pool = ComputePool(threads: threads)
        defer { pool.shutDown() }
        let many = try reranker(family, pool: pool)
        let reversed = try await many.rerank("city water", documents.reversed(), limit: nil)
        #expect(one.candidates.map(\.id) == reversed.candidates.map(\.id))
        #expect(one.candidates.map(\.score.bitPattern) == reversed.candidates.map(\.score.bitPattern))
        let alone = try await many.rerank("city water", [documents[5]], limit: nil)
        #expect(alone.candidates.first?.score == one.candidates.first { $0.index == 5 }?.score)
    }

    @Test("a split document scores as its best passage, and its passages cover it")
    func split() async throws {
        let reranker = try reranker("colbert-bert")
        var random = SeededGenerator(seed: 3)
        let text = (0..<30).map { _ in Models.text(20, &random) + "." }.joined(separator: " ")
        let options = RerankOptions(longDocuments: .split(overlapTokens: 16))
        let split = try await reranker.rerank("solar furniture", [Document(text)], limit: nil, options: options)
        let candidate = try #require(split.candidates.first)
        let passage = try #require(candidate.passage)
        #expect(candidate.passages > 3 && candidate.truncatedTokens == 0)
        let alone = try await reranker.rerank("solar furniture", [Document(passage.text)], limit: nil)
        #expect(alone.candidates.first?.score == candidate.score)
        let cut = try await reranker.rerank("solar furniture", [Document(text)], limit: nil)
        #expect(cut.report.truncatedDocuments == 1 && (cut.candidates.first?.truncatedTokens ?? 0) > 400)
        #expect((cut.candidates.first?.score ?? .infinity) <= candidate.score)

        let first = RerankOptions(longDocuments: .split(overlapTokens: 16), maxPassages: 1)
        let onePassage = try await reranker.rerank("solar furniture", [Document(text)], limit: nil, options: first)
        #expect(onePassage.candidates.first?.passages == 1 && onePassage.report.truncatedDocuments == 1)
    }

    @Test("fewer tokens of a document can be read, and the rest counts as truncated")
    func maxDocumentTokens() async throws {
        let reranker = try reranker("colbert-bert")
        let options = RerankOptions(maxDocumentTokens: 2)
        let cut = try await reranker.rerank("river", ["harbour bridge memory city"], limit: nil, options: options)
        let short = try await reranker.rerank("river", ["harbour bridge"], limit: nil)
        #expect(cut.candidates.first?.score == short.candidates.first?.score)
        #expect(cut.candidates.first?.truncatedTokens == 2)
    }

    @Test("the explanation's similarities add up to the score, and its spans are the tokens", arguments: families)
    func explanation(family: String) async throws {
        let reranker = try reranker(family)
        let query = "  solar bridge 🙂 city"
        let documents: [Document] = ["\n the bridge, of the city!", "", "été 東京 solar"]
        let ranking = try await reranker.rerank(query, documents, limit: nil)
        let explanations = try await reranker.explain(query, documents)
        #expect(explanations.count == 3)
        for candidate in ranking.candidates {
            let matches = try #require(explanations[candidate.index])
            #expect(matches.count == 32)
            let sum = matches.reduce(0.0) { $0 + Double($1.similarity) }
            #expect(abs(sum - Double(candidate.score)) < 1e-4)
            let text = Array(try candidate.document.text().unicodeScalars)
            for token in matches.compactMap(\.documentToken) {
                #expect(token.text.unicodeScalars.elementsEqual(text[token.start..<token.end]))
            }
            let scalars = Array(query.unicodeScalars)
            let words = matches.compactMap(\.queryToken)
            #expect(!words.isEmpty && words.count < 30)
            for token in words { #expect(token.text.unicodeScalars.elementsEqual(scalars[token.start..<token.end])) }
        }
    }

    @Test("the explanation of a split document is its best passage's")
    func explanationOfPassage() async throws {
        let reranker = try reranker("colbert-bert-pylate")
        var random = SeededGenerator(seed: 4)
        let document = Document((0..<25).map { _ in Models.text(20, &random) + "." }.joined(separator: " "))
        let options = RerankOptions(longDocuments: .split())
        let ranking = try await reranker.rerank("river memory", [document], limit: nil, options: options)
        let candidate = try #require(ranking.candidates.first)
        let passage = try #require(candidate.passage)
        let explanations = try await reranker.explain("river memory", [document], options: options)
        let matches = try #require(explanations.first ?? nil)
        #expect(abs(matches.reduce(0.0) { $0 + Double($1.similarity) } - Double(candidate.score)) < 1e-4)
        for token in matches.compactMap(\.documentToken) {
            #expect(token.start >= passage.start && token.end <= passage.end)
        }
    }

    @Test("documents are explained alike alone and among others; what a deadline leaves is not explained, and no error")
    func explanationInTime() async throws {
        let reranker = try reranker("colbert-bert")
        let documents = documents(20, seed: 8)
        let all = try await reranker.explain("river city", documents)
        #expect(all.count == 20 && !all.contains(nil))
        for index in [0, 7, 8, 19] {
            let alone = try await reranker.explain("river city", [documents[index]])
            #expect(alone == [all[index]])
        }
        let inTime = try await reranker.explain(
            "river city", documents, options: RerankOptions(deadline: .seconds(600)))
        #expect(inTime == all)
        let late = try await reranker.explain(
            "river city", documents, options: RerankOptions(deadline: .nanoseconds(1)))
        #expect(late == [[TokenMatch]?](repeating: nil, count: 20))
    }

    @Test("what a deadline leaves without a score follows behind, in the order given")
    func deadline() async throws {
        let reranker = try reranker("colbert-bert")
        let documents = documents(40, seed: 5)
        let late = try await reranker.rerank(
            "river", documents, limit: nil, options: RerankOptions(deadline: .nanoseconds(1)))
        #expect(late.candidates.map(\.index) == Array(0..<40) && late.candidates.allSatisfy { !$0.isScored })
        #expect(late.report.unscoredDocuments == 40 && !late.report.isComplete)
        let inTime = try await reranker.rerank(
            "river", documents, limit: nil, options: RerankOptions(deadline: .seconds(600)))
        let all = try await reranker.rerank("river", documents, limit: nil)
        #expect(inTime.candidates.map(\.score) == all.candidates.map(\.score) && inTime.report.isComplete)
    }

    @Test("minimum, limit and progress work as for other rerankers")
    func selection() async throws {
        let reranker = try reranker("colbert-bert")
        let documents = documents(20, seed: 6)
        let all = try await reranker.rerank("tree", documents, limit: nil)
        let middle = all.candidates[9].score
        let best = try await reranker.rerank("tree", documents, limit: 3, options: RerankOptions(minScore: middle))
        #expect(best.candidates.map(\.index) == all.candidates.prefix(3).map(\.index))
        #expect(best.report.belowMinScore == 10)
        let steps = Monitor<[Int]>([])
        _ = try await reranker.rerank(
            "tree", documents, limit: nil,
            options: RerankOptions(progress: { progress in steps.withLock { $0.append(progress.scoredPairs) } }))
        #expect(steps.withLock { $0.last } == 20)
    }

    private static let refused: [RerankOptions] = [
        RerankOptions(truncation: .longestFirst), RerankOptions(instruction: "x"), RerankOptions(maxTokens: 64),
        RerankOptions(activation: .sigmoid), RerankOptions(label: 0), RerankOptions(maxDocumentTokens: 0),
        RerankOptions(maxPassages: 0), RerankOptions(maxTotalTokens: 3), RerankOptions(deadline: .zero),
        RerankOptions(minScore: .nan), RerankOptions(maxDocumentBytes: 2),
    ]

    @Test("an option that late interaction cannot obey is an error", arguments: refused.indices)
    func refusedOptions(index: Int) async throws {
        let reranker = try reranker("colbert-bert")
        let error = await #expect(throws: RankingError.self) {
            try await reranker.rerank("river", ["harbour bridge"], limit: nil, options: Self.refused[index])
        }
        #expect(error?.code == .invalidInput)
    }

    @Test("an empty query, no documents, and a long document that is to be refused are errors")
    func refusedInput() async throws {
        let reranker = try reranker("colbert-bert")
        var random = SeededGenerator(seed: 7)
        let long = Document(Models.text(300, &random))
        for (query, documents) in [(" ", ["a"]), ("river", []), ("river", ["a", long])] as [(String, [Document])] {
            let error = await #expect(throws: RankingError.self) {
                try await reranker.rerank(
                    query, documents, limit: nil, options: RerankOptions(longDocuments: .refuse))
            }
            #expect(error?.code == .invalidInput)
        }
    }
}
