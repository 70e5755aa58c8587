import ArgumentParser
import Evaluation
import Resift

/// What `evaluate --dataset` and `tune` run the pipeline with.
struct DatasetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A collection with queries and judgements, in BEIR's layout, to run stages on.", valueName: "directory"))
    var dataset: String?

    @Option(help: ArgumentHelp("Which judgements: qrels/SPLIT.tsv.", valueName: "name"))
    var split = "test"

    @Option(
        help: ArgumentHelp(
            "Cross-encoders to compare, separated by commas: directories or owner/name; default is the one inside the package.",
            valueName: "models"))
    var models: String?

    @Option(
        help: ArgumentHelp(
            "Whatever ranks, separated by commas, beside --models or instead: services (cohere:rerank-v3.5), language models (llm:openai/MODEL), colbert (the index's token vectors), YAML files with cascades.",
            valueName: "rerankers"))
    var rerankers: String?

    @Option(help: ArgumentHelp("An embedding model, for dense and hybrid.", valueName: "model"))
    var embedder: String?

    @OptionGroup var tokens: TokenVectorOptions

    @Option(
        help: ArgumentHelp(
            "The index of the corpus: used if it is there, else built. Default: a file in the user's cache.",
            valueName: "file"))
    var index: String?

    @Option(help: ArgumentHelp("As for index build; 0 never splits, as BEIR does.", valueName: "tokens"))
    var passageTokens: Int?

    @Option(help: "How texts become terms: english, unicode or cjk-bigram.")
    var analyzer: String = Analyzer.english.name

    @Option(name: .customLong("pool"), help: "Candidates that are reranked.")
    var poolSize = 50

    @Option(help: "Threads for inference. Default: one for each CPU.")
    var threads: Int?

    @Option(help: "What the models multiply; auto is int8 where the CPU is fast at it, else fp32.")
    var precision: Precision = .auto

    @OptionGroup var hub: HubOptions

    func validate() throws {
        if poolSize < 1 { throw ValidationError("--pool is \(poolSize); it counts candidates, from 1.") }
        if let passageTokens, passageTokens < 0 || (1..<16).contains(passageTokens) {
            throw ValidationError("--passage-tokens is \(passageTokens); it has to be 0 or at least 16.")
        }
        try ModelOptions.check(threads: threads)
    }

    /// What stands for the model inside the package in `--models`.
    static let defaultModel = "default"

    var modelNames: [String] {
        (models ?? (rerankers == nil ? DatasetOptions.defaultModel : "")).split(separator: ",").map(String.init)
    }

    private var rerankerNames: [String] { (rerankers ?? "").split(separator: ",").map(String.init) }

    /// The models, and what else ranks, in the order in which they were named.
    ///
    /// - Parameter evaluation: Whose index has the token vectors that a ranker may use.
    func loadRankers(
        _ evaluation: StageEvaluation, cache: (any ScoreCache)?, prices: PriceList
    ) async throws -> [StageEvaluation.Model] {
        let loader = RankerLoader(
            pool: ModelOptions.pool(threads: threads), precision: precision, cache: cache, prices: prices,
            stored: try evaluation.tokenEncoder.map { try StoredLateInteraction(evaluation.index, encoder: $0) })
        var loaded: [StageEvaluation.Model] = []
        func add(_ name: String, _ ranker: any DocumentRanker) {
            let short = ranker is Reranker ? name.split(separator: "/").last.map(String.init) ?? name : name
            // Two directories can have the same name.
            let isTaken = loaded.contains { $0.name == short }
            loaded.append(StageEvaluation.Model(name: isTaken ? name : short, reranker: ranker))
        }
        for name in modelNames {
            let reranker = try await loadModel(name, pool: loader.pool)
            add(name, try reranker.caching(inOptional: cache))
        }
        for name in rerankerNames { add(name, try loader.load(name)) }
        return loaded
    }

    func loadModel(_ name: String, pool: ComputePool) async throws -> Reranker {
        name == DatasetOptions.defaultModel
            ? try Reranker.default(pool: pool, precision: precision)
            : try await Reranker.load(directory: hub.directory(of: name), pool: pool, precision: precision)
    }

    /// The pipeline over the dataset's index, which is built or reused.
    func evaluation(
        _ dataset: JudgedDataset, stages: [EvaluationStage], deepest: Int
    ) async throws -> StageEvaluation {
        let pool = ModelOptions.pool(threads: threads)
        let encoder = try await hub.embedder(embedder, pool: pool)
        if encoder == nil, let stage = stages.first(where: { $0.retrieval.stages.contains(.dense) }) {
            throw RankingError(
                .invalidInput, what: "The stage \(stage) needs an embedding model.",
                why: "It searches vectors, and Resift has no embedder of its own.",
                fix: "Name one with --embedder, or leave the stage out.")
        }
        let tokenEncoder = try await tokens.encoder(hub, pool: pool)
        if tokenEncoder == nil, let stage = stages.first(where: { $0.retrieval.stages.contains(.colbert) }) {
            throw RankingError(
                .invalidInput, what: "The stage \(stage) needs a late-interaction model.",
                why: "It searches token vectors, and Resift has no such model of its own.",
                fix: "Name one with --late-interaction, or leave the stage out.")
        }
        var settings = IndexSettings(
            analyzer: try Analyzer.named(analyzer), overlapTokens: IndexDefaults.overlapTokens)
        settings.passageTokens = try IndexDefaults.passageTokens(
            asked: passageTokens, embedder: encoder, tokenEncoder: tokenEncoder)
        settings.lateInteraction = try await tokens.settings(tokenEncoder)
        if let encoder, let embedder {
            settings.embedder = try await IndexSettings.describe(encoder, directory: ModelStore().pinned(embedder))
        }
        let progress = ProgressLine()
        let opened = try await DatasetIndex.open(
            of: dataset, path: index, settings: settings, embedder: encoder, tokenEncoder: tokenEncoder
        ) {
            progress.show("indexing: \($0.line)")
        }
        progress.clear()
        let path = opened.index.path
        switch opened.origin {
        case .reused: StandardError.write("index: \(path), as it was built before\n")
        case .foreign: StandardError.write("index: \(path), which another command built; its corpus is not checked\n")
        case .built(let reason): StandardError.write("index: \(path), built now. \(reason)\n")
        }
        var options = StageEvaluation.Options()
        options.poolSize = poolSize
        options.depth = max(200, 2 * poolSize, deepest)
        options.rerankOptions = RerankOptions(longDocuments: .truncate)
        return StageEvaluation(
            index: opened.index, embedder: encoder, tokenEncoder: tokenEncoder,
            models: [], options: options, pool: pool)
    }
}
