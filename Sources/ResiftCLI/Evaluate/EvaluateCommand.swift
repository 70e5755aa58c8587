import ArgumentParser
import Evaluation
import Resift

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure runs, or the stages of a search, against relevance judgements.",
        discussion: """
            EXAMPLES
              resift evaluate --dataset scifact/ --stages bm25,bm25+rerank
              resift evaluate --dataset help/ --stages bm25,hybrid+rerank \\
                --embedder all-MiniLM-L6-v2 --models default,ms-marco-MiniLM-L-12-v2
              resift evaluate bm25.trec reranked.trec --qrels qrels.txt
              resift evaluate reranked.trec --qrels scifact/qrels/test.tsv \\
                --measure nDCG@10 --measure R@100 --format json
              resift evaluate reranked.trec --qrels qrels.txt --min nDCG@10=0.70

            FILES
              Runs are TREC's (query-id Q0 document-id rank score tag); judgements are
              TREC's (query-id 0 document-id grade) or BEIR's .tsv. Runs can also be JSON
              Lines with query_id, id and score, as `rerank` and `search` print them. Each
              may be compressed with gzip.
              A dataset is a directory with corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv.

            STAGES
              bm25, dense, hybrid (both, fused), and each of them with +rerank. Documents
              behind the pool that is reranked keep their first-stage order. Latency is
              that of the stage alone, one query at a time. The table compares the first
              measure with the first row; "better" and "worse" mean p < 0.05 in the
              t-test. JSON has the comparison of every measure.

            MEASURES
              nDCG, RR (MRR), AP (MAP), P, R, Success, Rprec, Judged, Bpref, RBP, ERR,
              ContextPrecision, ContextRecall; a cutoff follows "@", parameters stand in
              brackets: P(rel=2)@10, nDCG(gain=exponential)@10, RBP(p=0.5), ERR(max=3).
              Equal scores are ordered by document id, descending, as trec_eval does. A
              query that a run misses counts 0.

            With --calibrate, logits of the pool are fitted to the judgements: Platt's
            slope and intercept, and an isotonic function. Documents without a judgement
            count as not relevant. The calibration errors (ECE, 10 bins) are of fits on half
            the queries, told on the other half. rerank and search use the fit with
            --calibrated platt or isotonic; their --min-score is then a probability.

            With several runs, each is compared with the first: the p-value of the
            paired t-test and of the randomization test, and how many queries it wins,
            ties and loses.
            """)

    @Argument(help: ArgumentHelp("Runs to measure; - is standard input.", valueName: "run"))
    var runs: [String] = []

    @Option(help: ArgumentHelp("The judgements.", valueName: "file"))
    var qrels: String?

    @OptionGroup var datasets: DatasetOptions

    @Option(
        help: ArgumentHelp("What to run on the dataset. Default: bm25,bm25+rerank.", valueName: "stages"))
    var stages: String?

    @Option(help: ArgumentHelp("Write the run of each stage there, in TREC's format.", valueName: "directory"))
    var saveRuns: String?

    @Flag(help: "Fit probabilities to the reranker's scores on the dataset's judgements, and store them.")
    var calibrate = false

    @Option(
        help: ArgumentHelp(
            "With --calibrate: where to. Default: \(CalibrationFile.name) beside the model.", valueName: "file"))
    var calibration: String?

    @Option(
        help: ArgumentHelp(
            "Rerank each query in this time, best candidates first: 150ms, 2s. The rest keep their order.",
            valueName: "time"))
    var deadline: TimeArgument?

    @OptionGroup var exit: LayerExitOptions

    @OptionGroup var cache: CacheOptions

    @OptionGroup var prices: PriceOptions

    @OptionGroup var cost: CostOptions

    @Option(
        help: ArgumentHelp(
            "What to measure; may be given again. Default: nDCG@10, RR@10, AP, R@100; for a dataset nDCG@10, R@100, RR@10.",
            valueName: "measure"))
    var measure: [String] = []

    @Option(help: "How to print.")
    var format: Format = .table

    @Flag(name: [.customShort("q"), .customLong("per-query")], help: "Print the value of each query, too.")
    var perQuery = false

    @Flag(help: "Average over the queries that a run has, as BEIR does.")
    var presentOnly = false

    @Flag(help: "Pass over documents whose id is the query's, as BEIR does.")
    var ignoreIdenticalIds = false

    @Option(
        help: ArgumentHelp(
            "End with status 1 if the first run, or the last stage of a dataset, has less: nDCG@10=0.70. May be given again.",
            valueName: "measure=value"))
    var min: [String] = []

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case table, json, tsv, markdown, html
    }

    func validate() throws {
        if calibration != nil, !calibrate { throw ValidationError("--calibration needs --calibrate.") }
        if datasets.dataset != nil {
            if !runs.isEmpty || qrels != nil {
                throw ValidationError("Give runs and --qrels, or --dataset, not both.")
            }
            if exit.layerExit, calibrate || deadline != nil {
                throw ValidationError("--layer-exit goes neither with --calibrate nor with --deadline.")
            }
            return
        }
        if runs.isEmpty { throw ValidationError("Give at least one run, or --dataset.") }
        if qrels == nil { throw ValidationError("Missing expected argument '--qrels <file>'") }
        if stages != nil || saveRuns != nil || calibrate || deadline != nil || exit.layerExit || cache.isGiven {
            throw ValidationError(
                "--stages, --save-runs, --deadline, --layer-exit, --cache and --calibrate need --dataset.")
        }
        if format == .html { throw ValidationError("--format html needs --dataset.") }
        if let repeated = Dictionary(grouping: runs, by: \.self).first(where: { $0.value.count > 1 }) {
            throw ValidationError("The run \(repeated.key) is given twice.")
        }
    }

    func run() async throws {
        try await reportingErrors {
            let thresholds = try min.map { text throws(RankingError) in try Threshold(parsing: text) }
            let fallback =
                datasets.dataset == nil ? ["nDCG@10", "RR@10", "AP", "R@100"] : ["nDCG@10", "R@100", "RR@10"]
            var measures: [Measure] = []
            for text in measure.isEmpty ? fallback : measure {
                let measure = try Measure(parsing: text)
                if !measures.contains(measure) { measures.append(measure) }
            }
            let asked = thresholds.map(\.measure).filter { !measures.contains($0) }
            let evaluator = Evaluator(
                measures + asked, presentOnly: presentOnly, ignoresIdenticalIDs: ignoreIdenticalIds)
            if let dataset = datasets.dataset {
                try await evaluate(dataset, evaluator, measures, thresholds)
            } else {
                try evaluateRuns(evaluator, measures, thresholds)
            }
        }
    }

    private func evaluateRuns(_ evaluator: Evaluator, _ measures: [Measure], _ thresholds: [Threshold]) throws {
        let qrels = try QrelsReader().qrels(in: .read(path: qrels ?? "-"))
        var results: [(name: String, result: EvaluationResult)] = []
        for path in runs {
            results.append((path, evaluator.evaluate(try RunReader().compactRun(path: path), qrels)))
        }
        EvaluationWriter(measures: measures, perQuery: perQuery).write(results, format)
        note(results)
        try check(thresholds, results.first?.result)
    }

    private func evaluate(
        _ directory: String, _ evaluator: Evaluator, _ measures: [Measure], _ thresholds: [Threshold]
    ) async throws {
        let stages = try EvaluationStage.list(parsing: stages ?? "bm25,bm25+rerank")
        let dataset = try JudgedDataset(directory: directory, split: datasets.split)
        let calibration = CalibrationWriter(file: calibration, dataset: "\(dataset.name), \(dataset.split)")
        if calibrate { try calibration.check(stages, models: datasets.modelNames.count) }
        let (report, runs) = try await cache.whileOpen { cache in
            try await DatasetEvaluation(
                options: datasets, stages: stages, evaluator: evaluator, measures: measures, cost: prices.cost,
                services: cost, deadline: deadline?.duration, exit: exit, cache: cache
            ).run(dataset)
        }
        if let saveRuns { try RunFolder.write(runs, to: saveRuns) }
        DatasetReportWriter(perQuery: perQuery).write(report, format)
        if calibrate { try calibration.write(runs, dataset.qrels) }
        try check(thresholds, report.rows.last?.result)
    }

    private func note(_ results: [(name: String, result: EvaluationResult)]) {
        for (name, result) in results {
            if result.missingQueries > 0 {
                let effect = presentOnly ? "do not count" : "count 0"
                StandardError.write(
                    "note: \(name) has no ranking for \(result.missingQueries) judged queries; they \(effect)\n")
            }
            if result.unjudgedQueries > 0 {
                StandardError.write(
                    "note: \(name) has \(result.unjudgedQueries) queries without judgements; they do not count\n")
            }
        }
    }

    private func check(_ thresholds: [Threshold], _ result: EvaluationResult?) throws {
        guard let result else { return }
        let unmet = thresholds.filter { result.mean($0.measure) < $0.value }
        for threshold in unmet {
            StandardError.write(
                "unmet: \(threshold.measure) is \(result.mean(threshold.measure).fixed(6)), less than \(threshold.value)\n"
            )
        }
        if !unmet.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
    }

    private struct Threshold {
        var measure: Measure
        var value: Double

        init(parsing text: String) throws(RankingError) {
            guard let equals = text.lastIndex(of: "="), let value = Double(text[text.index(after: equals)...]) else {
                throw RankingError(
                    .invalidInput, what: "\"\(text)\" is no minimum.", why: "It names a measure and a value.",
                    fix: "Write for example nDCG@10=0.70.")
            }
            measure = try Measure(parsing: String(text[..<equals]))
            self.value = value
        }
    }
}
