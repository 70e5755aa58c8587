/// A report as one HTML page: style and plots are in it, and it loads nothing.
public struct HTMLReport: Sendable {
    private let report: DatasetReport
    /// Queries that are shown with what each stage returned.
    private static let worstQueries = 20

    public init(_ report: DatasetReport) { self.report = report }

    public var text: String {
        let title = "\(report.dataset), \(report.split)"
        var parts = [
            """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>\(escaped(title)) - resift evaluate</title>
            <style>\(HTMLReport.style)</style></head><body>
            <h1>\(escaped(title))</h1>
            """,
            section("Stages", table(report.table())),
            "<p>Changes are against the first row; better and worse mean p &lt; 0.05 in the paired t-test. Costs are for "
                + "100,000 queries, one at a time, at \(report.cost.pricePerHour.fixed(2)) a machine hour; a hosted "
                + "service at \(report.cost.pricePer1000Searches.fixed(2)) per 1,000 searches would ask "
                + "\(report.cost.hosted(queries: DatasetReport.costedQueries).fixed(0)).</p>",
            remarks,
            section("What the first stages hold", table(report.recallTable())),
            "<p>A relevant document that is not in the pool cannot be put on top by any reranker.</p>",
        ]
        let plots = ReportPlots(report)
        parts += [plots.recall, plots.quality, plots.gains, plots.movements].map { "<figure>\($0)</figure>" }
        parts += [
            section("The queries that lost most", worst), section("All queries", table(report.queryTable())),
            "</body></html>\n",
        ]
        return parts.joined(separator: "\n")
    }

    private func section(_ title: String, _ body: String) -> String { "<h2>\(title)</h2>\n\(body)" }

    private func table(_ rows: [[String]]) -> String {
        guard let header = rows.first else { return "" }
        let head = header.map { "<th>\(escaped($0))</th>" }.joined()
        let body = rows.dropFirst().map { row in
            "<tr>\(row.map { "<td\(cellClass($0))>\(escaped($0))</td>" }.joined())</tr>"
        }
        return "<table><thead><tr>\(head)</tr></thead>\n<tbody>\(body.joined(separator: "\n"))</tbody></table>"
    }

    private func cellClass(_ cell: String) -> String {
        switch cell {
        case "better": " class=\"better\""
        case "worse": " class=\"worse\""
        default: Double(cell) == nil ? "" : " class=\"number\""
        }
    }

    /// What the numbers do not show.
    private var remarks: String {
        let lines = report.rows.flatMap { row in
            var remarks: [String] = []
            if let precision = row.precision { remarks.append("computed in \(precision)") }
            if row.unscored > 0 { remarks.append("\(row.unscored) candidates have no score") }
            if row.truncated > 0 {
                remarks.append("\(row.truncated) of \(row.pairs) pairs were cut to the reranker's window")
            }
            if !row.failures.isEmpty {
                let ids = row.failures.keys.sorted().prefix(20).joined(separator: ", ")
                remarks.append("\(row.failures.count) queries without results: \(ids)")
            }
            return remarks.map { "<li>\(escaped(row.name)): \(escaped($0))</li>" }
        }
        return lines.isEmpty ? "" : "<ul>\(lines.joined())</ul>"
    }

    /// What each row returned first for the queries that the last row did worst on, against the first.
    private var worst: String {
        let rows = report.queryTable().dropFirst().prefix(HTMLReport.worstQueries)
        return rows.map { query in
            let lists = report.rows.map { row in
                let documents = (row.top[query[0]] ?? []).map { document in
                    let grade = document.grade.map { $0 > 0 ? " <b>relevant (\($0))</b>" : " (\($0))" } ?? ""
                    return "<li>\(escaped(document.id))\(grade)</li>"
                }
                return "<div><h4>\(escaped(row.name))</h4><ol>\(documents.joined())</ol></div>"
            }
            let head = "\(escaped(query[0])): \(escaped(query[1])) (\(query[query.count - 1]))"
            return "<details><summary>\(head)</summary><div class=\"lists\">\(lists.joined())</div></details>"
        }.joined(separator: "\n")
    }

    private static let style = """
        body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:1200px;padding:0 1rem;color:#1c2530}
        table{border-collapse:collapse;display:block;overflow-x:auto;margin:.5rem 0 1rem}
        th,td{padding:.25rem .6rem;border-bottom:1px solid #dde3ea;text-align:left;vertical-align:top}
        th{background:#f2f5f8}td.number{text-align:right;font-variant-numeric:tabular-nums}
        .better{color:#0a6b3d}.worse{color:#b3261e}figure{margin:1rem 0}svg{max-width:100%;height:auto}
        .lists{display:flex;flex-wrap:wrap;gap:2rem}summary{cursor:pointer;padding:.2rem 0}
        """
}

/// A text as the content or the attribute of an element.
func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
