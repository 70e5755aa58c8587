import OrderedJSON
public import Ranking

/// What a service takes for a language model, in US dollars for a million tokens.
public struct TokenPrices: Sendable, Equatable {
    public var input: Double
    public var output: Double

    public init(input: Double, output: Double) {
        self.input = input
        self.output = output
    }

    func cost(input inputTokens: Int, output outputTokens: Int) -> Double {
        (input * Double(inputTokens) + output * Double(outputTokens)) / 1_000_000
    }

    /// Reads a price list: `{"MODEL": {"input": 3.0, "output": 15.0}}`.
    ///
    /// Throws `invalidInput` for what has another form, and for a price that is negative.
    public static func list(json: [UInt8], source: String) throws(RankingError) -> [String: TokenPrices] {
        let why = "A price list names models, each with the price of a million tokens read and written."
        let fix = #"Write it like {"my-model": {"input": 3.0, "output": 15.0}}."#
        func invalid(_ problem: String) -> RankingError {
            RankingError(.invalidInput, what: "\(source) \(problem).", why: why, fix: fix)
        }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(json, rejectDuplicateKeys: true, maxValues: 100_000)
        } catch {
            throw invalid("is not JSON: \(error)")
        }
        guard case .object(let models) = value else { throw invalid("is not an object") }
        var prices: [String: TokenPrices] = [:]
        for member in models.members {
            guard case .object(let entry) = member.value else { throw invalid("has no prices for \(member.key)") }
            func price(_ key: String) throws(RankingError) -> Double {
                guard case .number(let number)? = entry[key], number.double.isFinite, number.double >= 0 else {
                    throw invalid("has no \(key) price for \(member.key) that is a number from 0")
                }
                return number.double
            }
            prices[member.key] = TokenPrices(input: try price("input"), output: try price("output"))
        }
        return prices
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
    /// US dollars; nil where the prices are not known.
    public var cost: Double?
    public var maxCost: Double?

    public static let zero = RunEstimate(
        requests: 0, inputTokens: 0, outputTokens: 0, maxOutputTokens: 0, cost: 0, maxCost: 0)

    init(requests: Int, inputTokens: Int, outputTokens: Int, maxOutputTokens: Int, prices: TokenPrices?) {
        self.init(
            requests: requests, inputTokens: inputTokens, outputTokens: outputTokens, maxOutputTokens: maxOutputTokens,
            cost: prices?.cost(input: inputTokens, output: outputTokens),
            maxCost: prices?.cost(input: inputTokens, output: maxOutputTokens))
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
