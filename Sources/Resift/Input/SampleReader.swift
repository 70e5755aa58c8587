import OrderedJSON
public import Ranking
public import Reranking
public import TextFiles

/// Reads queries with documents, one JSON object a line: `{"query": "...", "documents": ["...", "..."]}`.
public struct SampleReader: Sendable {
    public init() {}

    /// In the order of the file. Throws `invalidInput` for a line that is something else, and for a file without lines.
    public func samples(in input: InputBytes) throws(RankingError) -> [PairSample] {
        var samples: [PairSample] = []
        for line in try input.lines(maxBytes: InputBytes.defaultMaxLineBytes) where !line.isBlank {
            guard case .object(let fields) = try DocumentReader.json(input, line),
                case .string(let query)? = fields["query"], case .array(let items)? = fields["documents"]
            else { throw broken(input, line) }
            let documents = items.compactMap { item -> String? in
                guard case .string(let text) = item else { return nil }
                return text
            }
            guard !documents.isEmpty, documents.count == items.count else { throw broken(input, line) }
            samples.append(PairSample(query: query, documents: documents))
        }
        guard !samples.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(input.name) has no queries.", why: "It is empty, or all its lines are blank.",
                fix: "Write one object a line: {\"query\": \"...\", \"documents\": [\"...\"]}.")
        }
        return samples
    }

    private func broken(_ input: InputBytes, _ line: InputBytes.Line) -> RankingError {
        input.error(
            line: line.number, "is not a query with documents",
            why: "Models are compared on an object with \"query\" and \"documents\", a list of texts.",
            fix: "Write {\"query\": \"...\", \"documents\": [\"...\"]}.")
    }
}
