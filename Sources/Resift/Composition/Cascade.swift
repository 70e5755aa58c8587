public import Ranking
public import Reranking

/// Rankers one after the other: cheap ones for many candidates, expensive ones for the few that are left.
///
/// Each stage ranks what the stage before kept. What a stage leaves behind follows, in its order and with its scores;
/// `Candidate.rankedBy` says whose score it is, and scores of different stages do not compare.
///
/// A deadline is for all stages together. Each is given an equal share of the time that is left, the last all of it; a
/// stage that takes less leaves the rest to those after it. What a stage does not get to keeps the order of the stage
/// before. A stage for which no time is left is skipped, and the report says so.
///
/// A minimum score is one of the last stage, and leaves out everything else.
public struct Cascade: DocumentRanker {
    public struct Stage: Sendable {
        public var ranker: any DocumentRanker
        /// How many of its best the next stage gets; nil for all. The last stage has no next.
        public var keep: Int?

        public init(_ ranker: any DocumentRanker, keep: Int? = nil) {
            self.ranker = ranker
            self.keep = keep
        }
    }

    public let stages: [Stage]

    public var name: String { stages.map(\.ranker.name).joined(separator: " > ") }

    /// Throws `invalidInput` without a stage, or where one keeps nothing.
    public init(_ stages: [Stage]) throws(RankingError) {
        guard !stages.isEmpty, stages.allSatisfy({ $0.keep ?? 1 >= 1 }) else {
            throw RankingError(
                .invalidInput, what: "A cascade has \(stages.count) stages that keep \(stages.map { $0.keep ?? -1 }).",
                why: "It needs a stage, and each has to leave a document for the next.",
                fix: "Name at least one ranker, and keep from 1.")
        }
        self.stages = stages
    }

    public var services: [String] { stages.flatMap(\.ranker.services) }

    /// Which documents a stage keeps is not known before, so the longest stand for them: it is seldom too low. Stages after
    /// the first refuse no long document here, as they may never get it.
    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate {
        var documents = documents
        var sum = RunEstimate.zero
        for (place, stage) in stages.enumerated() {
            var options = options
            if place < stages.count - 1 { options.minScore = nil }
            if place > 0, options.longDocuments == .refuse { options.longDocuments = .truncate }
            sum = sum + (try await stage.ranker.estimate(query, documents, options: options))
            guard let keep = stage.keep, keep < documents.count else { continue }
            let lengths = try documents.map { try $0.text(rankFields: options.rankFields).utf8.count }
            let longest = documents.indices.sorted { (-lengths[$0], $0) < (-lengths[$1], $1) }.prefix(keep)
            documents = longest.map { documents[$0] }
        }
        return sum
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = ContinuousClock.now
        var order = Array(documents.indices)
        // Of each document, by the last stage that scored it.
        var candidates = documents.enumerated().map { Candidate(unscored: $1, index: $0) }
        var behind: [Int] = []
        var reports: [RerankReport] = []
        var skipped: [String] = []
        var good: [Int]?
        for (place, stage) in stages.enumerated() {
            let isLast = place == stages.count - 1
            var options = options
            if !isLast { options.minScore = nil }
            if let deadline = options.deadline {
                let left = deadline - (ContinuousClock.now - begin)
                guard left > .zero else {
                    skipped = stages[place...].map(\.ranker.name)
                    break
                }
                options.deadline = left / (stages.count - place)
            }
            let ranking = try await stage.ranker.rerank(
                query, order.map { documents[$0] }, limit: nil, options: options)
            reports.append(ranking.report)
            let ranker = ranking.report.failure?.rankedBy ?? stage.ranker.name
            for var candidate in ranking.candidates where candidate.isScored {
                candidate.index = order[candidate.index]
                candidate.rankedBy = candidate.rankedBy ?? ranker
                candidates[candidate.index] = candidate
            }
            let ranked = ranking.candidates.map { order[$0.index] }
            if isLast {
                if options.minScore != nil { good = ranked }
                order = ranked
            } else {
                let kept = min(stage.keep ?? ranked.count, ranked.count)
                behind = ranked[kept...] + behind
                order = Array(ranked[..<kept])
            }
        }
        if options.minScore != nil {
            order = good ?? []
            behind = []
        }
        let all = (order + behind).map { candidates[$0] }
        var report = RerankReport(
            of: reports, model: name, documents: documents.count,
            unscoredDocuments: candidates.count { !$0.isScored },
            totalMilliseconds: (ContinuousClock.now - begin).milliseconds)
        report.belowMinScore = options.minScore == nil ? 0 : documents.count - all.count - report.unscoredDocuments
        report.skippedRankers = skipped
        return DocumentRanking(candidates: Array(all.prefix(limit ?? all.count)), report: report)
    }
}

extension [Candidate] {
    /// Whether one ranker scored them all, so that their scores can be compared.
    package var areComparable: Bool { Set(lazy.filter(\.isScored).map(\.rankedBy)).count <= 1 }
}

extension RerankReport {
    /// Of a ranker that is made of others.
    init(
        of parts: [RerankReport], model: String, documents: Int, unscoredDocuments: Int, totalMilliseconds: Double
    ) {
        func sum<Number: AdditiveArithmetic>(_ value: (RerankReport) -> Number) -> Number {
            parts.reduce(.zero) { $0 + value($1) }
        }
        self.init(
            model: model, documents: documents, unscoredDocuments: unscoredDocuments,
            prunedPairs: sum(\.prunedPairs), pairs: sum(\.pairs), tokens: sum(\.tokens),
            truncatedDocuments: parts.map(\.truncatedDocuments).max() ?? 0,
            truncatedQueryTokens: parts.map(\.truncatedQueryTokens).max() ?? 0, cacheHits: sum(\.cacheHits),
            queueMilliseconds: sum(\.queueMilliseconds), tokenizeMilliseconds: sum(\.tokenizeMilliseconds),
            inferenceMilliseconds: sum(\.inferenceMilliseconds), rankMilliseconds: sum(\.rankMilliseconds),
            totalMilliseconds: totalMilliseconds, compute: parts.lazy.compactMap(\.compute).first,
            usage: parts.compactMap(\.usage).reduce(nil) { (sum: ServiceUsage?, part) in sum.map { $0 + part } ?? part }
        )
        self.parts = parts
    }
}
