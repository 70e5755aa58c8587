import HTTPTypes
import OrderedJSON
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// vLLM's `/score`: one query with each of many documents, or pairs of equally many.
struct ScoreCall: Sendable {
    struct Pair: Equatable {
        var query: String
        var document: String
    }

    struct Group: Equatable {
        var query: String
        /// Of the pairs with this query.
        var places: [Int]
    }

    let model: String?
    let pairs: [Pair]
    let rawScores: Bool
    let refusesLong: Bool

    /// The names that vLLM has had for the two sides.
    private static let names = [
        ("queries", "documents"), ("text_1", "text_2"), ("data_1", "data_2"), ("queries", "items"),
    ]

    init(_ body: RequestFields, limits: RequestLimits) throws(WireError) {
        model = try body.string("model")
        rawScores = try body.bool("raw_scores") ?? false
        refusesLong = try body.bool("truncate") == false
        guard let (first, second) = ScoreCall.names.first(where: { body[$0] != nil && body[$1] != nil }) else {
            let names = ScoreCall.names.map { "\"\($0)\" and \"\($1)\"" }.joined(separator: ", ")
            throw body.error("queries", "is missing, or `documents`", fix: "Send one of these pairs: \(names).")
        }
        let queries = try ScoreCall.texts(body, first)
        let documents = try ScoreCall.texts(body, second)
        guard queries.count == 1 || queries.count == documents.count else {
            throw body.error(
                first, "has \(queries.count) texts, and `\(second)` \(documents.count)",
                fix: "Send one query, or one for each document.")
        }
        try limits.check(documents.map { Document($0) }, key: second)
        pairs = documents.enumerated().map { Pair(query: queries[queries.count == 1 ? 0 : $0], document: $1) }
    }

    private static func texts(_ body: RequestFields, _ key: String) throws(WireError) -> [String] {
        if case .string(let text)? = body[key] { return [text] }
        guard let texts = try body.strings(key) else { return [] }
        guard !texts.isEmpty else {
            throw WireError(
                .badRequest, .empty, code: "empty", "`\(key)` cannot be empty. Send at least one text.", field: key)
        }
        return texts
    }

    /// Pairs of one query are scored together.
    var groups: [Group] {
        var groups: [Group] = []
        // By bytes: equal strings can have different ones, and so different scores.
        var positions: [[UInt8]: Int] = [:]
        for (place, pair) in pairs.enumerated() {
            if let position = positions[Array(pair.query.utf8)] {
                groups[position].places.append(place)
            } else {
                positions[Array(pair.query.utf8)] = groups.count
                groups.append(Group(query: pair.query, places: [place]))
            }
        }
        return groups
    }

    func answer(_ scores: [Double], tokens: Int, id: String, model: String) -> JSONValue {
        var usage = JSONObject()
        usage["prompt_tokens"] = .count(tokens)
        usage["total_tokens"] = .count(tokens)
        var object = JSONObject()
        object["id"] = .string(id)
        object["object"] = .string("list")
        object["created"] = .count(Int(Date().timeIntervalSince1970))
        object["model"] = .string(model)
        object["data"] = .array(
            scores.enumerated().map { place, score in
                var entry = JSONObject()
                entry["index"] = .count(place)
                entry["object"] = .string("score")
                entry["score"] = .finite(score)
                return .object(entry)
            })
        object["usage"] = .object(usage)
        return .object(object)
    }
}
