public import ArgumentParser
public import Resift

struct IndexCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "index", abstract: "Build, change and check the one-file index that `resift search` reads.",
        discussion: """
            EXAMPLES
              resift index build corpus.jsonl --output help.resift
              resift index build docs/ --output docs.resift --embedder all-MiniLM-L6-v2
              resift index build docs/ --output docs.resift --late-interaction colbert/
              resift index add new.jsonl --index help.resift --existing update
              resift index delete doc-17 doc-18 --index help.resift
              resift index verify help.resift

            Readers work while an index is changed, and see each change whole or not at
            all. A command that is killed leaves the index as it was before it.
            """,
        subcommands: [
            IndexBuildCommand.self, IndexAddCommand.self, IndexDeleteCommand.self, IndexInfoCommand.self,
            IndexVerifyCommand.self, IndexCompactCommand.self,
        ])
}

struct IndexBuildCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build", abstract: "Write a new index of a corpus.",
        discussion: """
            EXAMPLES
              resift index build corpus.jsonl --output help.resift
              resift index build scifact/ --output scifact.resift
              resift index build - --output help.resift < corpus.jsonl
              resift index build products.csv --output shop.resift --id-field sku \\
                --text-field description

            \(CorpusArguments.discussion)

            INTERRUPTION
              The index grows in FILE.building and moves to its place when it is whole.
              A build that was killed goes on from its last commit when the same command
              is given again; --restart begins anew.
            """)

    @OptionGroup var corpus: CorpusArguments

    @Option(name: [.short, .long], help: ArgumentHelp("The index to write.", valueName: "file"))
    var output: String

    @Option(help: "How texts become terms: english, unicode or cjk-bigram.")
    var analyzer: String = Analyzer.english.name

    @Option(
        help: ArgumentHelp(
            "Split longer documents into passages of this size; 0 never splits. Default: \(IndexDefaults.passageTokens), with --embedder at most its window.",
            valueName: "tokens"))
    var passageTokens: Int?

    @Option(
        help: ArgumentHelp(
            "What a passage shares with the one before it. Default: \(IndexDefaults.overlapTokens), at most a quarter.",
            valueName: "tokens"))
    var overlapTokens: Int?

    @Option(
        help: ArgumentHelp(
            "Also store vectors: a bi-encoder in the layout of sentence-transformers, a directory or owner/name.",
            valueName: "model"))
    var embedder: String?

    @OptionGroup var tokens: TokenVectorOptions

    @OptionGroup var hub: HubOptions

    @Option(
        help: ArgumentHelp(
            "Every search of the index has to name one value of this metadata field.", valueName: "field"))
    var tenantField: String?

    @Flag(help: "Replace an index that is there already.")
    var replace = false

    @Flag(help: "Do not go on with an interrupted build.")
    var restart = false

    @Option(help: "Threads for embedding. Default: one for each CPU.")
    var threads: Int?

    @Option(help: "How to print the summary.")
    var format: ReportFormat = .table

    func validate() throws {
        if let passageTokens, passageTokens < 0 || (1..<16).contains(passageTokens) {
            throw ValidationError("--passage-tokens is \(passageTokens); it has to be 0 or at least 16.")
        }
        if let overlapTokens, overlapTokens < 0 {
            throw ValidationError("--overlap-tokens is \(overlapTokens); it counts tokens, from 0.")
        }
        try ModelOptions.check(threads: threads)
    }

    func run() async throws {
        try await reportingErrors {
            var source = try corpus.documents()
            let pool = ModelOptions.pool(threads: threads)
            let encoder = try await hub.embedder(embedder, pool: pool)
            var settings = IndexSettings(
                analyzer: try Analyzer.named(analyzer), tenantField: tenantField)
            let tokenEncoder = try await tokens.encoder(hub, pool: pool)
            settings.passageTokens = try IndexDefaults.passageTokens(
                asked: passageTokens, embedder: encoder, tokenEncoder: tokenEncoder)
            settings.overlapTokens =
                overlapTokens ?? settings.passageTokens.map { min(IndexDefaults.overlapTokens, $0 / 4) } ?? 0
            if let encoder, let embedder {
                settings.embedder = try await IndexSettings.describe(encoder, directory: ModelStore().pinned(embedder))
            }
            settings.lateInteraction = try await tokens.settings(tokenEncoder)
            if restart { try IndexBuild.discardUnfinished(path: output) }
            let progress = ProgressLine()
            let indexer = try Indexer(settings: settings, embedder: encoder, tokenEncoder: tokenEncoder) {
                progress.show($0.line)
            }
            let report = try await indexer.build(
                &source, input: source.fingerprint, to: output, replacing: replace)
            progress.clear()
            corpus.note(source)
            IndexReport.print(report, path: output, format)
        }
    }
}

struct IndexAddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add documents to an index: all of them or, after an error, none.",
        discussion: """
            EXAMPLES
              resift index add new.jsonl --index help.resift
              resift index add - --index help.resift --existing update < changed.jsonl

            \(CorpusArguments.discussion)
            """)

    @OptionGroup var corpus: CorpusArguments

    @Option(help: ArgumentHelp("The index to change.", valueName: "file"))
    var index: String

    @Option(help: "Documents whose id the index has: stop, keep the old one, or take the new one.")
    var existing: ExistingDocuments = .refuse

    @Option(
        help: ArgumentHelp("The index's embedding model, where it has moved since the build.", valueName: "model"))
    var embedder: String?

    @Option(
        help: ArgumentHelp(
            "The index's late-interaction model, where it has moved since the build.", valueName: "model"))
    var lateInteraction: String?

    @OptionGroup var hub: HubOptions

    @Option(help: "Threads for embedding. Default: one for each CPU.")
    var threads: Int?

    @Option(help: "How to print the summary.")
    var format: ReportFormat = .table

    func validate() throws { try ModelOptions.check(threads: threads) }

    func run() async throws {
        try await reportingErrors {
            var source = try corpus.documents()
            let settings = try IndexWriter.open(path: index).settings
            let pool = ModelOptions.pool(threads: threads)
            let encoder = try await IndexEmbedder.load(
                settings, directory: hub.directoryIfNamed(embedder), pool: pool)
            let tokenEncoder = try await IndexTokenEncoder.load(
                settings, directory: hub.directoryIfNamed(lateInteraction), pool: pool)
            let progress = ProgressLine()
            let indexer = try Indexer(settings: settings, embedder: encoder, tokenEncoder: tokenEncoder) {
                progress.show($0.line)
            }
            let report = try await indexer.add(&source, to: index, existing: existing)
            progress.clear()
            corpus.note(source)
            IndexReport.print(report, path: index, format)
        }
    }
}

extension ExistingDocuments: ExpressibleByArgument {}

extension IndexingProgress {
    var line: String {
        let percent = share.map { " (\(Int($0 * 100)) %)" } ?? ""
        switch phase {
        case .reading: return "\(documents) documents\(percent)"
        case .finishing: return "\(documents) documents, finishing\(percent)"
        }
    }
}

/// What `index build` and `index add` print.
enum IndexReport {
    static func print(_ report: IndexingReport, path: String, _ format: ReportFormat) {
        var fields = JSONObject()
        fields["index"] = .string(path)
        fields["added"] = .number(JSONNumber(report.added))
        if report.resumed > 0 { fields["added_by_an_interrupted_build"] = .number(JSONNumber(report.resumed)) }
        if report.updated > 0 { fields["updated"] = .number(JSONNumber(report.updated)) }
        if report.skipped > 0 { fields["skipped"] = .number(JSONNumber(report.skipped)) }
        fields["passages"] = .number(JSONNumber(report.passages))
        if report.truncatedPassages > 0 {
            fields["passages_cut_by_the_embedder"] = .number(JSONNumber(report.truncatedPassages))
        }
        if report.truncatedTokenPassages > 0 {
            fields["passages_cut_by_the_late_interaction_model"] = .number(JSONNumber(report.truncatedTokenPassages))
        }
        fields["seconds"] = JSONNumber((report.milliseconds / 10).rounded() / 100).map(JSONValue.number)
        FieldTable.print(fields, format)
    }
}
