/// What an evaluation of several stages on one dataset shows: quality, whether it differs from the first row by more than
/// chance, latency and cost; and what the first stages hold at all.
public struct DatasetReport: Sendable {
    public struct Row: Sendable {
        public var name: String
        /// Whether a reranker ordered it.
        public var reranks: Bool
        public var result: EvaluationResult
        public var latency: LatencySummary
        /// Pairs of query and passage that were scored, for all queries.
        public var pairs: Int
        /// What the reranker computed with, such as "int8"; nil without one.
        public var precision: String?
        /// Candidates, of all queries, that a deadline or a layer exit left without a score.
        public var unscored: Int
        /// Pairs that were cut to the reranker's window.
        public var truncated: Int
        /// Queries without results, and why, by query id.
        public var failures: [String: String]
        /// The first documents of each query, best first, with their grades: for reading about single queries.
        public var top: [String: [(id: String, grade: Int?)]]
        /// The ranks of relevant documents before and after the reranking, from 1; empty without a reranker.
        public var movements: [(before: Int, after: Int)]

        public init(
            name: String, reranks: Bool, result: EvaluationResult, latency: LatencySummary, pairs: Int,
            precision: String? = nil, unscored: Int = 0, truncated: Int = 0, failures: [String: String],
            top: [String: [(id: String, grade: Int?)]] = [:],
            movements: [(before: Int, after: Int)] = []
        ) {
            self.name = name
            self.reranks = reranks
            self.result = result
            self.latency = latency
            self.pairs = pairs
            self.precision = precision
            self.unscored = unscored
            self.truncated = truncated
            self.failures = failures
            self.top = top
            self.movements = movements
        }
    }

    public var dataset: String
    public var split: String
    public var measures: [Measure]
    public var rows: [Row]
    /// By first stage.
    public var recall: [(stage: String, recall: PoolRecall)]
    public var cost: ServingCost
    /// The texts of queries by id.
    public var queryTexts: [String: String]
    /// Queries that costs are told for.
    public static let costedQueries = 100_000.0

    public init(
        dataset: String, split: String, measures: [Measure], rows: [Row],
        recall: [(stage: String, recall: PoolRecall)], cost: ServingCost, queryTexts: [String: String]
    ) {
        self.dataset = dataset
        self.split = split
        self.measures = measures
        self.rows = rows
        self.recall = recall
        self.cost = cost
        self.queryTexts = queryTexts
    }

    /// A row against the first one; nil for the first.
    public func comparison(_ row: Int, _ measure: Measure) -> RunComparison? {
        row == 0 ? nil : RunComparison(rows[0].result, rows[row].result, measure)
    }

    /// What a comparison shows, at the level 0.05 of the t-test.
    public static func verdict(_ comparison: RunComparison) -> String {
        guard let p = comparison.tTest else { return "too few queries" }
        if p >= 0.05 { return "no clear difference" }
        return comparison.change > 0 ? "better" : "worse"
    }

    // MARK: As cells

    /// One line for each row under a header; the comparison is of the first measure.
    public func table() -> [[String]] {
        let compared = measures.first.map { " \($0)" } ?? ""
        var table = [
            ["stage"] + measures.map(\.description) + ["change in\(compared)", "p (t-test)", "p (random.)"]
                + ["win/tie/loss", "verdict", "p50 ms", "p95 ms", "pairs", "hours/100k", "cost/100k"]
        ]
        for (place, row) in rows.enumerated() {
            var cells = [row.name] + measures.map { row.result.mean($0).fixed(4) }
            if let measure = measures.first, let own = comparison(place, measure) {
                cells += [
                    (own.change < 0 ? "" : "+") + own.change.fixed(4), own.tTest?.fixed(4) ?? "-",
                    own.randomization?.fixed(4) ?? "-", "\(own.wins)/\(own.ties)/\(own.losses)",
                    DatasetReport.verdict(own),
                ]
            } else {
                cells += ["", "", "", "", ""]
            }
            let (queries, mean) = (DatasetReport.costedQueries, row.latency.mean)
            cells += [
                row.latency.p50.fixed(1), row.latency.p95.fixed(1), "\(row.pairs)",
                cost.machineHours(queries: queries, millisecondsPerQuery: mean).fixed(2),
                cost.own(queries: queries, millisecondsPerQuery: mean).fixed(2),
            ]
            table.append(cells)
        }
        return table
    }

    /// What the first stages hold, one line for each.
    public func recallTable() -> [[String]] {
        guard let cutoffs = recall.first?.recall.recall.keys.sorted() else { return [] }
        let size = recall[0].recall.poolSize
        var table = [
            ["first stage"] + cutoffs.map { "R@\($0)" }
                + ["relevant", "in the pool (\(size))", "just outside (\(size + 1)-\(2 * size))", "deeper"]
                + ["not retrieved"]
        ]
        for (stage, own) in recall {
            table.append(
                [stage] + cutoffs.map { (own.recall[$0] ?? 0).fixed(4) }
                    + [own.relevant, own.inPool, own.justOutside, own.deeper, own.notRetrieved].map { "\($0)" })
        }
        return table
    }

    /// The values of each query in each row, the largest loss of the last row against the first at the top.
    public func queryTable() -> [[String]] {
        guard let measure = measures.first, let first = rows.first, let last = rows.last else { return [] }
        func value(_ row: Row, _ id: String) -> Double { row.result.values[measure]?[id] ?? 0 }
        let ids = first.result.queryIDs.sorted { a, b in
            let (x, y) = (value(last, a) - value(first, a), value(last, b) - value(first, b))
            return x != y ? x < y : a < b
        }
        return [["query", "text"] + rows.map { "\($0.name) \(measure)" } + ["change"]]
            + ids.map { id in
                let change = value(last, id) - value(first, id)
                return [id, queryTexts[id] ?? ""] + rows.map { value($0, id).fixed(4) }
                    + [(change < 0 ? "" : "+") + change.fixed(4)]
            }
    }
}

extension Double {
    /// A number with a fixed count of decimals, at most 9.
    package func fixed(_ decimals: Int) -> String {
        var power = 1.0
        for _ in 0..<decimals { power *= 10 }
        let scaled = (abs(self) * power).rounded()
        guard scaled < 9e15 else { return description }
        let digits = String(Int(scaled))
        let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
        guard decimals > 0 else { return (self < 0 && scaled > 0 ? "-" : "") + padded }
        return (self < 0 && scaled > 0 ? "-" : "") + padded.dropLast(decimals) + "." + padded.suffix(decimals)
    }
}
