import Evaluation
import Resift

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What `--calibrate` writes, and says about it on standard error.
enum CalibrationFile {
    static func write(_ runs: [StageRun], _ qrels: Qrels, to path: String) throws(RankingError) {
        let reranked = runs.filter { $0.stage.reranks }
        guard reranked.count == 1, let run = reranked.first else {
            throw RankingError(
                .invalidInput, what: "There are \(reranked.count) stages with a reranker to calibrate.",
                why: "A calibration is of one model behind one first stage.",
                fix: "Name one stage with +rerank, and one model.")
        }
        let queries = run.logits.sorted { $0.key < $1.key }.map { query, logits in
            let grades = qrels[query] ?? [:]
            return logits.sorted { $0.key < $1.key }.map {
                LabelledScore(score: $0.value, isRelevant: (grades[$0.key] ?? 0) > 0)
            }
        }
        guard let report = CalibrationReport(queries: queries) else {
            throw RankingError(
                .invalidInput, what: "The pools have too few relevant documents to calibrate with.",
                why: "Both halves of the queries need some, and some that are not relevant.",
                fix: "Judge more queries, or enlarge --pool.")
        }
        do {
            try (JSONValue.object(object(report, run)).pretty + "\n").write(
                toFile: path, atomically: true, encoding: .utf8)
        } catch {
            throw RankingError(
                .storage, what: "\(path) cannot be written.", why: "The system refused it: \(error)",
                fix: "Check the permissions and the space of the folder.", cause: error)
        }
        StandardError.write(
            """
            calibration: \(path), from \(report.pairs) pairs, \(report.relevant) of them relevant; calibration error \
            \(report.errorBefore.fixed(4)) before, \(report.errorPlatt.fixed(4)) with Platt scaling, \
            \(report.errorIsotonic.fixed(4)) isotonic, on queries that were not fitted

            """)
    }

    private static func object(_ report: CalibrationReport, _ run: StageRun) -> JSONObject {
        func number(_ value: Double) -> JSONValue { JSONNumber(value).map(JSONValue.number) ?? .null }
        var object = JSONObject()
        object["stage"] = .string(run.name)
        object["pairs"] = .number(JSONNumber(report.pairs))
        object["relevant"] = .number(JSONNumber(report.relevant))
        var error = JSONObject()
        error["before"] = number(report.errorBefore)
        error["platt"] = number(report.errorPlatt)
        error["isotonic"] = number(report.errorIsotonic)
        object["expected_calibration_error"] = .object(error)
        var platt = JSONObject()
        platt["slope"] = number(report.platt.slope)
        platt["intercept"] = number(report.platt.intercept)
        object["platt"] = .object(platt)
        object["isotonic"] = .array(
            report.isotonic.points.map { .array([number($0.score), number($0.probability)]) })
        return object
    }
}
