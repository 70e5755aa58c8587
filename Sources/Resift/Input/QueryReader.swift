import OrderedJSON
public import Ranking
public import TextFiles

/// A query with the id that runs and qrels know it by.
public struct Query: Sendable, Equatable {
    public var id: String
    public var text: String

    public init(id: String, text: String) {
        self.id = id
        self.text = text
    }
}

/// Reads queries: JSON Lines with `_id` or `id` and `text`, as BEIR writes them, or `id<TAB>text`.
public struct QueryReader: Sendable {
    public var maxLineBytes: Int

    public init(maxLineBytes: Int = InputBytes.defaultMaxLineBytes) { self.maxLineBytes = maxLineBytes }

    /// In the order of the file. Throws `invalidInput` for a broken line, an empty query, or an id that comes twice.
    public func queries(in input: InputBytes) throws(RankingError) -> [Query] {
        var queries: [Query] = []
        var seen: Set<[UInt8]> = []
        for line in try input.lines(maxBytes: maxLineBytes) where !line.isBlank {
            let query = try line.bytes.first == UInt8(ascii: "{") ? object(input, line) : tabSeparated(input, line)
            guard query.text.contains(where: { !$0.isWhitespace }) else {
                throw input.error(
                    line: line.number, "has an empty query (id \"\(query.id)\")",
                    why: "A document can only be relevant to something.",
                    fix: "Write the query's text, or remove the line.")
            }
            guard seen.insert(Array(query.id.utf8)).inserted else {
                throw input.error(
                    line: line.number, "repeats the query id \"\(query.id)\"", why: "A run has one ranking a query.",
                    fix: "Give each query an id of its own.")
            }
            queries.append(query)
        }
        guard !queries.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(input.name) has no queries.", why: "It is empty, or all its lines are blank.",
                fix: "Write one query a line: {\"_id\": \"1\", \"text\": \"...\"} or id<TAB>text.")
        }
        return queries
    }

    private func object(_ input: InputBytes, _ line: InputBytes.Line) throws(RankingError) -> Query {
        guard case .object(let fields) = try DocumentReader.json(input, line), let id = Document.id(in: fields),
            case .string(let text)? = fields["text"]
        else {
            throw input.error(
                line: line.number, "is not a query", why: "A query has an \"_id\" (or \"id\") and a \"text\".",
                fix: "Write {\"_id\": \"1\", \"text\": \"...\"}.")
        }
        return Query(id: id, text: text)
    }

    private func tabSeparated(_ input: InputBytes, _ line: InputBytes.Line) throws(RankingError) -> Query {
        let text = try input.text(line)
        guard let tab = text.firstIndex(of: "\t"), tab > text.startIndex else {
            throw input.error(
                line: line.number, "has no tab", why: "A query is a JSON object, or an id, a tab and a text.",
                fix: "Write id<TAB>text.")
        }
        return Query(id: String(text[..<tab]), text: String(text[text.index(after: tab)...]))
    }
}
