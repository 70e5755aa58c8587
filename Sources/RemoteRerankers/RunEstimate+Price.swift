import Reranking

extension RunEstimate {
    /// - Parameters:
    ///   - searchUnits: Nil for a service that does not bill them.
    ///   - price: Nil where it is not known, and so the cost.
    init(
        requests: Int, inputTokens: Int, outputTokens: Int = 0, maxOutputTokens: Int = 0, searchUnits: Double? = nil,
        price: ServicePrice?
    ) {
        func cost(writing tokens: Int) -> Double? {
            price?.cost(
                of: ServiceUsage(inputTokens: inputTokens, outputTokens: tokens, searchUnits: searchUnits))
        }
        self.init(
            requests: requests, inputTokens: inputTokens, outputTokens: outputTokens, maxOutputTokens: maxOutputTokens,
            searchUnits: searchUnits ?? 0, cost: cost(writing: outputTokens), maxCost: cost(writing: maxOutputTokens))
    }
}
