public import Ranking
public import TextFiles

/// Reads a run in TREC's format: `query-id Q0 document-id rank score tag`, separated by any white space; lines that begin
/// with `#` are comments. The rank column is passed over, as trec_eval does: the order is that of the scores.
public struct RunReader: Sendable {
    public init() {}

    /// Throws `invalidInput` with the line's number for a wrong number of columns, a score that is no finite number, or a
    /// document that comes twice for one query.
    public func run(in input: InputBytes) throws(RankingError) -> Run {
        var run: Run = [:]
        for line in try input.contentLines() {
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
            guard run[fields[0], default: [:]].updateValue(score, forKey: fields[2]) == nil else {
                throw input.error(
                    line: line.number, "repeats document \"\(fields[2])\" for query \"\(fields[0])\"",
                    why: "A document has one place in a ranking.", fix: "Remove one of the two lines.")
            }
        }
        guard !run.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(input.name) has no rankings.",
                why: "It is empty, or all its lines are comments.",
                fix: "Write one candidate a line: query-id Q0 document-id rank score tag.")
        }
        return run
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
