import ArgumentParser
import Resift

struct ProfileCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "profile",
        abstract: "Measure what scoring costs on this machine, and how many candidates fit a deadline.",
        discussion: """
            EXAMPLES
              resift profile
              resift profile --model ms-marco-MiniLM-L-12-v2 --threads 4 --format json

            The result is stored in the user's cache, for this model, kernel variant,
            precision and number of threads; rerank, search and evaluate use it with --deadline.
            Without it they measure the machine as they go, with a small first block.
            Run it when nothing else does: other work makes it slower.
            """)

    @OptionGroup var options: ModelOptions

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    /// Tokens of query and passage together; milliseconds.
    private static let lengths = [32, 64, 128, 256, 512]
    private static let deadlines = [50, 100, 150, 200, 500]

    func run() async throws {
        try await reportingErrors {
            let reranker = try await options.load()
            let progress = ProgressLine()
            let profile = try await reranker.profile { progress.show("measuring: \($0) of \($1)") }
            progress.clear()
            let path = try profile.store()
            switch format {
            case .json: print(JSONValue.object(json(profile, path)).pretty)
            case .table: table(profile, path)
            }
        }
    }

    private func json(_ profile: CostProfile, _ path: String) -> JSONObject {
        var object = profile.json
        object["file"] = .string(path)
        return object
    }

    private func table(_ profile: CostProfile, _ path: String) {
        print("\(profile.model), \(profile.kernels) kernels, \(profile.precision), \(profile.threads) threads")
        let header =
            ["tokens", "ms a passage"] + ProfileCommand.deadlines.map { "in \($0) ms" }
        let rows = ProfileCommand.lengths.map { tokens in
            let own = profile.cost.milliseconds(tokens: tokens)
            return ["\(tokens)", own.formatted(places: 2)]
                + ProfileCommand.deadlines.map { deadline in
                    "\(max(0, Int((Double(deadline) - profile.cost.call) / max(own, 1e-6))))"
                }
        }
        for row in [header] + rows {
            print(row.enumerated().map { $1.leftPadded(to: max(8, header[$0].count)) }.joined(separator: "  "))
        }
        print("Stored in \(path)")
    }
}
