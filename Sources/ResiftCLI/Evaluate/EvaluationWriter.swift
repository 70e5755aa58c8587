import Evaluation
import Resift

/// Prints measured runs. The first run is what the others are compared with.
struct EvaluationWriter {
    let measures: [Measure]
    let perQuery: Bool

    func write(_ results: [(name: String, result: EvaluationResult)], _ format: EvaluateCommand.Format) {
        switch format {
        case .json: print(json(results).pretty)
        case .table, .tsv, .markdown, .html: CellTable.print(rows(results), format)
        }
    }

    /// `{run: {measure: mean}}`; with queries `{run: {measure: mean, "queries": {query: {measure: value}}}}`.
    private func json(_ results: [(name: String, result: EvaluationResult)]) -> JSONValue {
        var report = JSONObject()
        for (name, result) in results {
            var means = JSONObject()
            for measure in measures { means[measure.description] = JSONValue(measured: result.mean(measure)) }
            if perQuery {
                var queries = JSONObject()
                for queryID in result.queryIDs {
                    var values = JSONObject()
                    for measure in measures {
                        values[measure.description] = JSONValue(
                            measured: result.values[measure]?[queryID] ?? 0)
                    }
                    queries[queryID] = .object(values)
                }
                means["queries"] = .object(queries)
            }
            report[name] = .object(means)
        }
        return .object(report)
    }

    /// One line for each run, query and measure, under a header.
    private func rows(_ results: [(name: String, result: EvaluationResult)]) -> [[String]] {
        let compares = results.count > 1
        var rows = [
            ["run", "query", "measure", "value"]
                + (compares ? ["change", "p (t-test)", "p (random.)", "win/tie/loss"] : [])
        ]
        for (position, (name, result)) in results.enumerated() {
            for measure in measures {
                if perQuery {
                    for queryID in result.queryIDs {
                        let value = result.values[measure]?[queryID] ?? 0
                        rows.append(
                            [name, queryID, measure.description, value.fixed(4)] + (compares ? ["", "", "", ""] : []))
                    }
                }
                let comparison = position == 0 ? ["", "", "", ""] : compare(results[0].result, result, measure)
                rows.append(
                    [name, "all", measure.description, result.mean(measure).fixed(4)] + (compares ? comparison : []))
            }
        }
        return rows
    }

    private func compare(_ baseline: EvaluationResult, _ result: EvaluationResult, _ measure: Measure) -> [String] {
        let own = RunComparison(baseline, result, measure)
        return [
            (own.change < 0 ? "" : "+") + own.change.fixed(4), own.tTest?.fixed(4) ?? "-",
            own.randomization?.fixed(4) ?? "-", "\(own.wins)/\(own.ties)/\(own.losses)",
        ]
    }
}

/// Prints rows of cells under a header.
enum CellTable {
    static func print(_ rows: [[String]], _ format: EvaluateCommand.Format) {
        switch format {
        case .markdown: markdown(rows)
        case .tsv: Swift.print(rows.map { $0.joined(separator: "\t") }.joined(separator: "\n"))
        case .table, .json, .html: table(rows)
        }
    }

    private static func table(_ rows: [[String]]) {
        guard let header = rows.first else { return }
        let widths = header.indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for (index, row) in rows.enumerated() {
            let cells = row.enumerated().map { $1.padded(to: widths[$0]) }
            let line = cells.joined(separator: "  ")
            Swift.print(index == 0 ? Terminal.dim(line) : line)
        }
    }

    private static func markdown(_ rows: [[String]]) {
        for (index, row) in rows.enumerated() {
            Swift.print("| \(row.joined(separator: " | ")) |")
            if index == 0 { Swift.print("|\(String(repeating: "---|", count: row.count))") }
        }
    }
}

extension JSONValue {
    /// A measure, with 6 decimals.
    init(measured value: Double) {
        self = (Double(value.fixed(6)).flatMap { JSONNumber($0) }).map(JSONValue.number) ?? .null
    }
}
