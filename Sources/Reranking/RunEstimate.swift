/// What a call, or a run of many, is going to ask of services, before anything is sent.
public struct RunEstimate: Sendable, Equatable {
    /// Without any that has to be sent again.
    public var requests: Int
    /// That services read, about: their tokenizers are not known.
    public var inputTokens: Int
    /// Of answers that have the form asked for, without thoughts.
    public var outputTokens: Int
    /// If every answer goes to its limit, as those of models that think can.
    public var maxOutputTokens: Int
    /// What Cohere bills: a query with up to 100 documents each.
    public var searchUnits: Double
    /// US dollars, by the prices that the caller gave; nil where a price is not known.
    public var cost: Double?
    /// The cost with `maxOutputTokens`.
    public var maxCost: Double?

    /// Of what asks no service.
    public static let zero = RunEstimate(cost: 0, maxCost: 0)

    public init(
        requests: Int = 0, inputTokens: Int = 0, outputTokens: Int = 0, maxOutputTokens: Int = 0,
        searchUnits: Double = 0, cost: Double?, maxCost: Double?
    ) {
        self.requests = requests
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.maxOutputTokens = maxOutputTokens
        self.searchUnits = searchUnits
        self.cost = cost
        self.maxCost = maxCost
    }

    /// Of both; the cost is known where it is known of both.
    public static func + (a: RunEstimate, b: RunEstimate) -> RunEstimate {
        func sum(_ a: Double?, _ b: Double?) -> Double? { a.flatMap { a in b.map { a + $0 } } }
        return RunEstimate(
            requests: a.requests + b.requests, inputTokens: a.inputTokens + b.inputTokens,
            outputTokens: a.outputTokens + b.outputTokens, maxOutputTokens: a.maxOutputTokens + b.maxOutputTokens,
            searchUnits: a.searchUnits + b.searchUnits, cost: sum(a.cost, b.cost), maxCost: sum(a.maxCost, b.maxCost))
    }
}
