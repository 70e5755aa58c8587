import ArgumentParser
import Resift

enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
    case table, jsonl, tsv, trec
}

/// Prints rankings. One value writes the rankings of one command.
struct RankingWriter {
    let format: OutputFormat
    let explain: Bool
    let rankFields: [String]?

    /// - Parameter matches: What late interaction matched, by candidates' index.
    func write(_ ranking: DocumentRanking, query: Query?, matches: [Int: [TokenMatch]] = [:]) throws {
        switch format {
        case .table: table(ranking, query: query, matches)
        case .jsonl: try jsonLines(ranking, query: query, matches)
        case .tsv: try tabSeparated(ranking, query: query)
        case .trec: trec(ranking, query: query)
        }
    }

    // MARK: JSON Lines

    /// The names this command writes. An input field of such a name is kept as `input_<name>`.
    private static let ownNames = [
        "query_id", "rank", "index", "id", "score", "score_kind", "text", "passage", "truncated_tokens", "explain",
    ]

    private func jsonLines(_ ranking: DocumentRanking, query: Query?, _ matches: [Int: [TokenMatch]]) throws {
        for (place, candidate) in ranking.candidates.enumerated() {
            let own = matches[candidate.index]
            var object = try object(
                candidate, rank: place + 1, ranking.report, query: query, hasSpans: own != nil)
            if let own, case .object(var explanation)? = object["explain"] {
                explanation["matches"] = .array(own.map(\.json))
                object["explain"] = .object(explanation)
            }
            print(JSONValue.object(object).compact)
        }
    }

    private func object(
        _ candidate: Candidate, rank: Int, _ report: RerankReport, query: Query?, hasSpans: Bool
    ) throws -> JSONObject {
        var object = JSONObject()
        if let query { object["query_id"] = .string(query.id) }
        object["rank"] = .number(JSONNumber(rank))
        object["index"] = .number(JSONNumber(candidate.index))
        // Always there, so that every line has the same keys.
        object["id"] = candidate.id.map(JSONValue.string) ?? .null
        object["score"] = JSONValue(candidate.score)
        object["score_kind"] = .string(candidate.scoreKind.rawValue)
        var others: [(String, JSONValue)] = []
        if case .fields(let fields) = candidate.document.content {
            others = fields.members.map { ($0.key, $0.value) }
            if let id = fields["id"] { object["id"] = id }
        }
        object["text"] = try .string(text(of: candidate, hasSpans: hasSpans || candidate.passage != nil))
        for (key, value) in others where key != "id" && !(key == "text" && value == object["text"]) {
            object[RankingWriter.ownNames.contains(key) ? "input_" + key : key] = value
        }
        if let passage = candidate.passage {
            var span = JSONObject()
            span["start"] = .number(JSONNumber(passage.start))
            span["end"] = .number(JSONNumber(passage.end))
            object["passage"] = .object(span)
        }
        if candidate.truncatedTokens > 0 {
            object["truncated_tokens"] = .number(JSONNumber(candidate.truncatedTokens))
        }
        if explain { object["explain"] = .object(explanation(candidate, report)) }
        return object
    }

    /// The `text` field of an object that has one; otherwise, and where there are spans of it, the text that the model read.
    private func text(of candidate: Candidate, hasSpans: Bool) throws -> String {
        if case .fields(let fields) = candidate.document.content, case .string(let text)? = fields["text"],
            !hasSpans || fields["title"] == nil && rankFields == nil
        {
            return text
        }
        return try candidate.document.text(rankFields: rankFields)
    }

    private func explanation(_ candidate: Candidate, _ report: RerankReport) -> JSONObject {
        var explanation = JSONObject()
        explanation["logit"] = JSONValue(candidate.logit)
        explanation["tokens"] = .number(JSONNumber(candidate.tokens))
        explanation["passages"] = .number(JSONNumber(candidate.passages))
        if let compute = report.compute { explanation["precision"] = .string(compute.precision.rawValue) }
        if let ranker = candidate.rankedBy { explanation["ranked_by"] = .string(ranker) }
        if !candidate.additions.isEmpty {
            explanation["additions"] = .array(candidate.additions.map { .object($0.json) })
        }
        return explanation
    }

    // MARK: TSV and TREC

    private func tabSeparated(_ ranking: DocumentRanking, query: Query?) throws {
        for (place, candidate) in ranking.candidates.enumerated() {
            let text = try text(of: candidate, hasSpans: candidate.passage != nil).split(whereSeparator: \.isWhitespace)
                .joined(separator: " ")
            let score = candidate.isScored ? "\(candidate.score)" : ""
            let columns = [query?.id, "\(place + 1)", candidate.id ?? "\(candidate.index)", score, text]
            print(columns.compactMap(\.self).joined(separator: "\t"))
        }
    }

    /// `query-id Q0 document-id rank score tag`. Ids cannot hold white space there.
    private func trec(_ ranking: DocumentRanking, query: Query?) {
        let count = ranking.candidates.count
        let scores = TrecScores.texts(
            ranking.candidates.areComparable
                ? ranking.candidates.map { $0.isScored ? $0.score : nil }
                : ranking.candidates.indices.map { Float(count - $0) })
        for (place, candidate) in ranking.candidates.enumerated() {
            let id = candidate.id ?? "\(candidate.index)"
            print("\(query?.id ?? "1") Q0 \(id) \(place + 1) \(scores[place]) resift")
        }
    }

    // MARK: Table

    private func table(_ ranking: DocumentRanking, query: Query?, _ matches: [Int: [TokenMatch]]) {
        if let query { print(Terminal.bold("\(query.id)  \(query.text)")) }
        let ids = ranking.candidates.map { $0.id ?? "\($0.index)" }
        let idWidth = max(2, min(24, ids.map(\.count).max() ?? 2))
        let scores = ranking.candidates.map { $0.isScored ? formatted($0.score) : "-" }
        let scoreWidth = max(5, scores.map(\.count).max() ?? 5)
        let textWidth = max(20, Terminal.width - idWidth - scoreWidth - 22)
        let largest = ranking.candidates.map(\.score).max() ?? 0
        print(
            Terminal.dim(
                "rank  \("score".leftPadded(to: scoreWidth))  \("".padded(to: 10))  \("id".padded(to: idWidth))  text"))
        for (place, candidate) in ranking.candidates.enumerated() {
            let rank = "\(place + 1)".leftPadded(to: 4)
            let score = scores[place].leftPadded(to: scoreWidth)
            let id = ids[place].shortened(to: idWidth).padded(to: idWidth)
            let shown = candidate.passage?.text ?? (try? candidate.document.text(rankFields: rankFields)) ?? ""
            let own = matches[candidate.index] ?? []
            let line = shown.shortened(
                to: textWidth, marking: RankingWriter.matchedSpans(own, from: candidate.passage?.start ?? 0))
            print("\(Terminal.bold(rank))  \(score)  \(bar(candidate, largest))  \(id)  \(line)")
            if let note = note(candidate) { print(Terminal.dim("      \(note)")) }
            for line in lines(own) { print("      \(line)") }
        }
    }

    private func note(_ candidate: Candidate) -> String? {
        var parts: [String] = []
        if explain {
            parts.append(
                candidate.isScored
                    ? "\(candidate.scoreKind == .maxSim ? "MaxSim" : "logit") \(formatted(candidate.logit)), \(candidate.tokens) tokens in \(candidate.passages) passage\(candidate.passages == 1 ? "" : "s")"
                    : "not scored before the deadline"
            )
        }
        if explain {
            for addition in candidate.additions {
                parts.append("\(addition.rule) \(addition.value.formatted(places: 3)) (\(addition.reason))")
            }
            if let ranker = candidate.rankedBy { parts.append("by \(ranker)") }
        }
        if let passage = candidate.passage { parts.append("characters \(passage.start)..<\(passage.end)") }
        if candidate.truncatedTokens > 0 { parts.append("\(candidate.truncatedTokens) tokens cut off") }
        return parts.isEmpty ? nil : parts.joined(separator: "; ")
    }

    /// The places that words of the query matched, in code points from `start` on.
    private static func matchedSpans(_ matches: [TokenMatch], from start: Int) -> [Range<Int>] {
        matches.filter { $0.queryToken != nil }.compactMap(\.documentToken)
            .map { $0.start - start..<$0.end - start }
    }

    /// "solar → sun 0.712, panel → panel 0.933, special tokens and expansion 18.202", broken to the width, with the
    /// document's tokens marked.
    private func lines(_ matches: [TokenMatch]) -> [String] {
        guard !matches.isEmpty else { return [] }
        // What stands before the mark, the mark, and what follows.
        var parts: [(String, String, String)] = matches.compactMap { match in
            guard let query = match.queryToken?.text else { return nil }
            let similarity = " \(formatted(match.similarity))"
            guard let token = match.documentToken?.text else { return ("\(query) → [special]\(similarity)", "", "") }
            return ("\(query) → ", token, similarity)
        }
        let others = matches.filter { $0.queryToken == nil }.reduce(0) { $0 + $1.similarity }
        parts.append(("special tokens and expansion \(formatted(others))", "", ""))
        var lines: [String] = []
        var width = 0
        for (before, mark, after) in parts {
            let length = before.count + mark.count + after.count
            let shown = Terminal.dim(before) + (mark.isEmpty ? "" : Terminal.marked(mark) + Terminal.dim(after))
            if !lines.isEmpty, width + length + 2 <= Terminal.width - 6 {
                lines[lines.count - 1] += Terminal.dim(", ") + shown
                width += 2 + length
            } else {
                lines.append(shown)
                width = length
            }
        }
        return lines
    }

    /// Ten cells, empty without a score, filled in eighths in proportion to the score: a logit after a sigmoid, a MaxSim
    /// as a part of the largest.
    private func bar(_ candidate: Candidate, _ largest: Float) -> String {
        guard candidate.isScored else { return "".padded(to: 10) }
        let share: Float =
            switch candidate.scoreKind {
            case .logit: ScoreActivation.sigmoid([candidate.score])[0]
            case .maxSim: largest > 0 ? candidate.score / largest : 0
            default: candidate.score
            }
        let eighths = Int((min(1, max(0, share)) * 80).rounded())
        let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return (String(repeating: "█", count: eighths / 8) + partial).padded(to: 10)
    }

    private func formatted(_ score: Float) -> String { Double(score).formatted(places: 3) }
}

/// A TREC run has a score on every line, and is read back by its scores.
enum TrecScores {
    /// What has no score gets one below all others, in steps of 1.
    static func texts(_ scores: [Float?]) -> [String] {
        var next = min(0, scores.compactMap(\.self).min() ?? 0)
        return scores.map { score in
            if let score { return "\(score)" }
            next -= 1
            return "\(next)"
        }
    }
}

extension ScoreAddition {
    var json: JSONObject {
        var object = JSONObject()
        object["rule"] = .string(rule)
        object["value"] = JSONNumber(value).map(JSONValue.number) ?? .null
        object["reason"] = .string(reason)
        return object
    }
}

extension TokenMatch {
    /// {"query": {start, end, text} or null, "document": {start, end, text} or null, "similarity": number}.
    fileprivate var json: JSONValue {
        func span(_ passage: Passage?) -> JSONValue {
            guard let passage else { return .null }
            var span = JSONObject()
            span["start"] = .number(JSONNumber(passage.start))
            span["end"] = .number(JSONNumber(passage.end))
            span["text"] = .string(passage.text)
            return .object(span)
        }
        var object = JSONObject()
        object["query"] = span(queryToken)
        object["document"] = span(documentToken)
        object["similarity"] = JSONValue(similarity)
        return .object(object)
    }
}

extension JSONValue {
    /// A score; null where there is none.
    init(_ score: Float) { self = JSONNumber(score).map(JSONValue.number) ?? .null }
}
