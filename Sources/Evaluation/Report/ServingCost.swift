/// What answering queries costs on one's own machine, and at a hosted service.
///
/// `machine hours = queries x mean seconds a query / 3,600`, one query at a time with the whole machine;
/// `own price = machine hours x price per hour`; `hosted price = queries / 1,000 x price per 1,000 searches`.
public struct ServingCost: Sendable, Equatable {
    /// An order of magnitude: a virtual machine with 4 CPUs, on demand, in US dollars. Give your own.
    public static let defaultPricePerHour = 0.20
    /// What large hosted rerankers ask for 1,000 searches of up to 100 short documents, in US dollars. Give your own.
    public static let defaultPricePer1000Searches = 2.00

    public var pricePerHour: Double
    public var pricePer1000Searches: Double

    public init(
        pricePerHour: Double = ServingCost.defaultPricePerHour,
        pricePer1000Searches: Double = ServingCost.defaultPricePer1000Searches
    ) {
        self.pricePerHour = pricePerHour
        self.pricePer1000Searches = pricePer1000Searches
    }

    public func machineHours(queries: Double, millisecondsPerQuery: Double) -> Double {
        queries * millisecondsPerQuery / 3_600_000
    }

    public func own(queries: Double, millisecondsPerQuery: Double) -> Double {
        machineHours(queries: queries, millisecondsPerQuery: millisecondsPerQuery) * pricePerHour
    }

    public func hosted(queries: Double) -> Double { queries / 1_000 * pricePer1000Searches }
}
