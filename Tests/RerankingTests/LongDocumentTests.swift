import Inference
import OrderedJSON
import Ranking
import Reranking
import TestSupport
import Testing
import Tokenizers

@Suite("Documents that do not fit the window")
struct LongDocumentTests {
    @Test("a document is cut to the room that the query leaves, and candidate and report say so")
    func truncated() async throws {
        let reranker = try Models.plain()
        var random = SeededGenerator(seed: 3)
        let long = Models.text(100, &random)
        let ranking = try await reranker.rerank(
            "river", [long, "water"], limit: nil, options: RerankOptions(maxTokens: 24))
        let candidate = try #require(ranking.candidates.first { $0.index == 0 })
        // 24 - 3 special - 1 of the query = 20 of 100.
        #expect(candidate.truncatedTokens == 80)
        #expect(candidate.tokens == 24)
        #expect(candidate.passage == nil && candidate.passages == 1)
        #expect(ranking.report.truncatedDocuments == 1)
        #expect(ranking.report.truncatedQueryTokens == 0)
        let start = long.split(separator: " ").prefix(20).joined(separator: " ")
        #expect(try await reranker.scores("river", [start]) == [candidate.score])
    }

    @Test("a long query beside a long document keeps half the room, and the report counts what it lost")
    func truncatedQuery() async throws {
        var random = SeededGenerator(seed: 4)
        let (query, long) = (Models.text(100, &random), Models.text(100, &random))
        let ranking = try await Models.plain().rerank(
            query, [long, "water"], limit: nil, options: RerankOptions(maxTokens: 24))
        // Room for 21: 10 of the query and 11 of the long document; 20 and 1 beside the short one.
        #expect(ranking.report.truncatedQueryTokens == 90)
        #expect(ranking.report.truncatedDocuments == 1)
        #expect(ranking.candidates.first { $0.index == 0 }?.truncatedTokens == 89)
        #expect(ranking.candidates.first { $0.index == 1 }?.truncatedTokens == 0)
    }

    @Test("only_second keeps the query whole; a query that leaves no room is an error")
    func onlySecond() async throws {
        let reranker = try Models.plain()
        var random = SeededGenerator(seed: 5)
        let (query, long) = (Models.text(20, &random), Models.text(100, &random))
        let options = RerankOptions(truncation: .onlySecond, maxTokens: 24)
        let candidate = try await reranker.rerank(query, [long], options: options).candidates[0]
        #expect(candidate.truncatedTokens == 99)
        let tooLong = query + " river"
        for longDocuments in [LongDocuments.truncate, .split()] {
            var options = options
            options.longDocuments = longDocuments
            let error = await #expect(throws: RankingError.self) {
                try await reranker.rerank(tooLong, [long], options: options)
            }
            #expect(error?.code == .invalidInput)
            #expect(error?.fix.contains("longest_first") == true)
        }
    }

    @Test("a document that does not fit can be refused, by its position and id; one that fits is scored")
    func refused() async throws {
        let reranker = try Models.plain()
        var random = SeededGenerator(seed: 6)
        let long = Models.text(22, &random)
        let options = RerankOptions(longDocuments: .refuse, maxTokens: 24)
        let error = await #expect(throws: RankingError.self) {
            try await reranker.rerank("river", ["water", Document(long, id: "long")], options: options)
        }
        #expect(error?.code == .invalidInput)
        #expect(error?.what == "document 1 (id \"long\") has 22 tokens and the query 1.")
        // 20 + 1 + 3 = 24.
        let fitting = long.split(separator: " ").prefix(20).joined(separator: " ")
        #expect(try await reranker.scores("river", [fitting], options: options).count == 1)
    }

    @Test("with splitting, a long query loses only what the document beside it needs")
    func splitBesideLongQuery() async throws {
        var random = SeededGenerator(seed: 7)
        let query = Models.text(100, &random)
        let options = RerankOptions(longDocuments: .split(), maxTokens: 24)
        let ranking = try await Models.plain().rerank(query, ["river water"], options: options)
        // Room for 21, and the document takes 2: the query keeps 19 of 100, as longest_first leaves it.
        #expect(ranking.report.truncatedQueryTokens == 81)
        #expect(ranking.candidates[0].passages == 1)
        let truncated = try await Models.plain().rerank(query, ["river water"], options: RerankOptions(maxTokens: 24))
        #expect(ranking.candidates[0].score.bitPattern == truncated.candidates[0].score.bitPattern)
    }

    @Test("a document that fits is not split")
    func fits() async throws {
        let candidate = try await Models.plain().rerank(
            "river", ["water"], options: RerankOptions(longDocuments: .split())
        ).candidates[0]
        #expect(candidate.passage == nil && candidate.passages == 1)
    }

    @Test(
        "a split document has its best passage's score, and nothing of it is cut off",
        arguments: 0..<12 as Range<UInt64>)
    func bestPassage(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let encoder = try CrossEncoder.load(directory: Repository.model("bert-cross-encoder"), precision: .fp32)
        let (window, overlap) = (random.int(in: 16...60), random.int(in: 0...20))
        let text = Models.wildText(random.int(in: 80...250), &random)
        let options = RerankOptions(longDocuments: .split(overlapTokens: overlap), maxTokens: window)
        let ranking = try await Reranker(encoder).rerank("river temperature", [text], options: options)
        let candidate = try #require(ranking.candidates.first)

        let tokenized = encoder.tokenizer.encodeWithOffsets(text)
        let ranges = PassageSplitter(window: window - 3 - 2, overlap: overlap).ranges(of: tokenized)
        let pairs = PairEncoder(tokenizer: encoder.tokenizer, maxLength: window, truncation: .longestFirst)
        let query = encoder.tokenizer.encode("river temperature")
        let logits = try await encoder.logits(of: ranges.map { try pairs.encode(query, tokenized.tokenIDs[$0]) }).map {
            $0[0]
        }
        let best = try #require(logits.max())
        #expect(candidate.score.bitPattern == best.bitPattern)
        #expect(candidate.passages == ranges.count)
        #expect(ranges.count > 1)
        #expect(candidate.truncatedTokens == 0 && ranking.report.truncatedDocuments == 0)
        #expect(ranking.report.pairs == ranges.count)

        let passage = try #require(candidate.passage)
        let first = try #require(logits.firstIndex(of: best))
        let source = tokenized.sourceRange(of: ranges[first])
        #expect(Array(passage.text.utf8) == Array(Array(text.utf8)[source]))
    }

    @Test(
        "a passage's start and end count code points of the rendered text, emoji and combining marks included",
        arguments: 0..<12 as Range<UInt64>)
    func codePoints(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let fields = try JSONObject(parsing: #"{"title": "👩‍👩‍👧‍👦 Éle\u0301ve", "other": "x"}"#)
        var document = Document(fields: fields)
        if case .fields(var fields) = document.content {
            fields["text"] = .string(Models.wildText(120, &random))
            document = Document(fields: fields)
        }
        let options = RerankOptions(longDocuments: .split(overlapTokens: 8), maxTokens: 40)
        let candidate = try await Models.plain().rerank("river", [document], options: options).candidates[0]
        let passage = try #require(candidate.passage)
        let scalars = Array(try document.text().unicodeScalars)
        #expect(Array(passage.text.unicodeScalars) == Array(scalars[passage.start..<passage.end]))
        #expect(passage.end - passage.start == passage.text.unicodeScalars.count)
        #expect(!passage.text.isEmpty)
    }

    @Test("code points of a passage, by hand: 🙂 is one, e with a combining accent two")
    func codePointsByHand() async throws {
        // The second sentence answers; the window of 10 holds 6 tokens beside [CLS] river [SEP] ... [SEP].
        let text = "🙂 e\u{301} water budget tree. 🙂 river harbour city council. village search memory"
        let options = RerankOptions(longDocuments: .split(overlapTokens: 0), maxTokens: 10)
        let candidate = try await Models.plain().rerank("river", [text], options: options).candidates[0]
        // "🙂 é water budget tree." is 1 + 1 + 2 + 1 + 5 + 1 + 6 + 1 + 5 = 23 code points, so the second starts at 24;
        // "🙂 river harbour city council." is 1 + 1 + 5 + 1 + 7 + 1 + 4 + 1 + 8 = 29, so the third starts at 54.
        let spans = [0..<23, 24..<53, 54..<75]
        let passage = try #require(candidate.passage)
        #expect(candidate.passages == 3)
        #expect(spans.contains(passage.start..<passage.end))
        let texts = ["🙂 e\u{301} water budget tree.", "🙂 river harbour city council.", "village search memory"]
        let scores = try await Models.plain().scores("river", texts)
        let best = try #require(scores.indices.max { scores[$0] < scores[$1] })
        #expect(passage == Passage(start: spans[best].lowerBound, end: spans[best].upperBound, text: texts[best]))
        #expect(candidate.score == scores[best])
    }
}
