import Evaluation
import Resift

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What `evaluate --calibrate` fits, stores, and says on standard error.
struct CalibrationWriter {
    /// Where to write; nil for beside the model.
    let file: String?
    let dataset: String

    /// One calibration for each model. Checked before the work, which can take hours.
    func check(_ stages: [EvaluationStage], models: Int) throws(RankingError) {
        let reranking = stages.filter(\.reranks)
        guard reranking.count == 1 else {
            throw RankingError(
                .invalidInput, what: "There are \(reranking.count) stages with a reranker to calibrate.",
                why: "A calibration is of one model behind one first stage.", fix: "Name one stage with +rerank.")
        }
        if let file, models > 1 {
            throw RankingError(
                .invalidInput, what: "\(models) models are to be calibrated into the one file \(file).",
                why: "A calibration belongs to one model.",
                fix: "Name one model, or leave --calibration out to store each beside its model.")
        }
    }

    func write(_ runs: [StageRun], _ qrels: Qrels) throws(RankingError) {
        for run in runs {
            guard let model = run.model else { continue }
            let stored = try fit(run, model, qrels)
            let path = file ?? model.directory + "/" + CalibrationFile.name
            do {
                try (JSONValue.object(stored.json).pretty + "\n").write(toFile: path, atomically: true, encoding: .utf8)
            } catch {
                throw RankingError(
                    .storage, what: "\(path) cannot be written.", why: "The system refused it: \(error)",
                    fix: "Name another file with --calibration, or check the folder's permissions and space.",
                    cause: error)
            }
            let error = stored.expectedCalibrationError
            StandardError.write(
                """
                calibration: \(path), from \(stored.pairs) pairs, \(stored.relevant) of them relevant; expected \
                calibration error \(error.before.fixed(4)) before, \(error.platt.fixed(4)) with Platt scaling, \
                \(error.isotonic.fixed(4)) isotonic, on queries that were not fitted

                """)
        }
    }

    private func fit(_ run: StageRun, _ model: ModelDescription, _ qrels: Qrels) throws(RankingError) -> CalibrationFile
    {
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
        guard report.platt.slope > 0 else {
            throw RankingError(
                .invalidInput, what: "The scores of \(model.name) do not rise with relevance on \(dataset).",
                why: "The best line through them has the slope \(report.platt.slope.fixed(4)).",
                fix: "Use a model that lifts this dataset; no calibration can.")
        }
        return CalibrationFile(
            model: model.name, source: "\(dataset), \(run.name)", pairs: report.pairs, relevant: report.relevant,
            platt: report.platt, isotonic: report.isotonic,
            expectedCalibrationError: (report.errorBefore, report.errorPlatt, report.errorIsotonic))
    }
}
