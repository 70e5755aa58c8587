public import Evaluation
import Inference
import Ranking
public import Reranking
import Retrieval

/// Finds out what the pipeline's settings are worth on judged queries, at the cost of one search and one scoring.
///
/// The first stages search once for each query, and the reranker scores each pair of query and passage once, whatever
/// the number of settings. Latency is that of the first stages, measured, and of the pairs that a setting scores, each by
/// its share of the tokens that were scored for the query.
public struct PipelineTuner: Sendable {
    public struct Result: Sendable {
        public var point: TuningPoint
        /// By query, in the order of the queries.
        public var values: [Double]
        public var milliseconds: [Double]
        /// Pairs that are scored, for all queries.
        public var pairs: Int

        public var mean: Double { values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count) }
        public var latency: LatencySummary { LatencySummary(milliseconds: milliseconds) }
    }

    public var evaluation: StageEvaluation
    public var reranker: Reranker
    public var measure: Measure
    public var space: TuningSpace

    public init(evaluation: StageEvaluation, reranker: Reranker, measure: Measure, space: TuningSpace) {
        self.evaluation = evaluation
        self.reranker = reranker
        self.measure = measure
        self.space = space
    }

    /// One result for each point of the space, in its order. A query that no first stage can look up counts 0.
    public func run(
        _ dataset: JudgedDataset, progress: (Int) -> Void = { _ in }
    ) async throws -> [Result] {
        let points = space.points
        var results = points.map { Result(point: $0, values: [], milliseconds: [], pairs: 0) }
        for (done, query) in dataset.queries.enumerated() {
            progress(done)
            let lists = try await firstStages(query)
            var scores = PairScores(query: query.text, reranker: reranker)
            let candidates = try points.map { try lists.candidates($0) }
            // The largest demand first, so that a query's pairs are scored in few batches.
            for kind in RerankedText.allCases {
                var wanted: [SearchResult] = []
                for (point, found) in zip(points, candidates) where point.poolSize > 0 && point.aggregation == kind {
                    wanted += found.prefix(point.poolSize)
                }
                try await scores.score(wanted, kind)
            }
            let grades = dataset.qrels[query.id] ?? [:]
            for (place, point) in points.enumerated() {
                let found = candidates[place]
                let pool = found.prefix(point.poolSize)
                var ranking: [String: Double] = [:]
                var milliseconds = lists.milliseconds[point.retrieval] ?? 0
                var lowest = 0.0
                for result in pool {
                    guard let own = scores[result, point.aggregation] else { continue }
                    ranking[result.id] = own.score
                    lowest = min(lowest, own.score)
                    milliseconds += own.milliseconds
                    results[place].pairs += own.pairs
                }
                for (rank, result) in found.dropFirst(point.poolSize).enumerated() {
                    ranking[result.id] = point.poolSize == 0 ? result.score : lowest - Double(rank + 1)
                }
                results[place].values.append(measure.value(JudgedRanking(scores: ranking, grades: grades)))
                results[place].milliseconds.append(milliseconds)
            }
        }
        return results
    }

    /// What each first stage that the space needs found, once.
    private func firstStages(_ query: Query) async throws -> FirstStageLists {
        var lists = FirstStageLists()
        for retrieval in EvaluationStage.Retrieval.allCases where space.retrievals.contains(retrieval) {
            do {
                let answer = try await evaluation.candidates(query, retrieval)
                lists.milliseconds[retrieval] = answer.retrievalMilliseconds
                if retrieval != .hybrid { lists.lists[retrieval] = answer.results }
            } catch let error as RankingError where error.code == .nothingToSearch {
                lists.lists[retrieval] = []
            }
        }
        guard space.retrievals.contains(.hybrid) else { return lists }
        for retrieval in [EvaluationStage.Retrieval.bm25, .dense] where lists.lists[retrieval] == nil {
            do {
                lists.lists[retrieval] = try await evaluation.candidates(query, retrieval).results
            } catch let error as RankingError where error.code == .nothingToSearch {
                lists.lists[retrieval] = []
            }
        }
        return lists
    }
}

/// The lists of one query, and their fusions.
private struct FirstStageLists {
    var lists: [EvaluationStage.Retrieval: [SearchResult]] = [:]
    var milliseconds: [EvaluationStage.Retrieval: Double] = [:]

    /// The candidates of a point, as `Pipeline` would order them: each list as deep as the pool, and at least 100.
    func candidates(_ point: TuningPoint) throws(RankingError) -> [SearchResult] {
        let depth = max(100, point.poolSize)
        guard point.retrieval == .hybrid else { return Array((lists[point.retrieval] ?? []).prefix(depth)) }
        let own = [EvaluationStage.Retrieval.bm25, .dense].map { Array((lists[$0] ?? []).prefix(depth)) }
        let weights = [point.lexicalWeight, 1 - point.lexicalWeight]
        var runs: [RankedRun] = []
        for (name, list) in zip(["bm25", "dense"], own) {
            runs.append(
                try RankedRun(name: name, entries: list.map { RankedRun.Entry(documentID: $0.id, score: $0.score) }))
        }
        let fused: [FusedDocument]
        switch point.combination {
        case .reciprocalRank(let constant):
            fused = try ReciprocalRankFusion(rankConstant: constant).fuse(runs, weights: weights)
        case .convex(let normalization):
            fused = try ConvexCombination(normalization: normalization).fuse(runs, weights: weights)
        }
        return fused.prefix(depth).compactMap { document in
            // The passage of the list with the better rank, the first of equals, as in the pipeline.
            let best = document.ranks.enumerated().compactMap { list, rank in rank.map { ($0, list) } }.min {
                $0.0 < $1.0
            }
            guard let (rank, list) = best else { return nil }
            var result = own[list][rank - 1]
            result.score = document.score
            return result
        }
    }
}

/// The reranker's scores of one query, each pair scored once.
private struct PairScores {
    struct Entry {
        var score: Double
        var milliseconds: Double
        var pairs: Int
        /// Whether the window cut something off, so that splitting changes the score.
        var isTruncated: Bool
    }

    private struct Key: Hashable {
        var id: [UInt8]
        /// The first code point of the passage; -1 for the whole text.
        var start: Int
        var isSplit: Bool
    }

    let query: String
    let reranker: Reranker
    private var entries: [Key: Entry] = [:]

    init(query: String, reranker: Reranker) {
        self.query = query
        self.reranker = reranker
    }

    subscript(result: SearchResult, kind: RerankedText) -> Entry? { entries[key(result, kind)] }

    /// A text that is not split, or that fits as a whole, has one key for all kinds that read it alike.
    private func key(_ result: SearchResult, _ kind: RerankedText) -> Key {
        let whole = Key(id: Array(result.id.utf8), start: -1, isSplit: false)
        switch kind {
        case .bestPassage:
            return result.passage.map { Key(id: whole.id, start: $0.start, isSplit: false) } ?? whole
        case .truncated: return whole
        case .everyPassage:
            if let known = entries[whole], !known.isTruncated { return whole }
            return Key(id: whole.id, start: -1, isSplit: true)
        }
    }

    mutating func score(_ results: [SearchResult], _ kind: RerankedText) async throws {
        // Whether a text has to be split is known from scoring it whole; most have not.
        if kind == .everyPassage { try await score(results, .truncated) }
        var seen: Set<Key> = []
        let missing = results.filter { entries[key($0, kind)] == nil && seen.insert(key($0, kind)).inserted }
        guard !missing.isEmpty else { return }
        let clock = ContinuousClock()
        let begin = clock.now
        let ranking = try await reranker.rerank(
            query, missing.map { Document($0.textToRank(kind), id: $0.id) }, limit: nil,
            options: kind.adapt(RerankOptions(longDocuments: .truncate)))
        let spent = (clock.now - begin).milliseconds
        let tokens = Double(max(1, ranking.report.tokens))
        for candidate in ranking.candidates {
            entries[key(missing[candidate.index], kind)] = Entry(
                score: Double(candidate.score), milliseconds: spent * Double(candidate.tokens) / tokens,
                pairs: candidate.passages, isTruncated: candidate.truncatedTokens > 0)
        }
    }
}
