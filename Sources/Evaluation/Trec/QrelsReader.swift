public import Ranking
public import TextFiles

/// Reads relevance judgements: TREC's `query-id iteration document-id grade`, separated by any white space, or BEIR's
/// tab-separated `query-id corpus-id score` under a header line. Lines that begin with `#` are comments.
public struct QrelsReader: Sendable {
    public init() {}

    /// Throws `invalidInput` with the line's number for a wrong number of columns, a grade that is no whole number, or a
    /// document that is judged twice for one query.
    public func qrels(in input: InputBytes) throws(RankingError) -> Qrels {
        var qrels: Qrels = [:]
        var isFirst = true
        for line in try input.contentLines() {
            let fields = try input.fields(line)
            let isHeader = isFirst && fields.count == 3 && Int(fields[2]) == nil
            isFirst = false
            if isHeader { continue }
            guard fields.count == 4 || fields.count == 3 else {
                throw input.error(
                    line: line.number, "has \(fields.count) columns",
                    why: "Judgements have four (query-id 0 document-id grade), or three in BEIR's form.",
                    fix: "Correct the line.")
            }
            let (document, text) = (fields[fields.count - 2], fields[fields.count - 1])
            guard let grade = Int(text), (-1_000...1_000).contains(grade) else {
                throw input.error(
                    line: line.number, "has the grade \"\(text)\"", why: "A grade is a whole number.",
                    fix: "Write 0 for not relevant, 1 or more for relevant.")
            }
            guard qrels[fields[0], default: [:]].updateValue(grade, forKey: document) == nil else {
                throw input.error(
                    line: line.number, "judges document \"\(document)\" for query \"\(fields[0])\" a second time",
                    why: "A document has one grade a query.", fix: "Remove one of the two lines.")
            }
        }
        guard !qrels.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(input.name) has no judgements.",
                why: "It is empty, or all its lines are comments.",
                fix: "Write one judgement a line: query-id 0 document-id grade.")
        }
        return qrels
    }
}

extension InputBytes {
    /// Lines that are neither blank nor comments.
    func contentLines() throws(RankingError) -> [Line] {
        try lines(maxBytes: 1 << 20).filter { !$0.isBlank && $0.bytes.first != UInt8(ascii: "#") }
    }

    /// The parts of a line between white space.
    func fields(_ line: Line) throws(RankingError) -> [String] {
        var fields: [String] = []
        for part in line.bytes.split(whereSeparator: { $0 == 0x20 || (0x09...0x0D).contains($0) }) {
            fields.append(try text(Line(number: line.number, bytes: part)))
        }
        return fields
    }
}
