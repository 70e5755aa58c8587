public import Ranking
public import TextFiles

/// Reads which documents are candidates for which query, from a run in TREC's format:
/// `query-id Q0 document-id rank score tag`, separated by any white space.
public struct CandidateRunReader: Sendable {
    public init() {}

    /// Document ids by query id, in the order of the file.
    public func candidates(in input: InputBytes) throws(RankingError) -> [String: [String]] {
        var candidates: [String: [String]] = [:]
        var seen: Set<[[UInt8]]> = []
        for line in try input.lines(maxBytes: 1 << 20) where !line.isBlank {
            let fields = try input.text(line).split(whereSeparator: \.isWhitespace).map(String.init)
            guard fields.count == 6 else {
                throw input.error(
                    line: line.number, "has \(fields.count) columns",
                    why: "A run has six: query-id Q0 document-id rank score tag.",
                    fix: "Write the run in TREC's format.")
            }
            guard seen.insert([Array(fields[0].utf8), Array(fields[2].utf8)]).inserted else {
                throw input.error(
                    line: line.number, "repeats document \"\(fields[2])\" for query \"\(fields[0])\"",
                    why: "A document has one place in a ranking.", fix: "Remove one of the two lines.")
            }
            candidates[fields[0], default: []].append(fields[2])
        }
        guard !candidates.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(input.name) has no candidates.",
                why: "It is empty, or all its lines are blank.",
                fix: "Write one candidate a line: query-id Q0 document-id rank score tag.")
        }
        return candidates
    }
}
