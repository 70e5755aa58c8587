public import Evaluation
public import Inference
public import Ranking
public import Reranking
public import Retrieval

/// What one stage gave for the queries of a dataset.
public struct StageRun: Sendable {
    /// `bm25+rerank`, and with several models `bm25+rerank[model]`.
    public var name: String
    public var stage: EvaluationStage
    /// The ranker, where several are compared; nil without one.
    public var ranker: String?
    /// Nil without a model on this machine.
    public var model: ModelDescription?
    public var run: Run = [:]
    /// For each query that was answered, as if the stage had run alone: its first stage, and its reranking.
    public var milliseconds: [String: Double] = [:]
    /// Pairs of query and passage that were scored.
    public var pairs = 0
    /// The reranker's logits of the pool, by query and document; empty without a reranker.
    public var logits: Run = [:]
    /// Candidates that the deadline or the layer exit left without a score.
    public var unscored = 0
    public var usesLayerExit = false
    /// Candidates whose score was in a cache.
    public var cacheHits = 0
    /// What services were asked; nil where none was.
    public var usage: ServiceUsage?
    /// Queries for which a ranker failed and was replaced, or the first stage's order kept, as was asked for.
    public var replacedQueries = 0
    /// Candidates of which the reranker's window cut something off.
    public var truncated = 0
    /// Queries that gave no results, with the reason; the rest of the evaluation goes on.
    public var failures: [String: RankingError] = [:]
}

/// Runs the stages of the pipeline over the queries of a dataset.
public struct StageEvaluation: Sendable {
    public struct Options: Sendable {
        /// Candidates that are reranked.
        public var poolSize = 50
        /// Documents that a first stage is asked for: what recall can be measured to. Behind the pool, they keep the
        /// order of the first stage.
        public var depth = 200
        public var fusion: Fusion = .reciprocalRank()
        public var rerankOptions = RerankOptions()

        public init() {}
    }

    public struct Model: Sendable {
        public var name: String
        public var reranker: any DocumentRanker
        public var layerExit: LayerExitPruning?

        public init(name: String, reranker: any DocumentRanker, layerExit: LayerExitPruning? = nil) {
            self.name = name
            self.reranker = reranker
            self.layerExit = layerExit
        }
    }

    public var index: SearchIndex
    public var embedder: BiEncoder?
    public var tokenEncoder: LateInteractionEncoder?
    public var models: [Model]
    public var options: Options
    private let pool: ComputePool

    public init(
        index: SearchIndex, embedder: BiEncoder?, tokenEncoder: LateInteractionEncoder? = nil, models: [Model],
        options: Options = Options(), pool: ComputePool = .shared
    ) {
        self.index = index
        self.embedder = embedder
        self.tokenEncoder = tokenEncoder
        self.models = models
        self.options = options
        self.pool = pool
    }

    /// A row for each stage, in their order; a stage that reranks has one for each model.
    ///
    /// The candidates of a first stage are found once for each query, and shared by the rows that begin with it.
    public func run(
        _ queries: [Query], _ stages: [EvaluationStage], progress: (Int) -> Void = { _ in }
    ) async throws -> (rows: [StageRun], pools: [EvaluationStage.Retrieval: Run]) {
        var rows = stages.flatMap { stage in
            !stage.reranks
                ? [(StageRun(name: stage.description, stage: stage), nil as Model?)]
                : models.map { model in
                    let name = models.count == 1 ? stage.description : "\(stage)[\(model.name)]"
                    var row = StageRun(name: name, stage: stage, model: (model.reranker as? Reranker)?.model)
                    row.ranker = model.name
                    row.usesLayerExit = model.layerExit != nil
                    return (row, model)
                }
        }
        var pools: [EvaluationStage.Retrieval: Run] = [:]
        let retrievals = EvaluationStage.Retrieval.allCases.filter { kind in stages.contains { $0.retrieval == kind } }
        // The first search loads what later ones find loaded: it is no query's latency.
        if let first = queries.first {
            for retrieval in retrievals { _ = try? await candidates(first, retrieval) }
        }
        for (done, query) in queries.enumerated() {
            progress(done)
            for retrieval in retrievals {
                let places = rows.indices.filter { rows[$0].0.stage.retrieval == retrieval }
                do {
                    let found = try await candidates(query, retrieval)
                    pools[retrieval, default: [:]][query.id] = StageEvaluation.scores(found.results)
                    for place in places { try await evaluate(query, found, &rows[place].0, rows[place].1) }
                } catch let error as RankingError where error.concernsOneQuery {
                    for place in places where rows[place].0.run[query.id] == nil {
                        rows[place].0.failures[query.id] = error
                    }
                }
            }
        }
        return (rows.map(\.0), pools)
    }

    /// The first stage alone, `depth` documents deep.
    func candidates(_ query: Query, _ retrieval: EvaluationStage.Retrieval) async throws -> SearchAnswer {
        let depth = max(options.depth, options.poolSize)
        var search = SearchOptions()
        search.pools = retrieval.stages.map { CandidatePool($0, depth: depth) }
        search.fusion = options.fusion
        search.poolSize = depth
        search.limit = depth
        search.rerank = .never
        return try await Pipeline(index: index, embedder: embedder, tokenEncoder: tokenEncoder, pool: pool)
            .search(query.text, search)
    }

    private func evaluate(
        _ query: Query, _ found: SearchAnswer, _ row: inout StageRun, _ model: Model?
    ) async throws {
        row.milliseconds[query.id] = found.retrievalMilliseconds
        guard let model, !found.results.isEmpty else {
            row.run[query.id] = StageEvaluation.scores(found.results)
            return
        }
        do {
            let clock = ContinuousClock()
            let begin = clock.now
            let candidates = found.results.prefix(options.poolSize)
            var rerankOptions = options.rerankOptions
            rerankOptions.layerExit = model.layerExit
            let ranking = try await model.reranker.rerank(
                query.text, candidates.map { $0.documentToRank() }, limit: nil,
                options: rerankOptions)
            row.milliseconds[query.id, default: 0] += (clock.now - begin).milliseconds
            row.pairs += ranking.report.pairs
            row.unscored += ranking.report.unscoredDocuments
            row.truncated += ranking.report.truncatedDocuments
            row.cacheHits += ranking.report.cacheHits
            if let usage = ranking.report.usage { row.usage = row.usage.map { $0 + usage } ?? usage }
            if !ranking.report.failures.isEmpty { row.replacedQueries += 1 }
            row.logits[query.id] = Dictionary(
                ranking.candidates.filter(\.isScored).map { ($0.id ?? "", Double($0.logit)) },
                uniquingKeysWith: { first, _ in first })
            row.run[query.id] = StageEvaluation.scores(
                ranking, behind: found.results.dropFirst(options.poolSize).map(\.id))
        } catch let error as RankingError where error.concernsOneQuery {
            row.milliseconds[query.id] = nil
            row.failures[query.id] = error
        }
    }

    static func scores(_ results: [SearchResult]) -> [String: Double] {
        Dictionary(results.map { ($0.id, $0.score) }, uniquingKeysWith: { first, _ in first })
    }

    /// The reranker's scores, and below them, in steps of 1, the documents that it did not score.
    private static func scores(_ ranking: DocumentRanking, behind: [String]) -> [String: Double] {
        var scores: [String: Double] = [:]
        var lowest = 0.0
        let count = ranking.candidates.count
        for (place, candidate) in ranking.candidates.enumerated() where candidate.isScored {
            let score = ranking.candidates.areComparable ? Double(candidate.score) : Double(count - place)
            scores[candidate.id ?? ""] = score
            lowest = min(lowest, score)
        }
        let unscored = ranking.candidates.filter { !$0.isScored }.map { $0.id ?? "" }
        for (place, id) in (unscored + behind).enumerated() where scores[id] == nil {
            scores[id] = lowest - Double(place + 1)
        }
        return scores
    }
}

extension RankingError {
    /// Whether other queries may do better.
    fileprivate var concernsOneQuery: Bool {
        [
            .nothingToSearch, .nonFiniteScore, .invalidInput, .unreachable, .overloaded, .unexpectedAnswer,
        ].contains(code)
    }
}
