public import ArgumentParser
public import Resift

extension DocumentFormat: ExpressibleByArgument {}
extension TruncationPolicy: ExpressibleByArgument {}
extension ScoreActivation: ExpressibleByArgument {}
extension Precision: ExpressibleByArgument {}

enum LongDocumentsChoice: String, CaseIterable, ExpressibleByArgument {
    case truncate, split, refuse
}

struct RerankCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rerank",
        abstract: "Order documents by how well they answer a query.",
        discussion: """
            EXAMPLES
              resift rerank "how do I reset my password?" --documents help.jsonl
              resift rerank "refund policy" --documents - --limit 3 < help.jsonl
              resift rerank "notice period" --documents contracts.jsonl \\
                --long-documents split
              resift rerank --queries queries.jsonl --documents corpus.jsonl \\
                --candidates bm25.trec --format trec

            DOCUMENTS
              JSON Lines: a string, or an object with "text", "title", "id" and any
              other fields, which are kept; a JSON array of the same; lines of
              "id<TAB>text"; or plain lines, where an empty line is an empty document.
              An object's title and text are read, joined by a space. --rank-fields
              reads other fields, written "field: value", one a line.

            LATE INTERACTION
              --model also takes a ColBERT model, which is told by its files
              (artifact.metadata, or modules.json of PyLate). Its scores are sums of
              cosines, max_sim; --explain names the tokens that matched. There
              --precision auto is fp32.

            OUTPUT
              A table on a terminal, JSON Lines in a pipe: rank, index (position in
              the input, from 0), id, score, score_kind, text, the input's other
              fields, and passage {start, end} in Unicode code points of the text
              where a document was split. An input field that has one of these names
              becomes input_NAME. truncated_tokens says what did not fit.
            """)

    @Argument(help: "What the documents have to answer. Left out with --queries.")
    var query: String?

    @Option(help: ArgumentHelp("The documents; - is standard input.", valueName: "file"))
    var documents: String

    @Option(help: ArgumentHelp("Many queries: JSON Lines with _id and text, or id<TAB>text.", valueName: "file"))
    var queries: String?

    @Option(
        help: ArgumentHelp(
            "With --queries: which documents each query ranks, as a TREC run. Without it, all.", valueName: "file"))
    var candidates: String?

    @Option(help: "How many to print; 0 for all. Default: 10, with --queries all.")
    var limit: Int?

    @Option(help: "How to print. Default: table on a terminal, else jsonl.")
    var format: OutputFormat?

    @Option(help: "How the documents are written.")
    var inputFormat: DocumentFormat = .auto

    @Option(help: ArgumentHelp("The fields of an object to read, in order, separated by commas.", valueName: "fields"))
    var rankFields: String?

    @Option(help: "Documents that do not fit: cut the end off, score passages and take the best, or stop.")
    var longDocuments: LongDocumentsChoice = .truncate

    @Option(help: ArgumentHelp("With --long-documents split: tokens that passages share.", valueName: "tokens"))
    var overlap: Int = 64

    @Option(help: ArgumentHelp("A smaller window than the model's own.", valueName: "tokens"))
    var maxTokens: Int?

    @Option(help: "For a model with several labels: the one that means relevant.")
    var label: Int?

    @Option(help: "Longest line of the input.")
    var maxLineBytes: Int = InputBytes.defaultMaxLineBytes

    @Option(
        help: ArgumentHelp(
            "Answer in this time, with the candidates that could be scored in it first: 150ms, 2s.", valueName: "time"))
    var deadline: TimeArgument?

    @Flag(help: "Say for each document how its score came about, and print a report on standard error.")
    var explain = false

    @OptionGroup var scores: ScoreOptions

    @OptionGroup var exit: LayerExitOptions

    @OptionGroup var ranker: RankerOptions

    @OptionGroup var cache: CacheOptions

    @OptionGroup var model: ModelOptions

    func validate() throws {
        switch (query, queries) {
        case (nil, nil): throw ValidationError("Give a query, or --queries FILE.")
        case (.some, .some): throw ValidationError("Give a query or --queries FILE, not both.")
        default: break
        }
        if candidates != nil, queries == nil { throw ValidationError("--candidates needs --queries.") }
        if let limit, limit < 0 { throw ValidationError("--limit is \(limit); it counts documents, from 0 (all).") }
        if let maxTokens, maxTokens < 1 {
            throw ValidationError("--max-tokens is \(maxTokens); it has to be positive.")
        }
        if exit.layerExit, limit(default: queries == nil ? 10 : nil) == nil {
            throw ValidationError("--layer-exit looks for the best; say how many with --limit.")
        }
        try ranker.check(model)
        if let fields, fields.isEmpty { throw ValidationError("--rank-fields names no field.") }
        if maxLineBytes < 1 { throw ValidationError("--max-line-bytes has to be positive.") }
    }

    func run() async throws {
        try await reportingErrors {
            try await cache.whileOpen { cache in
                if let queries {
                    try await rankMany(queries, cache)
                } else {
                    try await rankOne(query ?? "", cache)
                }
            }
        }
    }

    private func rankOne(_ query: String, _ cache: (any ScoreCache)?) async throws {
        let documents = try read(documents)
        let reranker = try await load(cache)
        var options = try options(reranker)
        try await ranker.cost.check([reranker]) { [options] estimating in
            for ranker in estimating { _ = try await ranker.rerank(query, documents, limit: nil, options: options) }
        }
        let progress = ProgressLine()
        options.progress = { progress.show("scored \($0.scoredPairs) of \($0.totalPairs) passages") }
        let ranking = try await reranker.rerank(query, documents, limit: limit(default: 10), options: options)
        progress.clear()
        try await writer.write(ranking, query: nil, matches: matches(reranker, query, ranking, options))
        note(ranking)
        try ranker.enforce(ranking.report.isAsAsked)
    }

    private func load(_ cache: (any ScoreCache)?) async throws -> any DocumentRanker {
        try await ranker.load(model, pool: ModelOptions.pool(threads: model.threads), cache: cache)
    }

    private func rankMany(_ path: String, _ cache: (any ScoreCache)?) async throws {
        let queries = try QueryReader(maxLineBytes: maxLineBytes).queries(in: .read(path: path))
        let pools = try CandidatePools(
            documents: read(documents), run: candidates.map { path in try .read(path: path) }, queries: queries)
        let reranker = try await load(cache)
        let options = try options(reranker)
        try await ranker.cost.check([reranker]) { estimating in
            for query in queries {
                let pool = pools.documents(for: query)
                guard !pool.isEmpty else { continue }
                for ranker in estimating {
                    _ = try await ranker.rerank(query.text, pool, limit: nil, options: options)
                }
            }
        }
        let progress = ProgressLine()
        var incomplete = 0
        var asAsked = true
        for (done, query) in queries.enumerated() {
            let pool = pools.documents(for: query)
            guard !pool.isEmpty else { continue }
            progress.show("query \(done + 1) of \(queries.count)")
            let ranking = try await reranker.rerank(query.text, pool, limit: limit(default: nil), options: options)
            try await writer.write(ranking, query: query, matches: matches(reranker, query.text, ranking, options))
            asAsked = asAsked && ranking.report.isAsAsked
            if !ranking.report.isComplete { incomplete += 1 }
            if explain { note(ranking) } else { RankerOptions.note(ranking.report) }
        }
        progress.clear()
        if incomplete > 0 {
            StandardError.write(
                "note: \(cause) left documents of \(incomplete) of \(queries.count) queries without a score\n")
        }
        if pools.queriesWithoutCandidates > 0 {
            StandardError.write(
                "note: \(pools.queriesWithoutCandidates) of \(queries.count) queries have no candidates and no ranking\n"
            )
        }
        try ranker.enforce(asAsked)
    }

    /// Why a document can have no score.
    private var cause: String { deadline == nil ? "the layer exit" : "the deadline" }

    /// Which tokens a late-interaction model matched, by the scored candidates' index; empty unless that is asked for.
    private func matches(
        _ ranker: any DocumentRanker, _ query: String, _ ranking: DocumentRanking, _ options: RerankOptions
    ) async throws -> [Int: [TokenMatch]] {
        guard explain, let ranker = ranker.lateInteraction else { return [:] }
        var options = options
        // It was for the ranking.
        options.deadline = nil
        let explanations = try await ranker.explain(query, ranking, limit: .max, options: options)
        return Dictionary(
            uniqueKeysWithValues: zip(ranking.candidates.map(\.index), explanations).compactMap { index, matches in
                matches.map { (index, $0) }
            })
    }

    private func options(_ reranker: any DocumentRanker) throws(RankingError) -> RerankOptions {
        let long: LongDocuments =
            switch longDocuments {
            case .truncate: .truncate
            case .split: .split(overlapTokens: overlap)
            case .refuse: .refuse
            }
        var options = RerankOptions(
            longDocuments: long, maxTokens: maxTokens, rankFields: fields, label: label,
            deadline: deadline?.duration)
        try scores.apply(to: &options, reranker)
        options.layerExit = try exit.pruning(reranker, top: limit(default: 10) ?? 10)
        return options
    }

    private var fields: [String]? { rankFields?.split(separator: ",").map(String.init) }

    private var writer: RankingWriter {
        RankingWriter(
            format: format ?? (Terminal.outputIsTerminal ? .table : .jsonl), explain: explain, rankFields: fields)
    }

    private func limit(default count: Int?) -> Int? {
        guard let limit else { return count }
        return limit == 0 ? nil : limit
    }

    private func read(_ path: String) throws(RankingError) -> [Document] {
        try DocumentReader(format: inputFormat, maxLineBytes: maxLineBytes).documents(in: .read(path: path))
    }

    /// What the ranking does not show goes to standard error: nothing is left out silently.
    private func note(_ ranking: DocumentRanking) {
        let report = ranking.report
        RankerOptions.note(report)
        if report.unscoredDocuments > 0, report.failure == nil {
            StandardError.write(
                "note: \(cause) left \(report.unscoredDocuments) of \(report.documents) documents without a score; they follow in the order given\n"
            )
        }
        let hidden = report.documents - report.belowMinScore - ranking.candidates.count
        if hidden > 0, limit == nil {
            StandardError.write(
                "note: the best \(ranking.candidates.count) of \(report.documents) documents; --limit 0 prints all\n")
        }
        if report.truncatedDocuments > 0 {
            StandardError.write(
                "note: \(report.truncatedDocuments) of \(report.documents) documents were cut to the model's window; --long-documents split scores all of them\n"
            )
        }
        if report.truncatedQueryTokens > 0 {
            StandardError.write("note: the query lost \(report.truncatedQueryTokens) tokens to the model's window\n")
        }
        guard explain else { return }
        StandardError.write(
            """
            \(report.model): \(report.pairs) pairs, \(report.tokens) tokens, \(report.totalMilliseconds.rounded()) ms \
            (tokenize \(report.tokenizeMilliseconds.rounded()), inference \(report.inferenceMilliseconds.rounded()))\
            \(report.compute.map { ", \($0.threads) threads, \($0.kernels) kernels, \($0.precision)" } ?? "")\
            \(report.cacheHits > 0 ? ", \(report.cacheHits) from the cache" : "")\
            \(report.usage.map { "; \($0.line)" } ?? "")

            """)
    }
}
