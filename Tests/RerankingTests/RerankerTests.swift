import Inference
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing

@Suite("Documents are ranked by their scores")
struct RerankerTests {
    private let query = "river temperature"
    private let texts = [
        "water budget", "river temperature", "the river is cold", "council election", "", "lighthouse harbour city",
    ]

    @Test("scores come in the order of the documents, candidates best first, and both agree")
    func order() async throws {
        let reranker = try Models.plain()
        let scores = try await reranker.scores(query, texts)
        let ranking = try await reranker.rerank(query, texts)
        #expect(scores.count == texts.count)
        #expect(ranking.candidates.map(\.index) == scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) })
        #expect(ranking.candidates.map(\.score) == scores.sorted(by: >))
        #expect(ranking.candidates.map(\.document) == ranking.candidates.map { Document(texts[$0.index]) })
        #expect(Set(scores).count == texts.count)
    }

    @Test("limit keeps the best; the default is 10, nil keeps all, and more than there are is no error")
    func limit() async throws {
        let reranker = try Models.plain()
        let many = texts + texts.map { $0 + " tree" }
        let all = try await reranker.rerank(query, many, limit: nil).candidates.map(\.index)
        #expect(all.count == 12)
        #expect(try await reranker.rerank(query, many).candidates.map(\.index) == Array(all.prefix(10)))
        #expect(try await reranker.rerank(query, many, limit: 1).candidates.map(\.index) == [all[0]])
        let ranking = try await reranker.rerank(query, many, limit: 100)
        #expect(ranking.candidates.count == 12)
        #expect(try await reranker.rerank(query, many, limit: 3).report.documents == 12)
    }

    @Test("what scores below the minimum is left out and counted; the minimum itself stays")
    func minScore() async throws {
        let reranker = try Models.plain()
        let sorted = try await reranker.scores(query, texts).sorted(by: >)
        let ranking = try await reranker.rerank(query, texts, options: RerankOptions(minScore: sorted[2]))
        #expect(ranking.candidates.map(\.score) == Array(sorted.prefix(3)))
        #expect(ranking.report.belowMinScore == 3)
        #expect(ranking.report.documents == 6)
        let none = try await reranker.rerank(query, texts, options: RerankOptions(minScore: .infinity))
        #expect(none.candidates.isEmpty && none.report.belowMinScore == 6)
        // Of six documents five are above the minimum, and two of those are asked for.
        let both = try await reranker.rerank(query, texts, limit: 2, options: RerankOptions(minScore: sorted[4]))
        #expect(both.candidates.map(\.score) == Array(sorted.prefix(2)))
        #expect(both.report.belowMinScore == 1)
        #expect(try await reranker.scores(query, texts, options: RerankOptions(minScore: .infinity)).count == 6)
    }

    @Test("equal scores are ordered by id in byte order, without an id last and by position")
    func ties() async throws {
        let ids = [nil, "b", "a", nil, "10", "9"]
        let documents = ids.map { Document("water", id: $0) }
        let ranking = try await Models.plain().rerank(query, documents)
        #expect(ranking.candidates.map(\.id) == ["10", "9", "a", "b", nil, nil])
        #expect(ranking.candidates.suffix(2).map(\.index) == [0, 3])
    }

    @Test("an empty document is scored like any other: query, and nothing in the passage's place")
    func emptyDocument() async throws {
        let reranker = try Models.plain()
        let encoder = try CrossEncoder.load(directory: Repository.model("bert-cross-encoder"), precision: .fp32)
        let expected = try await encoder.logits(of: [(query, "")])
        #expect(try await reranker.scores(query, [""]) == [expected[0][0]])
        let candidate = try #require(try await reranker.rerank(query, [""]).candidates.first)
        // [CLS] river temperature [SEP] [SEP].
        #expect(candidate.tokens == 5)
        #expect(candidate.truncatedTokens == 0)
        #expect(try await reranker.scores(query, ["", " ", "\n"]).allSatisfy { $0 == expected[0][0] })
    }

    @Test(
        "an empty query is an error, and so is one of nothing but white space",
        arguments: ["", " ", "\n\t\u{3000}\u{A0}"])
    func emptyQuery(query: String) async throws {
        let reranker = try Models.plain()
        let error = await #expect(throws: RankingError.self) { try await reranker.rerank(query, ["a"]) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "The query is empty.")
        await #expect(throws: RankingError.self) { try await reranker.scores(query, ["a"]) }
    }

    @Test("no documents are an error")
    func noDocuments() async throws {
        let reranker = try Models.plain()
        let error = await #expect(throws: RankingError.self) { try await reranker.rerank(query, [String]()) }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "There are no documents.")
    }

    @Test("options outside their range are errors that say which")
    func options() async throws {
        let reranker = try Models.plain()
        func refusal(limit: Int? = 10, _ options: RerankOptions = RerankOptions()) async -> String? {
            let error = await #expect(throws: RankingError.self) {
                try await reranker.rerank(query, texts, limit: limit, options: options)
            }
            #expect(error?.code == .invalidInput)
            return error?.what
        }
        #expect(await refusal(limit: 0) == "limit is 0.")
        #expect(await refusal(limit: -3) == "limit is -3.")
        #expect(await refusal(RerankOptions(minScore: .nan)) == "The minimum score is not a number.")
        #expect(
            await refusal(RerankOptions(longDocuments: .split(overlapTokens: -1)))
                == "Passages are to overlap by -1 tokens.")
        #expect(
            await refusal(RerankOptions(maxTokens: 4)) == "A window of 4 tokens has no room for a query and a document."
        )
        #expect(
            await refusal(RerankOptions(maxTokens: 0)) == "A window of 0 tokens has no room for a query and a document."
        )
        #expect(await refusal(RerankOptions(label: 1)) == "There is no label 1.")
        #expect(await refusal(RerankOptions(label: -1)) == "There is no label -1.")
        #expect(try await reranker.scores(query, texts, options: RerankOptions(maxTokens: 5)).count == 6)
    }

    @Test("a window larger than the model's own is the model's own")
    func largeWindow() async throws {
        var random = SeededGenerator(seed: 1)
        let long = Models.text(600, &random)
        let ranking = try await Models.plain().rerank(query, [long], options: RerankOptions(maxTokens: 100_000))
        // 512 - 3 special - 2 of the query = 507 of 600.
        #expect(ranking.candidates[0].tokens == 512)
        #expect(ranking.candidates[0].truncatedTokens == 600 - 507)
    }

    @Test("rank fields choose what is read of an object, and a document with none of them is an error that names it")
    func rankFields() async throws {
        let reranker = try Models.plain()
        let fields = try JSONObject(
            parsing: #"{"id": "d", "title": "river", "text": "temperature", "place": "harbour"}"#)
        let document = Document(fields: fields)
        let texts = ["river temperature", "place: harbour\ntitle: river"]
        let expected = try await reranker.scores(query, texts)
        #expect(try await reranker.scores(query, [document]) == [expected[0]])
        let options = RerankOptions(rankFields: ["place", "title"])
        #expect(try await reranker.scores(query, [document], options: options) == [expected[1]])
        let error = await #expect(throws: RankingError.self) {
            try await reranker.rerank(query, ["plain", document], options: RerankOptions(rankFields: ["author"]))
        }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "A document (id \"d\") has none of the fields author.")
    }

    @Test("a model with several labels needs one to be named; the activation is over all of them")
    func labels() async throws {
        let reranker = try Models.load("bert-cross-encoder-3-labels")
        let encoder = try CrossEncoder.load(
            directory: Repository.model("bert-cross-encoder-3-labels"), precision: .fp32)
        let missing = await #expect(throws: RankingError.self) { try await reranker.rerank(query, texts) }
        #expect(missing?.code == .unsupportedModel)
        #expect(missing?.fix == "Name the label by its number, 0 to 2.")
        let outside = await #expect(throws: RankingError.self) {
            try await reranker.rerank(query, texts, options: RerankOptions(label: 3))
        }
        #expect(outside?.code == .invalidInput)
        let logits = try await encoder.logits(of: texts.map { (query, $0) })
        for label in 0..<3 {
            #expect(
                try await reranker.scores(query, texts, options: RerankOptions(label: label))
                    == logits.map { $0[label] })
            let options = RerankOptions(activation: .softmax, label: label)
            let softmax = try await reranker.rerank(query, texts, limit: nil, options: options)
            for candidate in softmax.candidates {
                #expect(candidate.score == ScoreActivation.softmax(logits[candidate.index])[label])
                #expect(candidate.logit == logits[candidate.index][label])
                #expect(candidate.scoreKind == .normalizedRelevance)
            }
        }
    }

    @Test("the model's own activation makes the score, and an option replaces it")
    func activation() async throws {
        let reranker = try Models.load("bert-cross-encoder-sigmoid")
        let candidate = try #require(try await reranker.rerank(query, ["water"]).candidates.first)
        #expect(candidate.scoreKind == .normalizedRelevance)
        #expect(candidate.score == ScoreActivation.sigmoid([candidate.logit])[0])
        let raw = try await reranker.rerank(query, ["water"], options: RerankOptions(activation: .identity)).candidates[
            0]
        #expect(raw.scoreKind == .logit)
        #expect(raw.score == candidate.logit)
    }

    @Test("the report counts pairs and tokens, and names the model, kernels and threads")
    func report() async throws {
        let reranker = try Models.plain()
        let ranking = try await reranker.rerank(query, ["water", "water budget"], limit: 1)
        // [CLS] river temperature [SEP] water [SEP] is 6 tokens, and one more for budget.
        #expect(ranking.report.tokens == 6 + 7)
        #expect(ranking.report.pairs == 2)
        #expect(ranking.report.truncatedDocuments == 0)
        #expect(ranking.report.truncatedQueryTokens == 0)
        #expect(ranking.report.compute?.kernels == reranker.model.kernels)
        #expect(ranking.report.compute?.precision == .fp32)
        #expect(ranking.report.model == reranker.model.name)
        let threads = try #require(ranking.report.compute?.threads)
        #expect(threads >= 1)
        let parts = ranking.report.tokenizeMilliseconds + ranking.report.inferenceMilliseconds
        #expect(parts > 0 && parts <= ranking.report.totalMilliseconds)
    }

    @Test("a score that is not finite is an error that names the document")
    func overflow() async throws {
        let folder = try TemporaryFolder()
        let directory = try folder.copy(ofModel: Repository.model("bert-cross-encoder"))
        try folder.setFloats("classifier.weight", of: directory + "/model.safetensors") {
            .greatestFiniteMagnitude * ($0 % 2 == 0 ? 1 : -1)
        }
        let reranker = try Reranker.load(directory: directory, precision: .fp32)
        let error = await #expect(throws: RankingError.self) {
            try await reranker.rerank(query, [Document("water", id: "w")])
        }
        #expect(error?.code == .nonFiniteScore)
        #expect(error?.what == "The model's score for document 0 (id \"w\") is not a finite number.")
    }
}
