public import ArgumentParser
public import Resift

extension LengthEncoding: ExpressibleByArgument {}
extension ScoreNormalization: ExpressibleByArgument {}
extension RerankedText: ExpressibleByArgument {}

extension EvaluationStage.Retrieval: ExpressibleByArgument {}

struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search",
        abstract: "Find documents in an index: first stages retrieve, a reranker orders.",
        discussion: """
            EXAMPLES
              resift search "refund policy for annual plans" --index help.resift
              resift search "outage" --index help.resift \\
                --filter 'created_at > now-30d and tags = status'
              resift search "sso" --index help.resift --stages bm25 --no-rerank --explain
              resift search --queries queries.jsonl --index scifact.resift --format trec

            STAGES
              bm25 finds by words, dense by the nearest vectors, hybrid by both, fused by
              reciprocal rank fusion; colbert by late interaction with stored token
              vectors, bm25-colbert and hybrid-colbert by it and the others, fused. The
              default is hybrid for an index with vectors, else bm25.
              The best --pool candidates are reranked, unless that is needless: the index
              has fewer than \(Pipeline.smallIndex) passages, or the query is the first candidate's
              title or id. --rerank and --no-rerank decide instead. --reranker colbert
              reranks by the stored token vectors, in milliseconds.

            POOLS
              --candidates 'STAGE[:DEPTH][:FILTER]', given several times, replaces
              --stages: each is a list of candidates of its own, all are fused, so that
              what is new, say, always has its places:
                --candidates bm25:100 --candidates 'bm25:20:created_at > now-30d'

            FILTERS
              field = value, != < <= > >=, in (a, b), exists(field), and, or, not,
              parentheses; values are words, 'quoted texts', numbers, true, false, dates
              (2026-01-31) and now, now-30d (s, m, h, d, w). Of a field with several
              values one has to fit.

            OUTPUT
              A table on a terminal, JSON Lines in a pipe: rank, id, score, score_kind,
              title, text, metadata, passage {start, end} in Unicode code points of the
              text where a document was split, first_stage_rank, and the rank and score
              in each pool. What was done goes to standard error with --explain.
            """)

    @Argument(help: "What the documents have to answer. Left out with --queries.")
    var query: String?

    @Option(help: ArgumentHelp("The index, written by resift index build.", valueName: "file"))
    var index: String

    @Option(help: ArgumentHelp("Many queries: JSON Lines with _id and text, or id<TAB>text.", valueName: "file"))
    var queries: String?

    @Option(help: "Which first stages find candidates.")
    var stages: EvaluationStage.Retrieval?

    @Option(help: ArgumentHelp("A list of candidates of its own; see POOLS.", valueName: "pool"))
    var candidates: [String] = []

    @Flag(inversion: .prefixedNo, help: "Rerank the candidates always, or never.")
    var rerank: Bool?

    @Option(name: .customLong("pool"), help: "Candidates that are reranked.")
    var poolSize = 50

    @Option(help: "Results to print. Default: 10, with --queries 100.")
    var limit: Int?

    @Option(help: "What a document's metadata has to satisfy.")
    var filter: String?

    @Option(help: "The tenant whose documents are searched, in an index that holds several.")
    var tenant: String?

    @Option(help: "BM25: how slowly repetitions saturate.")
    var k1: Double = BM25.lucene.k1

    @Option(help: "BM25: how much length counts, 0 to 1.")
    var b: Double = BM25.lucene.b

    @Option(help: "BM25: lengths as they are, or rounded to one byte as Lucene does.")
    var lengths: LengthEncoding = .exact

    @Option(help: "Reciprocal rank fusion: how little the first ranks stand out.")
    var rankConstant: Double = 60

    @Option(
        help: ArgumentHelp("Fuse normalized scores instead of ranks: min-max, z-score, sum, rank.", valueName: "way"))
    var fusion: ScoreNormalization?

    @Option(
        help: ArgumentHelp("Fusion: the share of bm25 with --stages hybrid; the rest is dense's.", valueName: "share"))
    var lexicalWeight = 0.5

    @Option(
        help: "What the reranker reads of a document: best-passage, truncated (the whole text, cut), every-passage.")
    var rerankedText: RerankedText = .bestPassage

    @Option(
        help: ArgumentHelp("The index's embedding model, where it has moved since the build.", valueName: "model"))
    var embedder: String?

    @Option(
        help: ArgumentHelp(
            "The index's late-interaction model, where it has moved since the build.", valueName: "model"))
    var lateInteraction: String?

    @Option(
        help: ArgumentHelp(
            "Answer in this time, with the candidates that could be scored in it first: 150ms, 2s.", valueName: "time"))
    var deadline: TimeArgument?

    @Flag(help: "Say how each result came about, and what each stage did and changed.")
    var explain = false

    @Option(help: "How to print. Default: table on a terminal, else jsonl.")
    var format: OutputFormat?

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
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); it counts results, from 1.") }
        if !(0...1).contains(lexicalWeight) {
            throw ValidationError("--lexical-weight is \(lexicalWeight); it is a share, 0 to 1.")
        }
        if lexicalWeight != 0.5, let stages, stages != .hybrid {
            throw ValidationError(
                "--lexical-weight is about --stages hybrid; \(stages.rawValue) has no such share. Leave it out, or weigh each list with --candidates."
            )
        }
        if poolSize < 1 { throw ValidationError("--pool is \(poolSize); it counts candidates, from 1.") }
        if rerank == false, !scores.isDefault || exit.layerExit {
            throw ValidationError(
                "--min-score, --calibrated, --layer-exit, --activation, --truncation and --instruction are about the reranker; leave out --no-rerank."
            )
        }
        try ranker.check(model)
        if stages != nil, !candidates.isEmpty { throw ValidationError("Give --stages or --candidates, not both.") }
    }

    func run() async throws {
        try await reportingErrors {
            let index = try openIndex()
            var options = try searchOptions()
            let stages = options.pools?.map(\.stage) ?? []
            let compute = ModelOptions.pool(threads: model.threads)
            let wantsDense = options.pools == nil || stages.contains(.dense)
            let encoder =
                wantsDense || embedder != nil
                ? try await IndexEmbedder.load(
                    index.settings, directory: model.hub.directoryIfNamed(embedder), pool: compute) : nil
            let usesStored = try options.rerank != .never && ranker.usesStoredTokenVectors()
            let tokenEncoder =
                stages.contains(.colbert) || usesStored || lateInteraction != nil
                ? try await IndexTokenEncoder.load(
                    index.settings, directory: model.hub.directoryIfNamed(lateInteraction), pool: compute) : nil
            let stored =
                try usesStored ? tokenEncoder.map { try StoredLateInteraction(index, encoder: $0) } : nil
            try await cache.whileOpen { cache in
                var reranker: (any DocumentRanker)?
                if options.rerank != .never {
                    let loaded = try await ranker.load(model, pool: compute, cache: cache, stored: stored)
                    try scores.apply(to: &options.rerankOptions, loaded)
                    options.rerankOptions.layerExit = try exit.pruning(loaded, top: options.limit)
                    reranker = loaded
                }
                let many = try queries.map { path in try QueryReader().queries(in: .read(path: path)) }
                try await ranker.cost.check([reranker].compactMap(\.self)) { [options] estimating in
                    for ranker in estimating {
                        let pipeline = Pipeline(
                            index: index, reranker: ranker, embedder: encoder, tokenEncoder: tokenEncoder,
                            pool: compute)
                        try await rehearse(many?.map(\.text) ?? [query ?? ""], pipeline, options)
                    }
                }
                let pipeline = Pipeline(
                    index: index, reranker: reranker, embedder: encoder, tokenEncoder: tokenEncoder, pool: compute)
                if let many {
                    try await searchMany(many, pipeline, options)
                } else {
                    try await searchOne(query ?? "", pipeline, options)
                }
            }
        }
    }

    /// Why a candidate can have no score.
    private var cause: String { deadline == nil ? "the layer exit" : "the deadline" }

    private func openIndex() throws(RankingError) -> SearchIndex {
        guard let tenant else { return try SearchIndex.open(path: index) }
        return try SearchIndex.open(path: index, tenant: tenant)
    }

    private func searchOptions() throws(RankingError) -> SearchOptions {
        var options = SearchOptions()
        options.pools = try pools()
        options.fusion = fusion.map { .convexCombination($0) } ?? .reciprocalRank(rankConstant: rankConstant)
        options.rerankedText = rerankedText
        options.filter = try filter.map { text throws(RankingError) in try Filter(parsing: text) }
        options.limit = limit ?? (queries == nil ? 10 : 100)
        // An answer cannot be longer than its pool.
        options.poolSize = max(poolSize, options.limit)
        options.bm25 = try BM25(k1: k1, b: b, lengths: lengths)
        // A threshold on the reranker's scores asks for them.
        let wantsScores = !scores.isDefault || exit.layerExit
        options.rerank = rerank.map { $0 ? .always : .never } ?? (wantsScores ? .always : .whenUseful)
        options.rerankOptions = RerankOptions(longDocuments: .truncate)
        options.deadline = deadline?.duration
        options.explain = explain
        return options
    }

    /// Nil for the default.
    private func pools() throws(RankingError) -> [CandidatePool]? {
        let depth = max(100, poolSize, limit ?? 0)
        guard candidates.isEmpty else {
            return try candidates.enumerated().map { place, text throws(RankingError) in
                try CandidatePool(parsing: text, number: place + 1, depth: depth)
            }
        }
        switch stages {
        case nil: return nil
        case let stages? where stages != .hybrid: return stages.stages.map { CandidatePool($0, depth: depth) }
        default:
            // Twice the shares, so that halves are the weights of 1 that other searches have.
            return [
                CandidatePool(.bm25, depth: depth, weight: 2 * lexicalWeight),
                CandidatePool(.dense, depth: depth, weight: 2 * (1 - lexicalWeight)),
            ]
        }
    }

    private func searchOne(_ query: String, _ pipeline: Pipeline, _ options: SearchOptions) async throws {
        let answer = try await pipeline.search(query, options)
        try writer.write(answer, query: nil)
        note(answer)
        try ranker.enforce(answer.isRerankedAsAsked)
    }

    /// Searches and throws the answers away.
    private func rehearse(_ queries: [String], _ pipeline: Pipeline, _ options: SearchOptions) async throws {
        var options = options
        // What a late rehearsal left out would be missing in the estimate.
        options.deadline = nil
        for query in queries {
            do {
                _ = try await pipeline.search(query, options)
            } catch let error as RankingError where error.code == .nothingToSearch {
                continue
            }
        }
    }

    private func searchMany(_ queries: [Query], _ pipeline: Pipeline, _ options: SearchOptions) async throws {
        let progress = ProgressLine()
        var withoutTerms: [String] = []
        var incomplete = 0
        var asAsked = true
        for (done, query) in queries.enumerated() {
            progress.show("query \(done + 1) of \(queries.count)")
            do {
                let answer = try await pipeline.search(query.text, options)
                try writer.write(answer, query: query)
                asAsked = asAsked && answer.isRerankedAsAsked
                if !answer.isComplete { incomplete += 1 }
                if explain { note(answer) } else { answer.reranking.report.map(RankerOptions.note) }
            } catch let error as RankingError where error.code == .nothingToSearch {
                withoutTerms.append(query.id)
            }
        }
        progress.clear()
        if incomplete > 0 {
            StandardError.write(
                "note: \(cause) left candidates of \(incomplete) of \(queries.count) queries without a score\n")
        }
        if !withoutTerms.isEmpty {
            StandardError.write(
                "note: \(withoutTerms.count) of \(queries.count) queries have no word to look up and no results: \(withoutTerms.prefix(10).joined(separator: ", "))\(withoutTerms.count > 10 ? ", ..." : "")\n"
            )
        }
        try ranker.enforce(asAsked)
    }

    private var writer: SearchWriter {
        SearchWriter(format: format ?? (Terminal.outputIsTerminal ? .table : .jsonl), explain: explain)
    }

    /// What the results do not show goes to standard error.
    private func note(_ answer: SearchAnswer) {
        if let report = answer.reranking.report { RankerOptions.note(report) }
        if let report = answer.reranking.report, report.unscoredDocuments > 0, report.failure == nil {
            StandardError.write(
                "note: \(cause) left \(report.unscoredDocuments) of \(report.documents) candidates without a score; they follow in the first stages' order\n"
            )
        }
        if let report = answer.reranking.report, report.belowMinScore > 0 {
            StandardError.write(
                "note: \(report.belowMinScore) of \(report.documents) candidates score below --min-score\n")
        }
        if let report = answer.reranking.report, report.truncatedDocuments > 0 {
            StandardError.write(
                "note: \(report.truncatedDocuments) of \(report.documents) candidates were cut to the reranker's window\n"
            )
        }
        let missedDeadline = answer.reranking.missedDeadline
        guard explain || missedDeadline || !answer.reranking.reranked && rerank == nil else { return }
        if !answer.reranking.reranked {
            let advice = rerank == nil && !missedDeadline ? " --rerank does it anyway." : ""
            StandardError.write("note: not reranked: \(answer.reranking.reason)\(advice)\n")
        }
        guard explain else { return }
        for pool in answer.pools {
            StandardError.write(
                "\(pool.name): \(pool.candidates) candidates, \(pool.milliseconds.rounded(places: 1)) ms\(pool.searched ? "" : " (no word to look up)")\n"
            )
        }
        StandardError.write(
            "fused: \(answer.fusedCandidates) documents, of which \(answer.candidates) are candidates; \(answer.retrievalMilliseconds.rounded(places: 1)) ms for the first pass\n"
        )
        if let report = answer.reranking.report {
            StandardError.write(
                "reranked: \(report.pairs) pairs by \(report.model)\(report.compute.map { " in \($0.precision)" } ?? ""), \(report.totalMilliseconds.rounded(places: 1)) ms\(report.usage.map { "; \($0.line)" } ?? "")\n"
            )
        }
        StandardError.write("total: \(answer.totalMilliseconds.rounded(places: 1)) ms\n")
    }
}

extension Double {
    fileprivate func rounded(places: Int) -> String {
        let factor = places == 0 ? 1.0 : 10.0
        return "\((self * factor).rounded() / factor)"
    }
}
