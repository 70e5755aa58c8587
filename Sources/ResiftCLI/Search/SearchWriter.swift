import Resift

/// Prints search answers. One value writes the answers of one command.
struct SearchWriter {
    let format: OutputFormat
    let explain: Bool

    func write(_ answer: SearchAnswer, query: Query?) throws {
        switch format {
        case .table: table(answer, query: query)
        case .jsonl: jsonLines(answer, query: query)
        case .tsv: tabSeparated(answer, query: query)
        case .trec: trec(answer, query: query)
        }
    }

    // MARK: JSON Lines

    private func jsonLines(_ answer: SearchAnswer, query: Query?) {
        for (place, result) in answer.results.enumerated() {
            print(JSONValue.object(object(result, rank: place + 1, answer, query: query)).compact)
        }
    }

    private func object(_ result: SearchResult, rank: Int, _ answer: SearchAnswer, query: Query?) -> JSONObject {
        var object = JSONObject()
        if let query { object["query_id"] = .string(query.id) }
        object["rank"] = .number(JSONNumber(rank))
        object["id"] = .string(result.id)
        object["score"] = JSONValue(result)
        object["score_kind"] = .string(result.scoreKind.rawValue)
        object["reranked"] = .bool(answer.reranking.reranked)
        if !result.document.title.isEmpty { object["title"] = .string(result.document.title) }
        object["text"] = .string(result.document.text)
        if !result.document.metadata.members.isEmpty { object["metadata"] = .object(result.document.metadata) }
        if let passage = result.passage {
            var span = JSONObject()
            span["start"] = .number(JSONNumber(passage.start))
            span["end"] = .number(JSONNumber(passage.end))
            object["passage"] = .object(span)
        }
        object["first_stage_rank"] = .number(JSONNumber(result.firstStageRank))
        var stages = JSONObject()
        for (pool, found) in zip(answer.pools, result.poolRanks) {
            guard let found else { continue }
            var stage = JSONObject()
            stage["rank"] = .number(JSONNumber(found.rank))
            stage["score"] = JSONNumber(found.score).map(JSONValue.number)
            stages[pool.name] = .object(stage)
        }
        object["stages"] = .object(stages)
        if let candidate = result.candidate, candidate.truncatedTokens > 0 {
            object["truncated_tokens"] = .number(JSONNumber(candidate.truncatedTokens))
        }
        guard explain else { return object }
        if let candidate = result.candidate, candidate.isScored { object["logit"] = JSONValue(candidate.logit) }
        if let compute = answer.reranking.report?.compute {
            object["precision"] = .string(compute.precision.rawValue)
        }
        if let explanation = result.explanation { object["bm25"] = JSONValue(explanation) }
        return object
    }

    // MARK: TSV and TREC

    private func tabSeparated(_ answer: SearchAnswer, query: Query?) {
        for (place, result) in answer.results.enumerated() {
            let text = result.shownText.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            let columns = [query?.id, "\(place + 1)", result.id, result.scoreText, text]
            print(columns.compactMap(\.self).joined(separator: "\t"))
        }
    }

    /// `query-id Q0 document-id rank score tag`. Ids cannot hold white space there.
    private func trec(_ answer: SearchAnswer, query: Query?) {
        let scores =
            answer.reranking.reranked
            ? TrecScores.texts(answer.results.map { $0.candidate?.isScored == true ? $0.candidate?.score : nil })
            : answer.results.map(\.scoreText)
        for (place, result) in answer.results.enumerated() {
            print("\(query?.id ?? "1") Q0 \(result.id) \(place + 1) \(scores[place]) resift")
        }
    }

    // MARK: Table

    private func table(_ answer: SearchAnswer, query: Query?) {
        if let query { print(Terminal.bold("\(query.id)  \(query.text)")) }
        guard !answer.results.isEmpty else { return print("No document matches.") }
        let idWidth = max(2, min(24, answer.results.map(\.id.count).max() ?? 2))
        let was = answer.reranking.reranked
        let textWidth = max(20, Terminal.width - idWidth - 20 - (was ? 6 : 0))
        let moved = was ? "  was " : ""
        print(Terminal.dim("rank\(moved)     score  \("id".padded(to: idWidth))  text"))
        for (place, result) in answer.results.enumerated() {
            let rank = Terminal.bold("\(place + 1)".leftPadded(to: 4))
            let before = was ? "\(result.firstStageRank)".leftPadded(to: 5) + " " : ""
            let id = result.id.shortened(to: idWidth).padded(to: idWidth)
            let score = result.score.formatted(places: 4).leftPadded(to: 10)
            print("\(rank)\(before)\(score)  \(id)  \(result.shownText.shortened(to: textWidth))")
            if let passage = result.passage {
                print(Terminal.dim("      characters \(passage.start)..<\(passage.end)"))
            }
            guard explain else { continue }
            let ranks = zip(answer.pools, result.poolRanks).map { pool, found in
                found.map { "\(pool.name) \($0.rank) (\($0.score.formatted(places: 4)))" } ?? "\(pool.name) -"
            }
            let change = was ? "; first pass \(result.firstStageRank), now \(place + 1)" : ""
            print(Terminal.dim("      \(ranks.joined(separator: ", "))\(change)"))
            if let explanation = result.explanation {
                for line in explanation.description.split(separator: "\n") { print(Terminal.dim("      \(line)")) }
            }
        }
    }
}

extension SearchResult {
    /// What a person looks at first: the title and the best passage.
    fileprivate var shownText: String {
        let text = passage?.text ?? document.text
        return document.title.isEmpty ? text : document.title + ": " + text
    }

    /// Scores of a reranker are single precision, and are printed as such.
    fileprivate var scoreText: String {
        guard let candidate, candidate.isScored else { return "\(score)" }
        return "\(candidate.score)"
    }
}

extension JSONValue {
    fileprivate init(_ result: SearchResult) {
        self = result.candidate.map { JSONValue($0.score) } ?? JSONNumber(result.score).map(JSONValue.number) ?? .null
    }

    fileprivate init(_ explanation: ScoreExplanation) {
        var object = JSONObject()
        object["value"] = JSONNumber(explanation.value).map(JSONValue.number)
        object["summary"] = .string(explanation.summary)
        if explanation.operation != .formula { object["operation"] = .string(explanation.operation.rawValue) }
        if !explanation.children.isEmpty { object["children"] = .array(explanation.children.map { JSONValue($0) }) }
        self = .object(object)
    }
}
