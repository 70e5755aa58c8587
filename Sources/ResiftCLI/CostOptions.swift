import ArgumentParser
import Resift

/// What a run may ask of services: said, and bounded, before the first request.
struct CostOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            What services cost, in YAML or JSON: cohere:rerank-v3.5: {per-search-unit: 0.002}, llm:openai/MODEL: \
            {per-million-input-tokens: 3, per-million-output-tokens: 15}.
            """, valueName: "file"))
    var prices: String?

    @Option(
        help: ArgumentHelp(
            """
            Ask services nothing if the estimate of the whole run is above this. More than \(noticedRequests) requests are \
            estimated on standard error in any case.
            """, valueName: "dollars"))
    var maxCost: Double?

    /// Fewer are not worth a line.
    private static let noticedRequests = 10

    func validate() throws {
        if let maxCost, !(maxCost >= 0 && maxCost.isFinite) {
            throw ValidationError("--max-cost is \(maxCost); it is a number of US dollars, from 0.")
        }
    }

    func priceList() throws(RankingError) -> PriceList {
        guard let prices else { return PriceList() }
        return try PriceList(path: prices)
    }

    /// Says what a run is going to ask of services, and refuses it where that costs too much.
    ///
    /// - Parameters:
    ///   - rankers: All rankers of the run.
    ///   - rehearse: Does the run with these in the place of the rankers; they ask nothing. Not called where no ranker asks
    ///     a service.
    func check(
        _ rankers: [any DocumentRanker], _ rehearse: ([EstimatingRanker]) async throws -> Void
    ) async throws {
        let asking = rankers.filter { !$0.services.isEmpty }
        guard !asking.isEmpty else { return }
        let estimating = asking.map { EstimatingRanker($0) }
        try await rehearse(estimating)
        let total = estimating.reduce(RunEstimate.zero) { $0 + $1.total }
        if maxCost != nil || total.requests > CostOptions.noticedRequests {
            for ranker in estimating { StandardError.write("estimate: \(ranker.name): \(ranker.total.line)\n") }
        }
        guard let maxCost, total.requests > 0 else { return }
        let services = Set(asking.flatMap(\.services)).sorted().joined(separator: ", ")
        guard let cost = total.cost else {
            throw RankingError(
                .invalidInput, what: "It is not known what this run costs.",
                why: "Not all of \(services) have a price that fits what they bill, and --max-cost is \(maxCost).",
                fix: "Give their prices with --prices (a server of your own costs 0), or leave --max-cost out.")
        }
        guard cost > maxCost else { return }
        throw RankingError(
            .invalidInput,
            what: "This run would cost about $\(cost.formatted(places: 4)), more than --max-cost \(maxCost).",
            why: "It asks \(services) for \(total.line).",
            fix: "Raise --max-cost, or rank fewer queries or candidates. Nothing was asked yet.")
    }
}

extension RunEstimate {
    /// "120 requests, about 310000 tokens read, 9600 written (up to 491520), $1.0740 (up to $8.3028)".
    fileprivate var line: String {
        var parts = ["\(requests) requests", "about \(inputTokens) tokens read"]
        if outputTokens > 0 { parts.append("\(outputTokens) written (up to \(maxOutputTokens))") }
        if searchUnits > 0 { parts.append("\(searchUnits.formatted(places: 1)) search units") }
        guard let cost, let maxCost else { return (parts + ["cost not known"]).joined(separator: ", ") }
        let most = maxCost > cost ? " (up to $\(maxCost.formatted(places: 4)))" : ""
        return (parts + ["$\(cost.formatted(places: 4))\(most)"]).joined(separator: ", ")
    }
}
