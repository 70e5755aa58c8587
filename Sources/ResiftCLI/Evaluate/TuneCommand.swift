import ArgumentParser
import Evaluation
import Resift

struct TuneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Find the settings of a search that fit your judged queries and your latency.",
        discussion: """
            EXAMPLES
              resift tune --dataset help/ --split train
              resift tune --dataset help/ --split train --embedder all-MiniLM-L6-v2 \\
                --max-latency 300

            Compares pool sizes, what the reranker reads of long documents, and with
            --embedder the first stages and their fusion. Each pair of query and passage is
            scored once, however many settings there are.

            The held-out figure is what to expect on other queries: it is measured on
            queries that the settings were not chosen by (cross-validation). The tuned
            figure of the best settings promises more than they keep. Tune on other queries
            than you report on.
            """)

    @OptionGroup var datasets: DatasetOptions

    @Option(help: ArgumentHelp("What to tune for.", valueName: "measure"))
    var measure = "nDCG@10"

    @Option(help: ArgumentHelp("Pool sizes to compare; 0 is a search without a reranker.", valueName: "numbers"))
    var pools = "0,10,20,50,100"

    @Option(help: ArgumentHelp("Fusion: rank constants to compare.", valueName: "numbers"))
    var rankConstants = "10,60"

    @Option(help: ArgumentHelp("Fusion: weights of bm25 to compare, 0 to 1.", valueName: "numbers"))
    var weights = "0.25,0.5,0.75"

    @Option(help: "Parts of the queries for cross-validation.")
    var folds = 5

    @Option(help: ArgumentHelp("Recommend nothing with a higher median latency.", valueName: "milliseconds"))
    var maxLatency: Double?

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func validate() throws {
        if datasets.dataset == nil { throw ValidationError("Missing expected argument '--dataset <directory>'") }
        if datasets.rerankers != nil { throw ValidationError("tune is about models on this machine: use --models.") }
        if folds < 2 { throw ValidationError("--folds is \(folds); it has to be at least 2.") }
        _ = try numbers(pools, "--pools", in: 0...10_000)
        _ = try numbers(rankConstants, "--rank-constants", in: 0...1_000_000)
        _ = try numbers(weights, "--weights", in: 0...1)
    }

    func run() async throws {
        try await reportingErrors {
            let dataset = try JudgedDataset(directory: datasets.dataset ?? "", split: datasets.split)
            guard dataset.queries.count >= folds else {
                throw RankingError(
                    .invalidInput, what: "The split has \(dataset.queries.count) judged queries for \(folds) folds.",
                    why: "Each fold needs a query.", fix: "Judge more queries, or lower --folds.")
            }
            var space = TuningSpace()
            if datasets.embedder != nil { space.retrievals = [.bm25, .dense, .hybrid] }
            space.poolSizes = try numbers(pools, "--pools", in: 0...10_000).map { Int($0) }
            space.rankConstants = try numbers(rankConstants, "--rank-constants", in: 0...1_000_000)
            space.lexicalWeights = try numbers(weights, "--weights", in: 0...1)
            let measure = try Measure(parsing: measure)
            let evaluation = try await datasets.evaluation(
                dataset, stages: space.retrievals.map { EvaluationStage($0, reranks: true) },
                deepest: max(100, space.poolSizes.max() ?? 0))
            let reranker = try await datasets.loadModel(
                datasets.modelNames.first ?? DatasetOptions.defaultModel,
                pool: ModelOptions.pool(threads: datasets.threads))
            let progress = ProgressLine()
            let tuner = PipelineTuner(evaluation: evaluation, reranker: reranker, measure: measure, space: space)
            let results = try await tuner.run(dataset) { done in
                progress.show("query \(done + 1) of \(dataset.queries.count)")
            }
            progress.clear()
            guard let report = TuningReport(results, folds: folds, maxLatency: maxLatency) else {
                throw RankingError(
                    .invalidInput, what: "No settings have a median latency of \(maxLatency ?? 0) ms or less.",
                    why: "The fastest have \((results.map(\.latency.p50).min() ?? 0).fixed(1)) ms.",
                    fix: "Raise --max-latency, or give smaller --pools.")
            }
            TuningWriter(report: report, measure: measure, command: command(report.best.point)).write(format)
        }
    }

    private func numbers(_ list: String, _ option: String, in range: ClosedRange<Double>) throws -> [Double] {
        let parts = list.split(separator: ",").map { Double($0) ?? .nan }
        guard !parts.isEmpty, parts.allSatisfy({ range.contains($0) }) else {
            throw ValidationError("\(option) is \"\(list)\"; it is a list of numbers: 10,20,50.")
        }
        return parts
    }

    /// What makes `resift search` search so.
    private func command(_ point: TuningPoint) -> String {
        var parts = ["resift search QUERY --index FILE --stages \(point.retrieval.rawValue)"]
        if point.retrieval == .hybrid {
            switch point.combination {
            case .reciprocalRank(let constant): parts.append("--rank-constant \(constant)")
            case .convex(let normalization): parts.append("--fusion \(normalization.rawValue)")
            }
            parts.append("--lexical-weight \(point.lexicalWeight)")
        }
        guard point.poolSize > 0 else { return (parts + ["--no-rerank"]).joined(separator: " ") }
        parts += ["--rerank --pool \(point.poolSize)"]
        if point.aggregation != .bestPassage { parts.append("--reranked-text \(point.aggregation.rawValue)") }
        if let model = datasets.models?.split(separator: ",").first, model != DatasetOptions.defaultModel {
            parts.append("--model \(model)")
        }
        return parts.joined(separator: " ")
    }
}

/// What was found, and what is recommended.
struct TuningReport {
    let results: [PipelineTuner.Result]
    let outcome: CrossValidation.Outcome
    /// Positions in `results`, by ascending latency.
    let front: [Int]
    let folds: Int

    var best: PipelineTuner.Result { results[outcome.best] }

    /// Nil where nothing is fast enough.
    init?(_ all: [PipelineTuner.Result], folds: Int, maxLatency: Double?) {
        results = all.filter { $0.latency.p50 <= maxLatency ?? .infinity }
        guard let outcome = CrossValidation(folds: folds).choose(results.map(\.values)) else { return nil }
        self.outcome = outcome
        self.folds = folds
        front = ParetoFront.of(results.map { ($0.mean, $0.latency.p50) })
    }
}

private struct TuningWriter {
    let report: TuningReport
    let measure: Measure
    let command: String

    func write(_ format: ReportFormat) {
        let best = report.best
        if format == .json {
            var object = JSONObject()
            object["measure"] = .string(measure.description)
            object["settings_compared"] = .number(JSONNumber(report.results.count))
            object["held_out"] = JSONValue(measured: report.outcome.heldOut)
            object["tuned"] = JSONValue(measured: report.outcome.tuned)
            object["folds"] = .number(JSONNumber(report.folds))
            object["recommended"] = .object(result(best))
            object["command"] = .string(command)
            object["pareto_front"] = .array(report.front.map { .object(result(report.results[$0])) })
            print(JSONValue.object(object).pretty)
            return
        }
        print("Best for their latency, of \(report.results.count) settings:")
        let rows = report.front.map { place in
            let own = report.results[place]
            return [
                own.mean.fixed(4), own.latency.p50.fixed(1), own.latency.p95.fixed(1), "\(own.pairs)",
                own.point.description + (place == report.outcome.best ? "  <- recommended" : ""),
            ]
        }
        CellTable.print([["\(measure)", "p50 ms", "p95 ms", "pairs", "settings"]] + rows, .table)
        print(
            """

            Recommended: \(best.point)
              \(command)
            Expect \(measure) \(report.outcome.heldOut.fixed(4)) (held out, \(report.folds) folds); on the queries they \
            were chosen by, these settings have \(report.outcome.tuned.fixed(4)).
            """)
    }

    private func result(_ own: PipelineTuner.Result) -> JSONObject {
        var object = JSONObject()
        object["settings"] = .string(own.point.description)
        object["mean"] = JSONValue(measured: own.mean)
        object["p50_ms"] = JSONValue(measured: own.latency.p50)
        object["p95_ms"] = JSONValue(measured: own.latency.p95)
        object["pairs"] = .number(JSONNumber(own.pairs))
        return object
    }
}
