public import ArgumentParser
public import Resift

/// The model and the threads that a command runs with.
struct ModelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "A cross-encoder: a directory in the Hugging Face layout, or owner/name[@revision] that was pulled. Default: the one inside the package.",
            valueName: "model"))
    var model: String?

    @OptionGroup var hub: HubOptions

    @Option(help: "Threads for inference. Default: one for each CPU.")
    var threads: Int?

    @Option(help: "What the model multiplies; auto is int8 where the CPU is fast at it, else fp32.")
    var precision: Precision = .auto

    func validate() throws { try ModelOptions.check(threads: threads) }

    static func check(threads: Int?) throws {
        if let threads, !(1...1_024).contains(threads) {
            throw ValidationError("--threads is \(threads); it has to be 1 to 1024.")
        }
    }

    static func pool(threads: Int?) -> ComputePool { threads.map { ComputePool(threads: $0) } ?? .shared }

    func load() async throws -> Reranker { try await load(pool: ModelOptions.pool(threads: threads)) }

    func load(pool: ComputePool) async throws -> Reranker {
        if let model {
            return try await Reranker.load(directory: hub.directory(of: model), pool: pool, precision: precision)
        }
        return try Reranker.default(pool: pool, precision: precision)
    }
}

/// A time such as 150ms or 0.5s.
struct TimeArgument: ExpressibleByArgument {
    let duration: Duration

    init?(argument: String) {
        guard let duration = Duration(written: argument), duration <= .seconds(86_400) else { return nil }
        self.duration = duration
    }

    var defaultValueDescription: String { "\(duration.milliseconds)ms" }
}

/// What a reranker reads, what its scores are, and which are good enough.
struct ScoreOptions: ParsableArguments {
    @Option(
        help: """
            Which text of a pair is cut where both do not fit; the second is the document. \
            Default: longest_first; causal models have a rule of their own.
            """)
    var truncation: TruncationPolicy?

    @Option(help: "What a causal model's prompt tells it to look for. Default: the prompt's own text.")
    var instruction: String?

    @Option(
        help:
            "From logits to scores. Default: what config.json names, else what the model's library does; see models info."
    )
    var activation: ScoreActivation?

    // A negative number is a score, not an option.
    @Option(parsing: .unconditional, help: "Leave out what scores lower.")
    var minScore: Float?

    @Option(help: "Scores as probabilities of relevance, by the model's calibration; see evaluate --calibrate.")
    var calibrated: ScoreCalibration.Method?

    @Option(
        help: ArgumentHelp(
            "With --calibrated: the calibration. Default: \(CalibrationFile.name) beside the model.", valueName: "file")
    )
    var calibration: String?

    func validate() throws {
        if calibration != nil, calibrated == nil {
            throw ValidationError("--calibration needs --calibrated platt or --calibrated isotonic.")
        }
        if activation != nil, calibrated != nil {
            throw ValidationError("--calibrated takes the place of an activation; give one of the two.")
        }
    }

    var isDefault: Bool {
        minScore == nil && calibrated == nil && truncation == nil && instruction == nil && activation == nil
    }

    func apply(to options: inout RerankOptions, _ ranker: any DocumentRanker) throws(RankingError) {
        options.minScore = minScore
        options.truncation = truncation
        options.instruction = instruction
        options.activation = activation
        if let calibrated {
            options.calibration = try ranker.local(for: "--calibrated").calibration(calibrated, file: calibration)
        }
    }
}

/// The approximation that leaves pairs after an early layer.
struct LayerExitOptions: ParsableArguments {
    @Flag(help: "Approximate: do not finish scoring what an early layer sees behind the best; see models fit-exit.")
    var layerExit = false

    @Option(
        help: ArgumentHelp(
            "With --layer-exit: its file. Default: \(LayerExit.name) beside the model.", valueName: "file"))
    var layerExitFile: String?

    @Option(
        help: ArgumentHelp(
            "With --layer-exit: how far behind, in its standard errors; more prunes less.", valueName: "number"))
    var layerExitMargin = 2.0

    func validate() throws {
        if layerExitFile != nil, !layerExit { throw ValidationError("--layer-exit-file needs --layer-exit.") }
        if !(0...100).contains(layerExitMargin) {
            throw ValidationError("--layer-exit-margin is \(layerExitMargin); it has to be 0 to 100.")
        }
    }

    /// Nil without --layer-exit.
    func pruning(_ ranker: any DocumentRanker, top: Int) throws(RankingError) -> LayerExitPruning? {
        guard layerExit else { return nil }
        return LayerExitPruning(
            head: try ranker.local(for: "--layer-exit").layerExit(file: layerExitFile), top: top,
            margin: layerExitMargin)
    }
}

extension DocumentRanker {
    /// The model on this machine, for what only such a one can do.
    fileprivate func local(for option: String) throws(RankingError) -> Reranker {
        if let reranker = self as? Reranker { return reranker }
        throw RankingError(
            .invalidInput, what: "\(option) is asked for, and \(name) ranks.",
            why: "It is about a model on this machine that reads query and document together, alone.",
            fix: "Leave it out, or name such a model with --model.")
    }
}

extension ScoreCalibration.Method: ExpressibleByArgument {}
