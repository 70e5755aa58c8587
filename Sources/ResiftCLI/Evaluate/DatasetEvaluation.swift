import ArgumentParser
import Evaluation
import Resift

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What costs are computed with.
struct PriceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What an hour of this machine costs, in your currency. The default is an order of magnitude.",
            valueName: "price"))
    var pricePerHour = ServingCost.defaultPricePerHour

    @Option(
        name: .customLong("price-per-1000-searches"),
        help: ArgumentHelp("What a hosted reranker asks. The default is an order of magnitude.", valueName: "price"))
    var pricePer1000Searches = ServingCost.defaultPricePer1000Searches

    func validate() throws {
        for (name, price) in [("hour", pricePerHour), ("1000-searches", pricePer1000Searches)] {
            guard price >= 0, price.isFinite else {
                throw ValidationError("--price-per-\(name) is \(price); a price is a number from 0.")
            }
        }
    }

    var cost: ServingCost { ServingCost(pricePerHour: pricePerHour, pricePer1000Searches: pricePer1000Searches) }
}

/// `resift evaluate --dataset`: runs the stages and gathers the report.
struct DatasetEvaluation {
    let options: DatasetOptions
    let stages: [EvaluationStage]
    let evaluator: Evaluator
    let measures: [Measure]
    let cost: ServingCost
    let services: CostOptions
    /// Of each reranking; nil scores the whole pool.
    let deadline: Duration?
    /// Adds a row with the layer exit to each that reranks.
    let exit: LayerExitOptions
    let cache: (any ScoreCache)?

    func run(_ dataset: JudgedDataset) async throws -> (report: DatasetReport, runs: [StageRun]) {
        // Measures without a cutoff, and with a large one, look as deep as this.
        let deepest = evaluator.measures.map { $0.cutoff ?? 1_000 }.max() ?? 100
        var pipeline = try await options.evaluation(dataset, stages: stages, deepest: min(deepest, 1_000))
        if stages.contains(where: \.reranks) {
            pipeline.models = try await options.loadRankers(pipeline, cache: cache, prices: services.priceList())
        }
        pipeline.options.rerankOptions.deadline = deadline
        for model in pipeline.models {
            guard let pruning = try exit.pruning(model.reranker, top: DatasetEvaluation.layerExitTop) else { break }
            pipeline.models.append(
                StageEvaluation.Model(
                    name: "\(model.name), layer exit", reranker: model.reranker, layerExit: pruning))
        }
        try await services.check(pipeline.models.map(\.reranker)) { estimating in
            var rehearsal = pipeline
            rehearsal.models = estimating.map { StageEvaluation.Model(name: $0.name, reranker: $0) }
            _ = try await rehearsal.run(dataset.queries, stages.filter(\.reranks))
        }
        let progress = ProgressLine()
        let (rows, pools) = try await pipeline.run(dataset.queries, stages) { done in
            progress.show("query \(done + 1) of \(dataset.queries.count)")
        }
        progress.clear()
        var report = DatasetReport(
            dataset: dataset.name,
            split: dataset.split, measures: measures, rows: rows.map { row($0, dataset, pools) }, recall: [],
            cost: cost,
            queryTexts: Dictionary(dataset.queries.map { ($0.id, $0.text) }, uniquingKeysWith: { first, _ in first }))
        report.recall = EvaluationStage.Retrieval.allCases.compactMap { retrieval in
            pools[retrieval].map { run in
                let recall = PoolRecall(
                    run, dataset.qrels, poolSize: options.poolSize,
                    ignoresIdenticalIDs: evaluator.ignoresIdenticalIDs)
                return (retrieval.rawValue, recall)
            }
        }
        note(dataset, rows)
        if exit.layerExit { noteLayerExits(report, rows) }
        return (report, rows)
    }

    /// The best that a layer exit looks for: what nDCG@10 looks at.
    private static let layerExitTop = 10

    private func row(
        _ row: StageRun, _ dataset: JudgedDataset, _ pools: [EvaluationStage.Retrieval: Run]
    ) -> DatasetReport.Row {
        var top: [String: [(id: String, grade: Int?)]] = [:]
        for (query, scores) in row.run {
            let grades = dataset.qrels[query] ?? [:]
            top[query] = scores.ranked.prefix(10).map { ($0, grades[$0]) }
        }
        return DatasetReport.Row(
            name: row.name, reranks: row.stage.reranks, result: evaluator.evaluate(row.run, dataset.qrels),
            latency: LatencySummary(milliseconds: Array(row.milliseconds.values)), pairs: row.pairs,
            precision: row.model?.precision.rawValue, unscored: row.unscored, truncated: row.truncated,
            failures: row.failures.mapValues(\.what), top: top,
            movements: row.stage.reranks ? movements(row, pools[row.stage.retrieval] ?? [:], dataset.qrels) : [])
    }

    /// Of the relevant documents in the pool.
    private func movements(_ row: StageRun, _ pool: Run, _ qrels: Qrels) -> [(before: Int, after: Int)] {
        var movements: [(before: Int, after: Int)] = []
        for (query, grades) in qrels.sorted(by: { $0.key < $1.key }) {
            let after = (row.run[query] ?? [:]).ranked
            for (place, id) in (pool[query] ?? [:]).ranked.prefix(options.poolSize).enumerated() {
                guard (grades[id] ?? 0) > 0, let rank = after.firstIndex(of: id) else { continue }
                movements.append((place + 1, rank + 1))
            }
        }
        return movements
    }

    /// What each layer exit costs, against the same stage and model without it.
    private func noteLayerExits(_ report: DatasetReport, _ rows: [StageRun]) {
        guard let measure = measures.first else { return }
        for (place, row) in rows.enumerated() where row.usesLayerExit {
            guard
                let exact = rows.firstIndex(where: {
                    $0.stage == row.stage && $0.model != nil && $0.model == row.model && !$0.usesLayerExit
                })
            else { continue }
            let comparison = RunComparison(report.rows[exact].result, report.rows[place].result, measure)
            let (own, other) = (report.rows[place], report.rows[exact])
            let share = Double(row.unscored) / Double(max(1, row.unscored + row.pairs))
            let time = own.latency.mean / other.latency.mean
            StandardError.write(
                "note: \(row.name): \(share.formatted(places: 2)) of the candidates left early, \(time.formatted(places: 2)) of the time; \(measure) differs by \(comparison.change.formatted(places: 4)) (p = \(comparison.randomization?.formatted(places: 3) ?? "-"))\n"
            )
        }
    }

    private func note(_ dataset: JudgedDataset, _ rows: [StageRun]) {
        if dataset.queriesWithoutText > 0 {
            StandardError.write(
                "note: \(dataset.queriesWithoutText) judged queries are not in queries.jsonl; \(evaluator.presentOnly ? "they do not count" : "they count 0")\n"
            )
        }
        for row in rows {
            if let (query, error) = row.failures.min(by: { $0.key < $1.key }) {
                StandardError.write(
                    "note: \(row.name): \(row.failures.count) queries have no results; query \(query): \(error.what)\n")
            }
            if row.unscored > 0 {
                StandardError.write(
                    "note: \(row.name): \(row.unscored) candidates have no score; \(row.pairs) pairs were scored\n"
                )
            }
            if row.replacedQueries > 0 {
                StandardError.write(
                    "note: \(row.name): a reranker failed at \(row.replacedQueries) queries and was replaced, or kept the first stage's order\n"
                )
            }
            if let usage = row.usage { StandardError.write("note: \(row.name): \(usage.line)\n") }
            if row.cacheHits > 0 {
                StandardError.write(
                    "note: \(row.name): \(row.cacheHits) candidates had their scores in the cache; the latency is not the model's\n"
                )
            }
            if row.truncated > 0 {
                StandardError.write(
                    "note: \(row.name): \(row.truncated) of \(row.pairs) pairs were cut to the reranker's window\n")
            }
        }
    }
}

/// Where `--save-runs` writes.
enum RunFolder {
    static func write(_ runs: [StageRun], to folder: String) throws(RankingError) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for run in runs {
                // Brackets and signs are not for file names.
                let name = run.name.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "-" }
                try run.run.trec(tag: "resift").write(
                    toFile: "\(folder)/\(String(name)).trec", atomically: true, encoding: .utf8)
            }
        } catch {
            throw RankingError(
                .storage, what: "The runs cannot be written to \(folder).", why: "The system refused it: \(error)",
                fix: "Check the permissions and the space of the folder.", cause: error)
        }
    }
}
