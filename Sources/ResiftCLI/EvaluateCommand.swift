import ArgumentParser
import Evaluation
import Resift

struct EvaluateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate",
        abstract: "Measure runs against relevance judgements.",
        discussion: """
            EXAMPLES
              resift evaluate bm25.trec reranked.trec --qrels qrels.txt
              resift evaluate reranked.trec --qrels scifact/qrels/test.tsv \\
                --measure nDCG@10 --measure R@100 --format json
              resift evaluate reranked.trec --qrels qrels.txt --min nDCG@10=0.70

            FILES
              Runs are TREC's (query-id Q0 document-id rank score tag); judgements are
              TREC's (query-id 0 document-id grade) or BEIR's .tsv.

            MEASURES
              nDCG, RR (MRR), AP (MAP), P, R, Success, Rprec, Judged, Bpref, RBP, ERR,
              ContextPrecision, ContextRecall; a cutoff follows "@", parameters stand in
              brackets: P(rel=2)@10, nDCG(gain=exponential)@10, RBP(p=0.5), ERR(max=3).
              Equal scores are ordered by document id, descending, as trec_eval does. A
              query that a run misses counts 0.

            With several runs, each is compared with the first: the p-value of the
            paired t-test and of the randomization test, and how many queries it wins,
            ties and loses.
            """)

    @Argument(help: ArgumentHelp("Runs to measure; - is standard input.", valueName: "run"))
    var runs: [String]

    @Option(help: ArgumentHelp("The judgements.", valueName: "file"))
    var qrels: String

    @Option(
        help: ArgumentHelp(
            "What to measure; may be given again. Default: nDCG@10, RR@10, AP, R@100.", valueName: "measure"))
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
            "End with status 1 if the first run has less: nDCG@10=0.70. May be given again.", valueName: "measure=value"
        ))
    var min: [String] = []

    enum Format: String, CaseIterable, ExpressibleByArgument {
        case table, json, tsv, markdown
    }

    func validate() throws {
        if runs.isEmpty { throw ValidationError("Give at least one run.") }
        if let repeated = Dictionary(grouping: runs, by: \.self).first(where: { $0.value.count > 1 }) {
            throw ValidationError("The run \(repeated.key) is given twice.")
        }
    }

    func run() async throws {
        try await reportingErrors {
            let thresholds = try min.map { text throws(RankingError) in try Threshold(parsing: text) }
            let named = measure.isEmpty ? ["nDCG@10", "RR@10", "AP", "R@100"] : measure
            var measures: [Measure] = []
            for text in named {
                let measure = try Measure(parsing: text)
                if !measures.contains(measure) { measures.append(measure) }
            }
            let asked = thresholds.map(\.measure).filter { !measures.contains($0) }
            let evaluator = Evaluator(
                measures + asked, presentOnly: presentOnly, ignoresIdenticalIDs: ignoreIdenticalIds)
            let qrels = try QrelsReader().qrels(in: .read(path: qrels))
            var results: [(name: String, result: EvaluationResult)] = []
            for path in runs {
                results.append((path, evaluator.evaluate(try RunReader().run(in: .read(path: path)), qrels)))
            }
            EvaluationWriter(measures: measures, perQuery: perQuery).write(results, format)
            note(results)
            try check(thresholds, results)
        }
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

    private func check(_ thresholds: [Threshold], _ results: [(name: String, result: EvaluationResult)]) throws {
        guard let first = results.first else { return }
        let unmet = thresholds.filter { first.result.mean($0.measure) < $0.value }
        for threshold in unmet {
            StandardError.write(
                "unmet: \(threshold.measure) is \(first.result.mean(threshold.measure).fixed(6)), less than \(threshold.value)\n"
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
