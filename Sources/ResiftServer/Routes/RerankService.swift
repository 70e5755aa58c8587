import HTTPTypes
import Hummingbird
import OrderedJSON
import Ranking
import Reranking
import Resift

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The routes that score.
struct RerankService: Sendable {
    let core: ServerCore

    // MARK: Rerank

    func rerank(_ exchange: Exchange, _ body: [UInt8]) async throws -> (Response, Outcome) {
        let fields = try RequestFields(body: body)
        let dialect = Dialect.of(
            exchange.request.uri.path, fields, hasAPIKeyHeader: exchange.request.headers[.apiKey] != nil)
        var call = try RerankCall(
            fields, dialect: dialect, limits: core.settings.limits.request, longDocuments: core.settings.longDocuments)
        let choice = try core.models.choose(call.model)
        let served = choice.served
        try prepare(&call, served, exchange)
        if call.spans != nil, served.model == nil {
            throw WireError.field(
                "relevant_spans", "is asked of \(served.name), which is no cross-encoder on this machine",
                fix: "Leave it out, or name one of the models of /v1/models with a `max_model_len`.")
        }
        if call.explains, served.explainer == nil {
            throw WireError.field(
                "resift.explain", "is asked of \(served.name), whose scores are not sums over tokens",
                fix: "Leave it out, or name a late-interaction model: one of /v1/models where `explains` is true.")
        }
        let end = call.options.deadline.map { ContinuousClock.now + $0 }
        var ranking = try await served.ranker.rerank(
            call.query, call.documents, limit: served.model == nil && call.minScore != nil ? nil : call.limit,
            options: call.options)
        if served.model == nil, let minimum = call.minScore { ranking.keepRelevant(minimum, limit: call.limit) }
        let spans = try await call.spans.asyncMap { request -> [[RerankAnswer.RelevantSpan]]? in
            guard let model = served.model else { return nil }
            return try await SpanFinder(reranker: model, call: call).spans(of: ranking.candidates, request)
        }?.flatMap(\.self)
        let explanation = try await explanation(of: ranking, call, served, until: end)
        let answer = RerankAnswer(
            call: call, ranking: ranking, spans: spans, explanation: explanation, requestID: exchange.id,
            model: served.name,
            warnings: [choice.warning, explanation?.warning].compactMap(\.self) + ranking.report.warnings)
        var response = Responder.response(answer.json)
        response.headers[.model] = served.name
        addTimes(ranking.report, exchange, to: &response)
        return (response, Outcome(report: ranking.report, model: served.name))
    }

    /// Which tokens of the results matched, in what is left of the deadline; nil where that is not asked for.
    private func explanation(
        of ranking: DocumentRanking, _ call: RerankCall, _ served: ServedModels.Served,
        until end: ContinuousClock.Instant?
    ) async throws -> RerankAnswer.Explanation? {
        guard call.explains, let explainer = served.explainer else { return nil }
        var explanation = RerankAnswer.Explanation(ranking)
        var options = call.options
        options.minScore = nil
        if let end {
            let left = end - .now
            guard left > .zero else { return explanation }
            options.deadline = left
        }
        explanation.matches = try await explainer.explain(
            call.query, ranking, limit: RerankAnswer.Explanation.maxDocuments, options: options)
        return explanation
    }

    /// Adds what depends on the model and the server to a call's options.
    private func prepare(_ call: inout RerankCall, _ served: ServedModels.Served, _ exchange: Exchange) throws {
        prepare(&call.options, served, exchange)
        // What runs elsewhere has scores of its own kind: they are compared when they are there.
        if let minimum = call.minScore, let model = served.model {
            let isLogit = model.model.labels == 1
            // The logit whose sigmoid it is.
            call.options.minScore = Float(isLogit && !call.rawScores ? log(minimum / (1 - minimum)) : minimum)
            if call.options.minScore?.isNaN == true { call.options.minScore = minimum <= 0 ? -.infinity : .infinity }
        }
        if let header = exchange.request.headers[.deadline] {
            guard let milliseconds = Double(header), milliseconds > 0, milliseconds <= 86_400_000 else {
                throw WireError.field(
                    HTTPField.Name.deadline.rawName, "is not a number of milliseconds",
                    fix: "Send one over 0, up to 86400000.")
            }
            call.options.deadline = .milliseconds(milliseconds)
        }
        // Of the time that the client gives, reading the request has taken some.
        if let deadline = call.options.deadline {
            call.options.deadline = max(.microseconds(1), deadline - (.now - exchange.begin))
        }
    }

    private func prepare(_ options: inout RerankOptions, _ served: ServedModels.Served, _ exchange: Exchange) {
        options.client = exchange.client
        options.maxWait = core.settings.limits.maxQueueWait
        options.maxDocumentBytes = core.settings.limits.maxDocumentBytes
        guard let model = served.model else {
            // Scores of a kind of their own, as they come.
            options.activation = nil
            // Services refuse the limit: of what runs elsewhere, nobody here counts the tokens.
            if served.ranker.services.isEmpty {
                options.maxTotalTokens = core.settings.limits.maxRequestTokens
            }
            return
        }
        options.activation = model.model.labels == 1 ? .identity : .softmax
        options.maxTotalTokens = core.settings.limits.maxRequestTokens
    }

    /// As browsers show them, and as TEI names them.
    private func addTimes(_ report: RerankReport, _ exchange: Exchange, to response: inout Response) {
        let total = (ContinuousClock.now - exchange.begin).milliseconds
        let stages = [
            ("queue", report.queueMilliseconds), ("tokenize", report.tokenizeMilliseconds),
            ("infer", report.inferenceMilliseconds), ("rank", report.rankMilliseconds), ("total", total),
        ]
        response.headers[.serverTiming] = stages.map { "\($0);dur=\(Double(Int($1 * 1_000)) / 1_000)" }
            .joined(separator: ", ")
    }

    // MARK: Score

    /// vLLM's: the scores of pairs, in the order of the request.
    func score(_ exchange: Exchange, _ body: [UInt8]) async throws -> (Response, Outcome) {
        let call = try ScoreCall(RequestFields(body: body), limits: core.settings.limits.request)
        let choice = try core.models.choose(call.model)
        let served = choice.served
        var options = RerankOptions(longDocuments: core.settings.longDocuments)
        prepare(&options, served, exchange)
        if call.refusesLong { options.longDocuments = .refuse }
        let groups = call.groups
        var scores = [Double](repeating: 0, count: call.pairs.count)
        var report: RerankReport?
        // So many queries at a time fill batches; more would only take memory.
        let atOnce = 16
        try await withThrowingTaskGroup(of: (Int, DocumentRanking).self) { tasks in
            var next = 0
            func add() {
                let group = groups[next]
                let options = options
                let place = next
                tasks.addTask {
                    let ranking = try await served.ranker.rerank(
                        group.query, group.places.map { Document(call.pairs[$0].document) }, limit: nil,
                        options: options)
                    return (place, ranking)
                }
                next += 1
            }
            while next < min(atOnce, groups.count) { add() }
            while let (place, ranking) = try await tasks.next() {
                for (candidate, relevance) in zip(ranking.candidates, ranking.relevances) {
                    guard let relevance else { throw WireError(unscored: ranking.report) }
                    scores[groups[place].places[candidate.index]] =
                        call.rawScores ? Double(candidate.logit) : relevance
                }
                report = report.map { $0 + ranking.report } ?? ranking.report
                if next < groups.count { add() }
            }
        }
        guard let report else { throw WireError.internal }
        var response = Responder.response(
            call.answer(scores, tokens: report.tokens, id: exchange.id, model: served.name))
        response.headers[.model] = served.name
        addTimes(report, exchange, to: &response)
        return (response, Outcome(report: report, model: served.name))
    }

    // MARK: Search

    func search(_ exchange: Exchange, _ body: [UInt8]) async throws -> (Response, Outcome) {
        guard let search = core.search else {
            throw WireError(
                .notFound, .notFound, code: "no_index",
                "This server has no index to search. Its operator can name one with --index.")
        }
        let fields = try RequestFields(body: body)
        let served = try core.models.choose(fields.string("model")).served
        let call = try SearchCall(fields)
        let (answer, report) = try await search.answer(call, served, exchange, core.settings.limits)
        return (Responder.response(answer), Outcome(report: report, model: served.name))
    }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}

extension RerankReport {
    /// What clients of vendors' forms learn in no other way.
    var warnings: [String] {
        var warnings = failures.map { failure in
            "\(failure.ranker) failed (\(failure.code.rawValue)), and "
                + (failure.rankedBy.map { "\($0) ranked instead." } ?? "gave no scores.")
        }
        if !isReranked { warnings.append("Nothing was reranked: the documents are in the order of the request.") }
        warnings += skippedRankers.map { "The deadline left no time for \($0)." }
        warnings += usage?.notes ?? []
        if truncatedDocuments > 0 {
            warnings.append("\(truncatedDocuments) of \(documents) documents were cut to the model's window.")
        }
        if truncatedQueryTokens > 0 {
            warnings.append("The query was cut by \(truncatedQueryTokens) tokens beside the longest document.")
        }
        if unscoredDocuments > 0, isReranked {
            warnings.append(
                "\(unscoredDocuments) of \(documents) documents have no score: the deadline came first. They follow in the order of the request."
            )
        }
        return warnings
    }

    /// Of two parts of one request.
    static func + (a: RerankReport, b: RerankReport) -> RerankReport {
        var sum = a
        sum.documents += b.documents
        sum.pairs += b.pairs
        sum.tokens += b.tokens
        sum.truncatedDocuments += b.truncatedDocuments
        sum.truncatedQueryTokens = max(a.truncatedQueryTokens, b.truncatedQueryTokens)
        sum.cacheHits += b.cacheHits
        sum.unscoredDocuments += b.unscoredDocuments
        sum.belowMinScore += b.belowMinScore
        sum.queueMilliseconds = max(a.queueMilliseconds, b.queueMilliseconds)
        sum.tokenizeMilliseconds += b.tokenizeMilliseconds
        sum.inferenceMilliseconds = max(a.inferenceMilliseconds, b.inferenceMilliseconds)
        sum.rankMilliseconds += b.rankMilliseconds
        sum.totalMilliseconds = max(a.totalMilliseconds, b.totalMilliseconds)
        return sum
    }
}
