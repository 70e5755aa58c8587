import Evaluation
import Resift

/// Prints the report of `evaluate --dataset`.
struct DatasetReportWriter {
    let perQuery: Bool

    func write(_ report: DatasetReport, _ format: EvaluateCommand.Format) {
        switch format {
        case .json: print(json(report).pretty)
        case .html: print(HTMLReport(report).text, terminator: "")
        case .table, .tsv, .markdown:
            CellTable.print(report.table(), format)
            print("")
            CellTable.print(report.recallTable(), format)
            if format == .table {
                let hosted = report.cost.hosted(queries: DatasetReport.costedQueries)
                print(
                    """

                    Costs are for 100,000 queries, at \(report.cost.pricePerHour.fixed(2)) a machine hour; a hosted \
                    service at \(report.cost.pricePer1000Searches.fixed(2)) per 1,000 searches: \(hosted.fixed(2)).
                    """)
            }
            if perQuery {
                print("")
                CellTable.print(queries(report), format)
            }
        }
    }

    private func queries(_ report: DatasetReport) -> [[String]] {
        var rows = [["stage", "query"] + report.measures.map(\.description)]
        for row in report.rows {
            for id in row.result.queryIDs {
                rows.append([row.name, id] + report.measures.map { (row.result.values[$0]?[id] ?? 0).fixed(4) })
            }
        }
        return rows
    }

    // MARK: JSON

    private func json(_ report: DatasetReport) -> JSONValue {
        var object = JSONObject()
        object["dataset"] = .string(report.dataset)
        object["split"] = .string(report.split)
        object["queries"] = .number(JSONNumber(report.rows.first?.result.queryIDs.count ?? 0))
        object["stages"] = .array(report.rows.indices.map { .object(row($0, report)) })
        var recall = JSONObject()
        for (stage, own) in report.recall { recall[stage] = .object(figures(of: own)) }
        object["recall"] = .object(recall)
        var hosted = JSONObject()
        hosted["price_per_1000_searches"] = JSONValue(measured: report.cost.pricePer1000Searches)
        hosted["per_100000_queries"] = JSONValue(measured: report.cost.hosted(queries: DatasetReport.costedQueries))
        object["hosted"] = .object(hosted)
        return .object(object)
    }

    private func row(_ place: Int, _ report: DatasetReport) -> JSONObject {
        let row = report.rows[place]
        var object = JSONObject()
        object["stage"] = .string(row.name)
        var means = JSONObject()
        var comparisons = JSONObject()
        for measure in report.measures {
            means[measure.description] = JSONValue(measured: row.result.mean(measure))
            guard let own = report.comparison(place, measure) else { continue }
            var comparison = JSONObject()
            comparison["change"] = JSONValue(measured: own.change)
            comparison["p_t_test"] = own.tTest.map { JSONValue(measured: $0) } ?? .null
            comparison["p_randomization"] = own.randomization.map { JSONValue(measured: $0) } ?? .null
            comparison["wins"] = .number(JSONNumber(own.wins))
            comparison["ties"] = .number(JSONNumber(own.ties))
            comparison["losses"] = .number(JSONNumber(own.losses))
            comparison["verdict"] = .string(DatasetReport.verdict(own))
            comparisons[measure.description] = .object(comparison)
        }
        object["measures"] = .object(means)
        if place > 0 { object["against_the_first"] = .object(comparisons) }
        var latency = JSONObject()
        latency["p50"] = JSONValue(measured: row.latency.p50)
        latency["p95"] = JSONValue(measured: row.latency.p95)
        latency["mean"] = JSONValue(measured: row.latency.mean)
        object["latency_ms"] = .object(latency)
        object["pairs"] = .number(JSONNumber(row.pairs))
        if let precision = row.precision { object["precision"] = .string(precision) }
        object["unscored_candidates"] = .number(JSONNumber(row.unscored))
        object["truncated_pairs"] = .number(JSONNumber(row.truncated))
        object["failed_queries"] = .number(JSONNumber(row.failures.count))
        var cost = JSONObject()
        let (queries, mean) = (DatasetReport.costedQueries, row.latency.mean)
        cost["machine_hours"] = JSONValue(
            measured: report.cost.machineHours(queries: queries, millisecondsPerQuery: mean))
        cost["price"] = JSONValue(measured: report.cost.own(queries: queries, millisecondsPerQuery: mean))
        object["per_100000_queries"] = .object(cost)
        if perQuery {
            var values = JSONObject()
            for id in row.result.queryIDs {
                var own = JSONObject()
                for measure in report.measures {
                    own[measure.description] = JSONValue(measured: row.result.values[measure]?[id] ?? 0)
                }
                values[id] = .object(own)
            }
            object["values"] = .object(values)
        }
        return object
    }

    private func figures(of recall: PoolRecall) -> JSONObject {
        var object = JSONObject()
        for cutoff in recall.recall.keys.sorted() {
            object["R@\(cutoff)"] = JSONValue(measured: recall.recall[cutoff] ?? 0)
        }
        object["pool"] = .number(JSONNumber(recall.poolSize))
        object["relevant"] = .number(JSONNumber(recall.relevant))
        object["in_pool"] = .number(JSONNumber(recall.inPool))
        object["just_outside"] = .number(JSONNumber(recall.justOutside))
        object["deeper"] = .number(JSONNumber(recall.deeper))
        object["not_retrieved"] = .number(JSONNumber(recall.notRetrieved))
        return object
    }
}
