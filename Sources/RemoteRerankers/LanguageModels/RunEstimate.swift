public import Ranking
public import Reranking

/// A reranker that is a language model, which can say beforehand what a call takes.
public protocol LanguageModelRanker: DocumentRanker {
    var model: LanguageModel { get }

    /// What `rerank` is going to send for these documents, and what it costs. Sends nothing.
    ///
    /// Throws what `rerank` throws before it sends anything.
    func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) throws(RankingError) -> RunEstimate
}

extension LanguageModelRanker {
    public func estimate(_ query: String, _ documents: [Document]) throws(RankingError) -> RunEstimate {
        try estimate(query, documents, options: RerankOptions())
    }
}

/// What a run with a language model is going to take, before anything is sent.
public struct RunEstimate: Sendable, Equatable {
    /// Without any that has to be sent again.
    public var requests: Int
    /// By `TokenEstimate`.
    public var inputTokens: Int
    /// Of answers that have the form asked for, without thoughts.
    public var outputTokens: Int
    /// If every answer goes to its limit, as those of models that think can.
    public var maxOutputTokens: Int
    /// US dollars; nil where the price is not known.
    public var cost: Double?
    public var maxCost: Double?

    public static let zero = RunEstimate(
        requests: 0, inputTokens: 0, outputTokens: 0, maxOutputTokens: 0, cost: 0, maxCost: 0)

    init(requests: Int, inputTokens: Int, outputTokens: Int, maxOutputTokens: Int, price: ServicePrice?) {
        self.init(
            requests: requests, inputTokens: inputTokens, outputTokens: outputTokens, maxOutputTokens: maxOutputTokens,
            cost: price?.cost(of: ServiceUsage(inputTokens: inputTokens, outputTokens: outputTokens)),
            maxCost: price?.cost(of: ServiceUsage(inputTokens: inputTokens, outputTokens: maxOutputTokens)))
    }

    private init(
        requests: Int, inputTokens: Int, outputTokens: Int, maxOutputTokens: Int, cost: Double?, maxCost: Double?
    ) {
        self.requests = requests
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.maxOutputTokens = maxOutputTokens
        self.cost = cost
        self.maxCost = maxCost
    }

    /// Of both; the cost is known where it is known of both.
    public static func + (a: RunEstimate, b: RunEstimate) -> RunEstimate {
        func sum(_ a: Double?, _ b: Double?) -> Double? { a.flatMap { a in b.map { a + $0 } } }
        return RunEstimate(
            requests: a.requests + b.requests, inputTokens: a.inputTokens + b.inputTokens,
            outputTokens: a.outputTokens + b.outputTokens, maxOutputTokens: a.maxOutputTokens + b.maxOutputTokens,
            cost: sum(a.cost, b.cost), maxCost: sum(a.maxCost, b.maxCost))
    }
}
