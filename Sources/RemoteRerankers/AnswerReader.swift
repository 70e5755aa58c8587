import OrderedJSON
import Ranking
import Reranking

/// Reads a service's answer; what is missing or of another kind is an error that says so.
struct AnswerReader {
    let value: JSONValue
    let client: ServiceClient

    func object() throws(RankingError) -> JSONObject {
        guard case .object(let object) = value else { throw client.unexpected("is not an object") }
        return object
    }

    func list(_ key: String) throws(RankingError) -> [JSONValue] {
        guard let list = try object()[key] else { throw client.unexpected("has no \(key)") }
        guard case .array(let items) = list else { throw client.unexpected("has \(key) that are not a list") }
        return items
    }

    /// The index and the score of each item.
    func scores(_ items: [JSONValue], scoreKey: String) throws(RankingError) -> [AnsweredScore] {
        var scores: [AnsweredScore] = []
        scores.reserveCapacity(items.count)
        for (place, item) in items.enumerated() {
            guard case .object(let result) = item else {
                throw client.unexpected("has a result \(place) that is not an object")
            }
            guard case .number(let number)? = result["index"], let index = number.int else {
                throw client.unexpected("has a result \(place) without an index")
            }
            guard case .number(let score)? = result[scoreKey] else {
                throw client.unexpected("has no \(scoreKey) for document \(index)")
            }
            scores.append(AnsweredScore(index: index, score: score.double))
        }
        return scores
    }

    /// The number at a path of keys; nil where there is none that can be a count.
    func count(_ keys: String...) -> Double? {
        var value: JSONValue? = value
        for key in keys {
            guard case .object(let object)? = value else { return nil }
            value = object[key]
        }
        guard case .number(let number)? = value, (0...1e15).contains(number.double) else { return nil }
        return number.double
    }

    /// Tokens that the service counted: `usage.total_tokens`, or what of it is named.
    var usedTokens: Int? {
        (count("usage", "total_tokens") ?? count("usage", "prompt_tokens")).map { Int($0) }
    }
}
