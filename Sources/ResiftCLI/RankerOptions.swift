import ArgumentParser
import Resift

/// Another ranker than a model on this machine, and what happens where it fails.
struct RankerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Rank by something else than --model: a service (cohere:rerank-v3.5, tei:http://localhost:8080), a language \
            model (llm:anthropic/MODEL), or a YAML file with a cascade or an ensemble.
            """, valueName: "name-or-file"))
    var reranker: String?

    @Option(
        help: ArgumentHelp(
            "Where the reranker fails: throw, keep-order, or the name of another reranker.", valueName: "policy"))
    var onFailure: String?

    @Option(
        help: ArgumentHelp(
            "The words that the language model of --reranker is asked with; resift models prompt prints ours.",
            valueName: "file"))
    var prompt: String?

    @Flag(help: "End with the status 79 where not every document was reranked as asked.")
    var strict = false

    @OptionGroup var cost: CostOptions

    func check(_ model: ModelOptions) throws {
        if reranker != nil, model.model != nil {
            throw ValidationError("--reranker takes the place of --model; give one of the two.")
        }
        if prompt != nil, reranker == nil {
            throw ValidationError("--prompt is for a language model; name one with --reranker.")
        }
    }

    /// True if what was asked for ranks by the token vectors of an index. Throws RankingError for a file that is none.
    func usesStoredTokenVectors() throws -> Bool {
        var usesThem = try reranker.map { try RankerSpecification(nameOrFile: $0).usesStoredTokenVectors } ?? false
        if case .fallBack(let other)? = onFailure.map(RankerSpecification.OnFailure.init) {
            usesThem = usesThem || other.usesStoredTokenVectors
        }
        return usesThem
    }

    /// The ranker that was asked for, by default the model of `ModelOptions`.
    ///
    /// - Parameter stored: The token vectors of the index that is searched.
    func load(
        _ model: ModelOptions, pool: ComputePool, cache: (any ScoreCache)?, stored: StoredLateInteraction? = nil
    ) async throws -> any DocumentRanker {
        let loader = RankerLoader(
            pool: pool, precision: model.precision, cache: cache, prices: try cost.priceList(), stored: stored)
        var ranker: any DocumentRanker
        if let reranker {
            ranker = try loader.load(specification(reranker))
        } else {
            let directory = try await model.hub.directoryIfNamed(model.model)
            ranker = try loader.load(RankerSpecification(name: directory ?? RankerSpecification.defaultName))
        }
        switch onFailure.map(RankerSpecification.OnFailure.init) {
        case nil, .throw?: break
        case .keepOrder?: ranker = FallbackRanker(ranker, onFailure: .keepOrder)
        case .fallBack(let other)?:
            ranker = FallbackRanker(ranker, onFailure: .fallBack(to: try loader.load(other)))
        }
        return ranker
    }

    private func specification(_ reranker: String) throws(RankingError) -> RankerSpecification {
        var specification = try RankerSpecification(nameOrFile: reranker)
        guard let prompt else { return specification }
        guard case .named(let name, var choices) = specification.kind, try LanguageModelName(name) != nil,
            choices.languageModel.promptFile == nil
        else {
            throw RankingError(
                .invalidInput, what: "--prompt is given for \(reranker).",
                why: "That is not one language model without a prompt of its own.",
                fix: "Name one, llm:PROVIDER/MODEL, or write \"prompt: \(prompt)\" beside its name in the file.")
        }
        choices.languageModel.promptFile = prompt
        specification.kind = .named(name, choices)
        return specification
    }

    /// Says what failed and what a ranker made of several left out, on standard error.
    static func note(_ report: RerankReport) {
        for failure in report.failures {
            let then = failure.rankedBy.map { "\($0) ranked instead" } ?? "it gave no scores"
            StandardError.write(
                "note: \(failure.ranker) failed (\(failure.code.rawValue)): \(failure.reason) \(then)\n")
        }
        if !report.isReranked {
            StandardError.write("note: the documents keep the order given: nothing was reranked\n")
        }
        for part in [report] + report.parts {
            let scored = part.documents - part.unscoredDocuments
            guard let stored = part.storedDocuments, stored < scored else { continue }
            StandardError.write(
                "note: \(scored - stored) documents have no token vectors in the index and were encoded\n")
        }
        for ranker in report.skippedRankers { StandardError.write("note: the deadline left no time for \(ranker)\n") }
        for note in report.usage?.notes ?? [] { StandardError.write("note: \(note)\n") }
        if let malformed = report.usage?.malformedAnswers, malformed > 0 {
            StandardError.write("note: \(malformed) answers of a language model broke the form and were repaired\n")
        }
    }

    /// Ends the command where --strict asks for it.
    func enforce(_ allReranked: Bool) throws {
        if strict, !allReranked { throw ExitCode(ExitStatus.notReranked.rawValue) }
    }
}

extension RerankReport {
    /// Every document has a score of the ranker that was asked for.
    var isAsAsked: Bool { isComplete && failures.isEmpty }
}

extension SearchAnswer {
    /// Nothing that was to be reranked was left out, or ranked by a replacement.
    var isRerankedAsAsked: Bool { isComplete && reranking.report.map(\.isAsAsked) ?? true }
}

extension ServiceUsage {
    /// "3 requests, 1,200 tokens, $0.004".
    var line: String {
        var parts = ["\(requests) requests"]
        if retries > 0 { parts.append("\(retries) of them again") }
        if let searchUnits { parts.append("\(searchUnits.formatted(places: 1)) search units") }
        if let inputTokens { parts.append("\(inputTokens) tokens read") }
        if let outputTokens { parts.append("\(outputTokens) tokens written") }
        parts.append(cost.map { "$\($0.formatted(places: 4))" } ?? "cost not known")
        return parts.joined(separator: ", ")
    }
}
