import Evaluation
import Resift

/// Prints measured runs. The first run is what the others are compared with.
struct EvaluationWriter {
    let measures: [Measure]
    let perQuery: Bool

    func write(_ results: [(name: String, result: EvaluationResult)], _ format: EvaluateCommand.Format) {
        switch format {
        case .json: print(json(results).pretty)
        case .tsv: print(rows(results).map { $0.joined(separator: "\t") }.joined(separator: "\n"))
        case .markdown: markdown(rows(results))
        case .table: table(rows(results))
        }
    }

    /// `{run: {measure: mean}}`; with queries `{run: {measure: mean, "queries": {query: {measure: value}}}}`.
    private func json(_ results: [(name: String, result: EvaluationResult)]) -> JSONValue {
        var report = JSONObject()
        for (name, result) in results {
            var means = JSONObject()
            for measure in measures { means[measure.description] = JSONValue(result.mean(measure)) }
            if perQuery {
                var queries = JSONObject()
                for queryID in result.queryIDs {
                    var values = JSONObject()
                    for measure in measures {
                        values[measure.description] = JSONValue(result.values[measure]?[queryID] ?? 0)
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
        let queryIDs = result.queryIDs.filter { baseline.values[measure]?[$0] != nil }
        let first = queryIDs.map { baseline.values[measure]?[$0] ?? 0 }
        let second = queryIDs.map { result.values[measure]?[$0] ?? 0 }
        let change = result.mean(measure) - baseline.mean(measure)
        let wins = zip(first, second).count { $0 < $1 }
        let losses = zip(first, second).count { $0 > $1 }
        return [
            (change < 0 ? "" : "+") + change.fixed(4), Significance.pairedTTest(first, second)?.fixed(4) ?? "-",
            Significance.randomizationTest(first, second)?.fixed(4) ?? "-",
            "\(wins)/\(queryIDs.count - wins - losses)/\(losses)",
        ]
    }

    private func table(_ rows: [[String]]) {
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        for (index, row) in rows.enumerated() {
            let cells = row.enumerated().map { $1.padded(to: widths[$0]) }
            let line = cells.joined(separator: "  ")
            print(index == 0 ? Terminal.dim(line) : line)
        }
    }

    private func markdown(_ rows: [[String]]) {
        for (index, row) in rows.enumerated() {
            print("| \(row.joined(separator: " | ")) |")
            if index == 0 { print("|\(String(repeating: "---|", count: row.count))") }
        }
    }
}

extension Double {
    /// A number with a fixed count of decimals, at most 9.
    func fixed(_ decimals: Int) -> String {
        var power = 1.0
        for _ in 0..<decimals { power *= 10 }
        let scaled = (abs(self) * power).rounded()
        guard scaled < 9e15 else { return description }
        let digits = String(Int(scaled))
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        return (self < 0 && scaled > 0 ? "-" : "") + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }
}

extension JSONValue {
    /// A measure, with 6 decimals.
    fileprivate init(_ value: Double) {
        self = (Double(value.fixed(6)).flatMap { JSONNumber($0) }).map(JSONValue.number) ?? .null
    }
}
