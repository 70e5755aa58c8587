import Crypto
import OrderedJSON
public import Ranking

/// Any ranker with a cache in front of it: a service is asked only for what nobody asked it before.
///
/// Documents whose answers are kept are not sent; the others go to the ranker in one call, and calls that need the same
/// answers at the same time wait for the first of them. Scores, raw scores and passages are those that the ranker
/// returned. A local model has a better way, `Reranker.caching(in:)`, which knows its files and keeps its logits.
///
/// A call with a layer exit goes to the ranker as it is.
public struct CachedRanker: DocumentRanker {
    /// What a document's score depends on.
    public enum Scoring: Sendable {
        /// The query and the document: a cross-encoder, most services.
        case pointwise
        /// The other documents too, and their order: a language model that is shown a list. An answer is used again for
        /// the same list alone.
        case listwise
    }

    public let ranker: any DocumentRanker
    public let scoring: Scoring
    public var name: String { ranker.name }
    public var services: [String] { ranker.services }

    private let configuration: String
    private let cache: any ScoreCache
    private let answers = AnswersInProgress()

    /// - Parameter configuration: Whatever else decides the ranker's scores: the service's address, the model's version,
    ///   the prompt. Rankers of the same name and configuration take each other's answers.
    public init(
        _ ranker: any DocumentRanker, configuration: String, scoring: Scoring = .pointwise, in cache: any ScoreCache
    ) {
        self.ranker = ranker
        self.configuration = configuration
        self.scoring = scoring
        self.cache = cache
    }

    /// Of what is not in the cache.
    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate {
        guard options.layerExit == nil, !documents.isEmpty else {
            return try await ranker.estimate(query, documents, options: options)
        }
        let found = await cache.values(for: try keys(query, documents, options))
        var unknown = zip(documents, found).compactMap { $1 == nil ? $0 : nil }
        guard !unknown.isEmpty else { return .zero }
        if scoring == .listwise { unknown = documents }
        var asking = options
        asking.minScore = nil
        return try await ranker.estimate(query, unknown, options: asking)
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        if let limit, limit < 1 {
            throw RankingError(
                .invalidInput, what: "limit is \(limit).", why: "A ranking has at least one candidate.",
                fix: "Give a limit from 1, or none for all documents.")
        }
        guard options.layerExit == nil, !documents.isEmpty else {
            return try await ranker.rerank(query, documents, limit: limit, options: options)
        }
        let begin = ContinuousClock.now
        var call = CachedCall(
            self, documents, options, keys: try keys(query, documents, options),
            deadline: options.deadline.map { begin + $0 })
        try await call.run(query)
        var ranking = call.ranking
        ranking.report.totalMilliseconds = (ContinuousClock.now - begin).milliseconds
        ranking.sort(limit: limit, minScore: options.minScore)
        return ranking
    }

    private func keys(
        _ query: String, _ documents: [Document], _ options: RerankOptions
    ) throws(RankingError) -> [ScoreKey] {
        var prefix = SHA256()
        func add(_ text: String, to hash: inout SHA256) {
            hash.update(data: Array("\(text.utf8.count)\n\(text)\n".utf8))
        }
        add("resift ranking 1", to: &prefix)
        add(name, to: &prefix)
        add(configuration, to: &prefix)
        add(query, to: &prefix)
        add("\(options.longDocuments) \(options.truncation?.rawValue ?? "-")", to: &prefix)
        add(
            [options.maxTokens, options.maxDocumentTokens, options.maxPassages, options.label].map { "\($0 ?? -1)" }
                .joined(separator: " "), to: &prefix)
        add("\(options.activation?.rawValue ?? "-") \(options.calibration.map { "\($0)" } ?? "-")", to: &prefix)
        add(options.instruction.map { "instruction \($0)" } ?? "-", to: &prefix)
        add(options.rankFields.map { JSONValue.array($0.map { .string($0) }).compact } ?? "-", to: &prefix)
        let contents = documents.map { document in
            switch document.content {
            case .text(let text): "text " + text
            case .fields(let fields): "fields " + JSONValue.object(fields).compact
            }
        }
        if scoring == .listwise { for content in contents { add(content, to: &prefix) } }
        return contents.enumerated().map { place, content in
            var hash = prefix
            if scoring == .listwise { add("place \(place)", to: &hash) }
            add(content, to: &hash)
            return ScoreKey(hash.finalize())
        }
    }

    /// The documents of one call on their way to their answers.
    private struct CachedCall {
        let owner: CachedRanker
        let documents: [Document]
        let options: RerankOptions
        let keys: [ScoreKey]
        let deadline: ContinuousClock.Instant?
        private var candidates: [Candidate?]
        private var cacheHits = 0
        private var truncatedQueryTokens = 0
        private var asked: RerankReport?

        init(
            _ owner: CachedRanker, _ documents: [Document], _ options: RerankOptions, keys: [ScoreKey],
            deadline: ContinuousClock.Instant?
        ) {
            self.owner = owner
            self.documents = documents
            self.options = options
            self.keys = keys
            self.deadline = deadline
            candidates = [Candidate?](repeating: nil, count: documents.count)
        }

        /// Ends with every document answered, or the deadline passed.
        mutating func run(_ query: String) async throws {
            var missing = Array(documents.indices)
            while !missing.isEmpty {
                try Task.checkCancellation()
                let claim = owner.answers.claim(missing.map { keys[$0] })
                defer { claim.end() }
                let own = claim.own.map { missing[$0] }
                guard try await answer(own, claim, query) else { return }
                claim.end()
                for (place, answer) in claim.others {
                    guard let stored = try await inTime({ await answer.value() }) else { return }
                    let index = missing[place]
                    if let stored { candidates[index] = try candidate(index, stored) }
                }
                let unanswered = Set(own)
                missing = missing.filter { candidates[$0] == nil && !unanswered.contains($0) }
            }
        }

        /// From the cache, or from the ranker. False where the deadline came first.
        private mutating func answer(
            _ own: [Int], _ claim: AnswersInProgress.Claim, _ query: String
        ) async throws -> Bool {
            guard !own.isEmpty else { return true }
            let (cache, wanted) = (owner.cache, own.map { keys[$0] })
            guard let found = try await inTime({ await cache.values(for: wanted) }) else { return false }
            // A list's answers belong together.
            let isUsable = owner.scoring == .pointwise || found.allSatisfy { $0 != nil }
            for (index, stored) in zip(own, found) where isUsable {
                guard let stored, let known = try candidate(index, stored) else { continue }
                candidates[index] = known
                cacheHits += 1
                claim.resolve(keys[index], stored)
            }
            let unknown = own.filter { candidates[$0] == nil }
            guard !unknown.isEmpty else { return true }
            var asking = options
            asking.minScore = nil
            if let deadline {
                let left = deadline - ContinuousClock.now
                guard left > .zero else { return false }
                asking.deadline = left
            }
            let ranking = try await owner.ranker.rerank(
                query, unknown.map { documents[$0] }, limit: nil, options: asking)
            asked = ranking.report
            var entries: [(key: ScoreKey, value: StoredScore)] = []
            for var candidate in ranking.candidates where unknown.indices.contains(candidate.index) {
                let index = unknown[candidate.index]
                candidate.index = index
                candidate.document = documents[index]
                candidates[index] = candidate
                guard let stored = try stored(candidate) else { continue }
                entries.append((keys[index], stored))
            }
            // Of a list, all or none.
            if owner.scoring == .listwise, entries.count < unknown.count { entries = [] }
            await cache.store(entries)
            for (key, value) in entries { claim.resolve(key, value) }
            return true
        }

        /// Nil where the deadline came first. Throws CancellationError.
        private func inTime<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async throws -> Value? {
            guard let deadline else {
                let value = await body()
                try Task.checkCancellation()
                return value
            }
            return try await withThrowingTaskGroup(of: Value?.self) { group in
                group.addTask { await body() }
                group.addTask {
                    try await Task.sleep(until: deadline, clock: .continuous)
                    return nil
                }
                defer { group.cancelAll() }
                let value = try await group.next() ?? nil
                try Task.checkCancellation()
                return value
            }
        }

        // MARK: Between candidates and what is kept of them

        /// Nil for what has no score, or a passage of another text than the document's.
        private func stored(_ candidate: Candidate) throws(RankingError) -> StoredScore? {
            guard candidate.isScored, candidate.score.isFinite, candidate.logit.isFinite else { return nil }
            var passages: [Range<Int>] = []
            if let passage = candidate.passage {
                guard passage.start >= 0, passage.start <= passage.end,
                    Passage(passage.start..<passage.end, of: try text(candidate.index)) == passage
                else { return nil }
                passages = [passage.start..<passage.end]
            }
            return StoredScore(
                logits: [[candidate.score, candidate.logit, Float(candidate.passages)]],
                scoreKind: candidate.scoreKind, passages: passages, tokens: candidate.tokens,
                truncatedTokens: candidate.truncatedTokens,
                truncatedQueryTokens: asked?.truncatedQueryTokens ?? 0)
        }

        /// Nil for a value of another form.
        private mutating func candidate(_ index: Int, _ stored: StoredScore) throws(RankingError) -> Candidate? {
            guard let kind = stored.scoreKind, let numbers = stored.logits.first, numbers.count == 3,
                let passages = Int(exactly: numbers[2])
            else { return nil }
            let text = try text(index)
            truncatedQueryTokens = max(truncatedQueryTokens, stored.truncatedQueryTokens)
            return Candidate(
                document: documents[index], index: index, score: numbers[0], scoreKind: kind,
                passage: stored.passages.first.map { Passage($0, of: text) }, logit: numbers[1], tokens: stored.tokens,
                passages: passages, truncatedTokens: stored.truncatedTokens)
        }

        private func text(_ index: Int) throws(RankingError) -> String {
            try documents[index].text(rankFields: options.rankFields)
        }

        /// All documents, in no order.
        var ranking: DocumentRanking {
            let all = documents.indices.map { candidates[$0] ?? Candidate(unscored: documents[$0], index: $0) }
            let scored = all.filter(\.isScored)
            var report = RerankReport(
                model: asked?.model ?? owner.name, documents: documents.count,
                unscoredDocuments: documents.count - scored.count, pairs: scored.reduce(0) { $0 + $1.passages },
                tokens: scored.reduce(0) { $0 + $1.tokens },
                truncatedDocuments: scored.count { $0.truncatedTokens > 0 }, cacheHits: cacheHits,
                inferenceMilliseconds: asked?.inferenceMilliseconds ?? 0, totalMilliseconds: 0,
                compute: asked?.compute, usage: asked?.usage)
            report.truncatedQueryTokens = max(truncatedQueryTokens, asked?.truncatedQueryTokens ?? 0)
            report.queueMilliseconds = asked?.queueMilliseconds ?? 0
            report.tokenizeMilliseconds = asked?.tokenizeMilliseconds ?? 0
            return DocumentRanking(candidates: all, report: report)
        }
    }
}
