public import Ranking
public import TextFiles

/// Reads a run in TREC's format: `query-id Q0 document-id rank score tag`, separated by any white space; lines that begin
/// with `#` are comments. The rank column is passed over, as trec_eval does: the order is that of the scores. A file that
/// begins with a brace is read as JSON Lines: objects with `query_id`, `id` or `document_id`, and `score`.
public struct RunReader: Sendable {
    public init() {}

    /// Throws `invalidInput` with the line's number for a wrong number of columns, a score that is no finite number, or a
    /// document that comes twice for one query.
    public func run(in input: InputBytes) throws(RankingError) -> Run {
        var run: Run = [:]
        let lines = try input.contentLines()
        let isJSON = lines.first.map(JSONLinesRun.isFormat) ?? false
        for line in lines {
            let (query, document, score) = try isJSON ? JSONLinesRun.entry(line, of: input) : entry(line, of: input)
            guard run[query, default: [:]].updateValue(score, forKey: document) == nil else {
                throw input.error(
                    line: line.number, "repeats document \"\(document)\" for query \"\(query)\"",
                    why: "A document has one place in a ranking.", fix: "Remove one of the two lines.")
            }
        }
        guard !run.isEmpty else { throw RunReader.noRankings(input.name) }
        return run
    }

    static func noRankings(_ file: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\(file) has no rankings.", why: "It is empty, or all its lines are comments.",
            fix: "Write one candidate a line: query-id Q0 document-id rank score tag.")
    }

    /// Query, document and score of a line in TREC's format.
    func entry(
        _ line: InputBytes.Line, of input: InputBytes
    ) throws(RankingError) -> (query: String, document: String, score: Double) {
        let fields = try input.fields(line)
        guard fields.count == 6 else {
            throw input.error(
                line: line.number, "has \(fields.count) columns",
                why: "A run has six: query-id Q0 document-id rank score tag.",
                fix: "Write the run in TREC's format.")
        }
        guard let score = Double(fields[4]), score.isFinite else {
            throw input.error(
                line: line.number, "has the score \"\(fields[4])\"", why: "A score is a finite number.",
                fix: "Correct the line, or the program that wrote it.")
        }
        return (fields[0], fields[2], score)
    }
}

extension [String: [String: Double]] {
    /// The run in TREC's format: queries in ascending order of their ids, candidates best first.
    public func trec(tag: String) -> String {
        var text = ""
        for (queryID, scores) in sorted(by: { $0.key < $1.key }) {
            for (place, id) in scores.ranked.enumerated() {
                text += "\(queryID) Q0 \(id) \(place + 1) \(scores[id] ?? 0) \(tag)\n"
            }
        }
        return text
    }
}
