#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The plots of a report, as SVG.
struct ReportPlots {
    private let report: DatasetReport
    private let width = 640.0
    private let height = 300.0
    // Room for the axes.
    private let left = 56.0
    private let right = 150.0
    private let top = 30.0
    private let bottom = 44.0
    private static let colours = ["#1f5fa8", "#c2571a", "#2b8a57", "#8a3f9e", "#a8892b", "#5a6472"]

    init(_ report: DatasetReport) { self.report = report }

    /// The recall of each first stage against the size of the pool; the axis of sizes has equal steps.
    var recall: String {
        guard let cutoffs = report.recall.first?.recall.recall.keys.sorted(), cutoffs.count > 1 else { return "" }
        var body = axes(title: "Recall against pool size", low: 0, high: 1)
        let step = (width - left - right) / Double(cutoffs.count - 1)
        for (place, cutoff) in cutoffs.enumerated() {
            body += label("\(cutoff)", x: left + step * Double(place), y: height - bottom + 18, anchor: "middle")
        }
        for (number, (stage, own)) in report.recall.enumerated() {
            let points = cutoffs.enumerated().map { place, cutoff in
                (left + step * Double(place), y(own.recall[cutoff] ?? 0, low: 0, high: 1))
            }
            let path = points.map { "\($0.0.fixed(1)),\($0.1.fixed(1))" }.joined(separator: " ")
            body += "<polyline fill=\"none\" stroke=\"\(colour(number))\" stroke-width=\"2\" points=\"\(path)\"/>"
            for point in points { body += dot(point.0, point.1, colour(number)) }
            body += label(stage, x: width - right + 12, y: (points.last?.1 ?? 0) + 4, colour: colour(number))
        }
        return svg("plot-recall", body)
    }

    /// The first measure of each row against its median latency, on a logarithmic axis.
    var quality: String {
        guard let measure = report.measures.first, !report.rows.isEmpty else { return "" }
        let values = report.rows.map { $0.result.mean(measure) }
        let times = report.rows.map { max(0.01, $0.latency.p50) }
        let (low, high) = range(values)
        let decades = times.map { decade($0) }
        let (first, last) = ((decades.min() ?? 0) - 0.2, (decades.max() ?? 1) + 0.2)
        var body = axes(title: "\(measure) against median latency (ms, logarithmic)", low: low, high: high)
        for (number, row) in report.rows.enumerated() {
            let x = left + (width - left - right) * (decades[number] - first) / (last - first)
            let height = y(values[number], low: low, high: high)
            body += dot(x, height, colour(number))
            // Long names stay inside the picture.
            let isRight = x > (left + width - right) / 2
            body += label(
                "\(row.name), \(row.latency.p50.fixed(1)) ms", x: isRight ? x - 8 : x + 8, y: height - 6,
                anchor: isRight ? "end" : "start", colour: colour(number))
        }
        return svg("plot-quality", body)
    }

    /// What each query gains from the first to the last row, sorted.
    var gains: String {
        guard let measure = report.measures.first, let start = report.rows.first, let end = report.rows.last,
            report.rows.count > 1
        else { return "" }
        let gains = end.result.queryIDs.map { id in
            (end.result.values[measure]?[id] ?? 0) - (start.result.values[measure]?[id] ?? 0)
        }.sorted()
        let limit = max(0.01, gains.map { abs($0) }.max() ?? 1)
        var body = axes(title: "\(end.name) - \(start.name): \(measure) by query", low: -limit, high: limit)
        let step = (width - left - right) / Double(max(1, gains.count))
        let zero = y(0, low: -limit, high: limit)
        for (place, gain) in gains.enumerated() where gain != 0 {
            let end = y(gain, low: -limit, high: limit)
            let x = (left + step * Double(place)).fixed(2)
            body += "<rect x=\"\(x)\" y=\"\(min(zero, end).fixed(2))\" width=\"\(max(0.5, step * 0.9).fixed(2))\" "
            body += "height=\"\(abs(zero - end).fixed(2))\" fill=\"\(gain > 0 ? "#2b8a57" : "#b3261e")\"/>"
        }
        return svg("plot-gains", body)
    }

    /// Where the last reranker put the relevant documents of its pool: above the diagonal is better than before.
    var movements: String {
        guard let row = report.rows.last(where: { !$0.movements.isEmpty }) else { return "" }
        let deepest = Double(row.movements.map { max($0.before, $0.after) }.max() ?? 1)
        // The first rank is at the top.
        var body = label("\(row.name): ranks of relevant documents", x: left, y: 16, weight: "600")
        func x(_ rank: Int) -> Double { left + (width - left - right) * Double(rank) / deepest }
        func y(_ rank: Int) -> Double { top + (height - top - bottom) * Double(rank) / deepest }
        let end = Int(deepest)
        body += "<line x1=\"\(x(0).fixed(1))\" y1=\"\(y(0).fixed(1))\" x2=\"\(x(end).fixed(1))\" "
        body += "y2=\"\(y(end).fixed(1))\" stroke=\"#9aa6b2\"/>"
        for rank in Set([1, end / 2, end]) where rank > 0 {
            body += label("\(rank)", x: x(rank), y: height - bottom + 18, anchor: "middle")
            body += label("\(rank)", x: left - 6, y: y(rank) + 4, anchor: "end")
        }
        body += label("rank before", x: (left + width - right) / 2, y: height - 8, anchor: "middle")
        body += label("rank after", x: width - right + 12, y: top + 10)
        for movement in row.movements {
            let colour = movement.after <= movement.before ? "#2b8a57" : "#b3261e"
            body += "<circle cx=\"\(x(movement.before).fixed(1))\" cy=\"\(y(movement.after).fixed(1))\" r=\"2.5\" "
            body += "fill=\"\(colour)\" fill-opacity=\"0.45\"/>"
        }
        return svg("plot-movements", body)
    }

    // MARK: Parts

    private func colour(_ number: Int) -> String { ReportPlots.colours[number % ReportPlots.colours.count] }

    private func svg(_ id: String, _ body: String) -> String {
        let size = "\(width.fixed(0)) \(height.fixed(0))"
        return "<svg id=\"\(id)\" role=\"img\" viewBox=\"0 0 \(size)\" width=\"\(width.fixed(0))\" "
            + "xmlns=\"http://www.w3.org/2000/svg\">\(body)</svg>"
    }

    private func axes(title: String, low: Double, high: Double) -> String {
        var body = label(title, x: left, y: 16, weight: "600")
        for place in 0...4 {
            let value = low + (high - low) * Double(place) / 4
            let height = y(value, low: low, high: high)
            body += "<line x1=\"\(left)\" x2=\"\((width - right).fixed(1))\" y1=\"\(height.fixed(1))\" "
            body += "y2=\"\(height.fixed(1))\" stroke=\"#dde3ea\"/>"
            body += label(value.fixed(2), x: left - 6, y: height + 4, anchor: "end")
        }
        return body
    }

    private func y(_ value: Double, low: Double, high: Double) -> Double {
        height - bottom - (height - top - bottom) * (value - low) / max(1e-9, high - low)
    }

    private func range(_ values: [Double]) -> (Double, Double) {
        let (low, high) = (values.min() ?? 0, values.max() ?? 1)
        let margin = max(0.02, (high - low) * 0.15)
        return (max(0, low - margin), min(1, high + margin))
    }

    private func dot(_ x: Double, _ y: Double, _ colour: String) -> String {
        "<circle cx=\"\(x.fixed(1))\" cy=\"\(y.fixed(1))\" r=\"3.5\" fill=\"\(colour)\"/>"
    }

    private func label(
        _ text: String, x: Double, y: Double, anchor: String = "start", weight: String = "400",
        colour: String = "#3a4654"
    ) -> String {
        "<text x=\"\(x.fixed(1))\" y=\"\(y.fixed(1))\" text-anchor=\"\(anchor)\" font-size=\"12\" "
            + "font-family=\"system-ui,sans-serif\" font-weight=\"\(weight)\" fill=\"\(colour)\">\(escaped(text))</text>"
    }

    private func decade(_ value: Double) -> Double { log10(value) }
}
