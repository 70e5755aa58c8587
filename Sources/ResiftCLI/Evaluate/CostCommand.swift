import ArgumentParser
import Evaluation
import Resift

struct CostCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cost",
        abstract: "Compare the price of a hosted reranker with machine hours of your own.",
        discussion: """
            EXAMPLES
              resift cost --queries-per-day 100000 --candidates 50 --pairs-per-second 400
              resift cost --queries-per-day 1e6 --price-per-hour 0.40

            pairs/s is what `resift evaluate --dataset` measures on your documents: pairs
            divided by seconds. Machine hours = queries x candidates / pairs per second /
            3,600; hosted price = queries / 1,000 x price per 1,000 searches. Prices are
            examples: give your own.
            """)

    @Option(help: ArgumentHelp("Searches that are reranked.", valueName: "number"))
    var queriesPerDay: Double

    @Option(help: ArgumentHelp("Documents that each search reranks.", valueName: "number"))
    var candidates = 50

    @Option(help: ArgumentHelp("What this machine scores in a second, all threads.", valueName: "number"))
    var pairsPerSecond: Double

    @OptionGroup var prices: PriceOptions

    @Option(help: "How to print.")
    var format: ReportFormat = .table

    func validate() throws {
        for (name, value) in [
            ("queries-per-day", queriesPerDay), ("pairs-per-second", pairsPerSecond),
            ("candidates", Double(candidates)),
        ] where !(value > 0 && value.isFinite) {
            throw ValidationError("--\(name) is \(value); it is a number above 0.")
        }
    }

    func run() throws {
        let cost = prices.cost
        let milliseconds = Double(candidates) / pairsPerSecond * 1_000
        let hours = cost.machineHours(queries: queriesPerDay, millisecondsPerQuery: milliseconds)
        var fields = JSONObject()
        func set(_ name: String, _ value: Double) {
            fields[name] = JSONNumber((value * 100).rounded() / 100).map(JSONValue.number)
        }
        set("queries_per_day", queriesPerDay)
        set("pairs_per_day", queriesPerDay * Double(candidates))
        set("milliseconds_per_query", milliseconds)
        set("machine_hours_per_day", hours)
        // Queries do not come evenly; this many are busy all the time if they do.
        set("machines_busy_on_average", hours / 24)
        set("own_price_per_day", hours * cost.pricePerHour)
        set("own_price_per_month", hours * cost.pricePerHour * 30)
        set("hosted_price_per_day", cost.hosted(queries: queriesPerDay))
        set("hosted_price_per_month", cost.hosted(queries: queriesPerDay) * 30)
        FieldTable.print(fields, format)
    }
}
