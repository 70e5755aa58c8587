import ArgumentParser
import Resift

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

struct ModelsFitExitCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fit-exit",
        abstract: "Fit the head by which --layer-exit leaves pairs after an early layer.",
        discussion: """
            EXAMPLES
              resift models fit-exit --pairs pairs.jsonl --layer 2
              resift models fit-exit --model MiniLM-L-12 --pairs pairs.jsonl --layer 4
              resift evaluate --dataset scifact --layer-exit

            Pairs are JSON Lines: {"query": "...", "documents": ["...", "..."]}. Nobody has
            to judge them: the head learns to predict the model's own logit. Some hundreds
            of queries with pools like those that will be ranked do well. Every fifth is
            held out to measure the error, on which the margin of --layer-exit is based.
            """)

    @OptionGroup var options: ModelOptions

    @Option(help: ArgumentHelp("Queries and documents like those that will be ranked.", valueName: "file"))
    var pairs: String

    @Option(
        help: ArgumentHelp("The layer after which pairs can be left. Default: a third of them.", valueName: "number"))
    var layer: Int?

    @Option(help: ArgumentHelp("Where to. Default: \(LayerExit.name) beside the model.", valueName: "file"))
    var output: String?

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func run() async throws {
        try await reportingErrors {
            let reranker = try await options.load()
            let samples = try SampleReader().samples(in: .read(path: pairs))
            let progress = ProgressLine()
            let head = try await reranker.fitLayerExit(after: layer ?? max(1, reranker.model.layers / 3), samples) {
                progress.show("query \($0 + 1) of \($1)")
            }
            progress.clear()
            let path = output ?? reranker.model.directory + "/" + LayerExit.name
            do {
                try (JSONValue.object(head.json).compact + "\n").write(toFile: path, atomically: true, encoding: .utf8)
            } catch {
                throw RankingError(
                    .storage, what: "\(path) cannot be written.", why: "The system refused it: \(error)",
                    fix: "Name a place with --output.", cause: error)
            }
            var report = JSONObject()
            report["output"] = .string(path)
            report["layer"] = .number(JSONNumber(head.layer))
            report["pairs"] = .number(JSONNumber(head.pairs))
            report["held_out_error"] = JSONNumber(head.error).map(JSONValue.number)
            report["held_out_correlation"] = JSONNumber(head.correlation).map(JSONValue.number)
            FieldTable.print(report, format)
        }
    }
}
