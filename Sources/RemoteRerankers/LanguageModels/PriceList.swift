import OrderedJSON
public import Ranking

extension ServicePrice {
    /// Reads a list of what models take for a million tokens: `{"llm:openai/MODEL": {"input": 3.0, "output": 15.0}}`.
    ///
    /// Throws `invalidInput` for what has another form, and for a price that is negative.
    public static func list(json: [UInt8], source: String) throws(RankingError) -> [String: ServicePrice] {
        func invalid(_ problem: String) -> RankingError {
            RankingError(
                .invalidInput, what: "\(source) \(problem).",
                why: "A price list names models, each with the price of a million tokens read and written.",
                fix: #"Write it like {"llm:openai/MODEL": {"input": 3.0, "output": 15.0}}."#)
        }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(json, rejectDuplicateKeys: true, maxValues: 100_000)
        } catch {
            throw invalid("is not JSON: \(error)")
        }
        guard case .object(let models) = value else { throw invalid("is not an object") }
        var prices: [String: ServicePrice] = [:]
        for member in models.members {
            guard case .object(let entry) = member.value else { throw invalid("has no prices for \(member.key)") }
            func price(_ key: String) throws(RankingError) -> Double {
                guard case .number(let number)? = entry[key], number.double.isFinite, number.double >= 0 else {
                    throw invalid("has no \(key) price for \(member.key) that is a number from 0")
                }
                return number.double
            }
            prices[member.key] = ServicePrice(
                perMillionInputTokens: try price("input"), perMillionOutputTokens: try price("output"))
        }
        return prices
    }
}
