import ArgumentParser
import Resift

struct ModelsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "models", abstract: "Download, show and check models.",
        subcommands: [
            ModelsListCommand.self, ModelsPullCommand.self, ModelsInfoCommand.self, ModelsSelftestCommand.self,
            ModelsQuantizeCommand.self, ModelsFitExitCommand.self, ModelsPromptCommand.self,
        ])
}

enum ReportFormat: String, CaseIterable, ExpressibleByArgument {
    case table, json
}

struct ModelsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "Show the model inside the package and the architectures that load from a directory.")

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func run() async throws {
        try await reportingErrors {
            var report = JSONObject()
            report["embedded"] = .string(DefaultModel.name)
            report["directory"] = .string(try DefaultModel.directory())
            report["cross_encoder_architectures"] = .array(CrossEncoder.architectures.map(JSONValue.string))
            report["bi_encoder_architectures"] = .array(BiEncoder.architectures.map(JSONValue.string))
            FieldTable.print(report, format)
        }
    }
}

struct ModelsInfoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "info", abstract: "Say what a model is and how its scores are made.",
        discussion: "EXAMPLES\n  resift models info\n  resift models info --model ms-marco-MiniLM-L-12-v2 --format json"
    )

    @OptionGroup var options: ModelOptions

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func run() async throws {
        try await reportingErrors {
            let model = try await options.load().model
            var report = JSONObject()
            report["name"] = .string(model.name)
            report["directory"] = .string(model.directory)
            report["architecture"] = .string(model.architecture)
            report["family"] = .string(model.family.rawValue)
            report["layers"] = .number(JSONNumber(model.layers))
            report["hidden_size"] = .number(JSONNumber(model.hiddenSize))
            report["vocab_size"] = .number(JSONNumber(model.vocabSize))
            report["max_tokens"] = .number(JSONNumber(model.maxTokens))
            report["labels"] = .number(JSONNumber(model.labels))
            report["prompt"] = .string(model.scoreRule.prompt)
            report["logit"] = .string(model.scoreRule.logit)
            report["activation"] = .string(model.activation.rawValue)
            report["score_kind"] = .string(model.activation.scoreKind.rawValue)
            report["reference"] = .string(model.scoreRule.reference)
            report["agreement"] = .string(model.scoreRule.agreement)
            var weights = JSONObject()
            for (type, count) in model.weightTypes.sorted(by: { $0.key < $1.key }) {
                weights[type] = .number(JSONNumber(count))
            }
            report["stored_weights"] = .object(weights)
            report["kernels"] = .string(model.kernels)
            report["precision"] = .string(model.precision.rawValue)
            report["packed_weights"] = .string(model.weightCache.summary)
            FieldTable.print(report, format)
        }
    }
}

extension WeightCache {
    fileprivate var summary: String {
        switch self {
        case .unused: "made at each start"
        case .mapped(let path): "mapped from \(path)"
        case .written(let path): "written to \(path) for the next start"
        case .unavailable(let reason): "made at each start: \(reason)"
        }
    }
}

struct ModelsSelftestCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "selftest",
        abstract: "Score stored pairs on this machine and compare with the reference.",
        discussion: """
            The pairs are in the model directory's selftest.json. Ends with status 0 if
            every logit is within the tolerance, 1 if not. The environment variable
            RESIFT_KERNELS chooses the kernel variant to test.
            """)

    @OptionGroup var options: ModelOptions

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func run() async throws {
        try await reportingErrors {
            let outcome = try await SelfTest.run(options.load())
            var report = JSONObject()
            report["result"] = .string(outcome.passed ? "pass" : "fail")
            report["model"] = .string(outcome.model)
            report["kernels"] = .string(outcome.kernels)
            report["precision"] = .string(outcome.precision.rawValue)
            report["pairs"] = .number(JSONNumber(outcome.pairs))
            report["worst_difference"] = JSONValue(Float(outcome.worstDifference))
            report["tolerance"] = JSONValue(Float(outcome.tolerance))
            report["reference"] = .string(outcome.reference)
            FieldTable.print(report, format)
            if !outcome.passed { throw ExitCode(ExitStatus.failed.rawValue) }
        }
    }
}

struct ModelsQuantizeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "quantize",
        abstract: "Make an int8 checkpoint of a cross-encoder, and compare it with the original first.",
        discussion: """
            EXAMPLES
              resift models quantize ms-marco-MiniLM-L-12-v2 --output MiniLM-L-12-int8
              resift models quantize my-model --output my-model-int8 \\
                --pairs pairs.jsonl --min-correlation 0.9995

            Matrices are rounded to bytes with one scale a row; the classification head
            stays as it is. The logits of both models on the pairs are compared, and
            nothing is written if they differ too much. Pairs are JSON Lines:
            {"query": "...", "documents": ["...", "..."]}.
            """)

    @Argument(help: ArgumentHelp("A cross-encoder: a directory, or owner/name.", valueName: "model"))
    var model: String

    @Option(help: ArgumentHelp("Where to; must not exist yet.", valueName: "directory"))
    var output: String

    @Option(
        help: ArgumentHelp(
            "What to compare on. Default: the pairs of the embedded model's self-test.", valueName: "file"))
    var pairs: String?

    @Option(help: "The least correlation of the logits.")
    var minCorrelation = 0.999

    @Option(help: "Threads for inference. Default: one for each CPU.")
    var threads: Int?

    @OptionGroup var hub: HubOptions

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func validate() throws {
        try ModelOptions.check(threads: threads)
        if !(-1...1).contains(minCorrelation) {
            throw ValidationError("--min-correlation is \(minCorrelation); a correlation is at most 1.")
        }
    }

    func run() async throws {
        try await reportingErrors {
            let samples = try pairs.map { path throws(RankingError) in try SampleReader().samples(in: .read(path: path))
            }
            var quantizer = ModelQuantizer(pool: ModelOptions.pool(threads: threads))
            quantizer.leastCorrelation = minCorrelation
            let check = try await quantizer.quantize(
                hub.directory(of: model), to: output, samples: samples ?? SelfTest.samples())
            var report = JSONObject()
            report["output"] = .string(output)
            report["pairs"] = .number(JSONNumber(check.pairs))
            report["logit_correlation"] = JSONNumber(check.correlation).map(JSONValue.number)
            report["worst_difference"] = JSONNumber(check.worstDifference).map(JSONValue.number)
            report["rank_agreement"] = check.rankAgreement.flatMap { JSONNumber($0) }.map(JSONValue.number) ?? .null
            FieldTable.print(report, format)
        }
    }
}

/// A report of named values, as aligned lines or as JSON.
enum FieldTable {
    static func print(_ report: JSONObject, _ format: ReportFormat) {
        switch format {
        case .json: Swift.print(JSONValue.object(report).pretty)
        case .table:
            let width = report.keys.map(\.count).max() ?? 0
            for member in report.members { Swift.print("\(member.key.padded(to: width))  \(text(member.value))") }
        }
    }

    private static func text(_ value: JSONValue) -> String {
        switch value {
        case .string(let text): text
        case .array(let items): items.map(text).joined(separator: ", ")
        case .object(let object): object.members.map { "\($0.key) \(text($0.value))" }.joined(separator: ", ")
        default: value.compact
        }
    }
}
