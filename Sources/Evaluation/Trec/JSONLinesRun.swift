import OrderedJSON
import Ranking
import TextFiles

/// Runs as JSON Lines: one candidate a line, an object with `query_id`, `id` (or `document_id`) and `score`, as
/// `resift rerank` and `resift search` print them with `--queries FILE --format jsonl`. Other members are passed over.
enum JSONLinesRun {
    /// Whether a run is in this format: its first line that is not blank begins with a brace. A TREC run cannot, unless
    /// a query's id does.
    static func isFormat(of line: InputBytes.Line) -> Bool {
        line.bytes.first { $0 != 0x20 && $0 != 0x09 } == UInt8(ascii: "{")
    }

    /// Query, document and score of a line. Throws `invalidInput` with the line's number.
    static func entry(
        _ line: InputBytes.Line, of input: InputBytes
    ) throws(RankingError) -> (query: String, document: String, score: Double) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(Array(line.bytes))
        } catch {
            throw input.error(
                line: line.number, "is not valid JSON: \(error.message) at column \(error.column)",
                why: "The file begins with a JSON object, so it is read as JSON Lines.", fix: "Correct the line.",
                cause: error)
        }
        guard case .object(let object) = value, let query = id(object["query_id"]) else {
            throw input.error(
                line: line.number, "has no \"query_id\"", why: "A run says which query each document was found for.",
                fix:
                    "Write {\"query_id\": \"1\", \"id\": \"doc\", \"score\": 2.5}; `--queries` makes the commands do so."
            )
        }
        guard let document = id(object["id"]) ?? id(object["document_id"]) else {
            throw input.error(
                line: line.number, "has no \"id\"", why: "A run names documents by the ids of the judgements.",
                fix: "Write the document's id as \"id\" or \"document_id\".")
        }
        guard case .number(let number)? = object["score"], number.double.isFinite else {
            throw input.error(
                line: line.number, "has no \"score\" that is a finite number",
                why: "A run is ordered by its scores.", fix: "Write the score as a JSON number.")
        }
        return (query, document, number.double)
    }

    private static func id(_ value: JSONValue?) -> String? {
        switch value {
        case .string(let text)?: text
        case .number(let number)?: number.description
        default: nil
        }
    }
}

extension [String: [String: Double]] {
    /// The run as JSON Lines: queries in ascending order of their ids, candidates best first.
    public func jsonLines() -> String {
        var text = ""
        for (queryID, scores) in sorted(by: { $0.key < $1.key }) {
            for (place, id) in scores.ranked.enumerated() {
                var object = JSONObject()
                object["query_id"] = .string(queryID)
                object["rank"] = .number(JSONNumber(place + 1))
                object["id"] = .string(id)
                object["score"] = JSONNumber(scores[id] ?? 0).map(JSONValue.number)
                text += JSONValue.object(object).compact + "\n"
            }
        }
        return text
    }
}
