public import Ranking
public import Reranking

/// How a remote reranker differs from what its service is by default.
public struct RemoteRerankerOptions: Sendable {
    /// What the service's scores are, where its model gives others than usual: `logit` for a model on vLLM whose
    /// configuration names no sigmoid, `normalizedRelevance` for Qwen3 on llama.cpp. Nil for what the service gives.
    public var scoreKind: ScoreKind?
    /// Nil for the service's own maximum.
    public var maxDocumentsPerRequest: Int?
    /// What services charge; without an entry the cost is not known.
    public var prices: ServicePrices

    public init(
        scoreKind: ScoreKind? = nil, maxDocumentsPerRequest: Int? = nil, prices: ServicePrices = ServicePrices()
    ) {
        self.scoreKind = scoreKind
        self.maxDocumentsPerRequest = maxDocumentsPerRequest
        self.prices = prices
    }
}

/// What a model of a service costs, in US dollars.
public struct ServicePrice: Sendable, Equatable {
    public var perSearchUnit: Double?
    public var perMillionInputTokens: Double?
    public var perMillionOutputTokens: Double?

    public init(
        perSearchUnit: Double? = nil, perMillionInputTokens: Double? = nil, perMillionOutputTokens: Double? = nil
    ) {
        self.perSearchUnit = perSearchUnit
        self.perMillionInputTokens = perMillionInputTokens
        self.perMillionOutputTokens = perMillionOutputTokens
    }

    /// Nil where something that has a price was not counted by the service, and where there is no price for what it bills:
    /// search units where it counts them, else tokens read and written.
    public func cost(of usage: ServiceUsage) -> Double? {
        var cost = 0.0
        if let units = usage.searchUnits {
            guard let perSearchUnit else { return nil }
            cost += units * perSearchUnit
        } else if perSearchUnit != nil {
            return nil
        } else if perMillionInputTokens == nil && usage.inputTokens ?? 0 > 0
            || perMillionOutputTokens == nil && usage.outputTokens ?? 0 > 0
        {
            return nil
        }
        for (price, tokens) in [
            (perMillionInputTokens, usage.inputTokens), (perMillionOutputTokens, usage.outputTokens),
        ] {
            guard let price else { continue }
            guard let tokens else { return nil }
            cost += Double(tokens) / 1_000_000 * price
        }
        return cost
    }
}

/// Prices by service and model. Empty unless the caller fills it: services change their prices.
public struct ServicePrices: Sendable, Equatable {
    private var prices: [String: ServicePrice] = [:]

    public init() {}

    /// - Parameter model: Nil for all models of the service that have no price of their own.
    public subscript(service: RemoteService, model: String?) -> ServicePrice? {
        get { prices["\(service.rawValue):\(model ?? "")"] ?? prices["\(service.rawValue):"] }
        set { prices["\(service.rawValue):\(model ?? "")"] = newValue }
    }
}
