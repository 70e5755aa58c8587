import Inference
import Ranking

extension Reranker {
    /// Fits a layer exit to what the model says of these pairs.
    ///
    /// Every fifth query is held out: the penalty is chosen, and the error measured, on these; then all are fitted.
    /// Queries and documents should be like those that will be ranked, in pools of as mixed quality.
    ///
    /// Throws RankingError `invalidInput` for a layer that is not before the last one, and for fewer than 10 queries;
    /// `unsupportedModel` where the model has several labels or cannot stop early.
    ///
    /// - Parameter progress: Queries done, of how many.
    public func fitLayerExit(
        after layer: Int, _ samples: [PairSample], progress: (Int, Int) -> Void = { _, _ in }
    ) async throws -> LayerExit {
        guard (1..<model.layers).contains(layer) else {
            throw RankingError(
                .invalidInput, what: "The model cannot be left after layer \(layer).",
                why: "\(model.name) has \(model.layers) layers, and nothing is saved by the last.",
                fix: "Name a layer from 1 to \(model.layers - 1); a third of them is usual.")
        }
        guard samples.count >= Reranker.leastQueries else {
            throw RankingError(
                .invalidInput, what: "There are \(samples.count) queries.",
                why: "A head is fitted to most of them and judged by the rest.",
                fix: "Give at least \(Reranker.leastQueries), each with documents; some hundreds are better.")
        }
        guard model.labels == 1 else {
            throw RankingError(
                .unsupportedModel, what: "\(model.name) has \(model.labels) labels.",
                why: "A layer exit predicts one logit.", fix: "Use a model with one label.")
        }
        var (fitted, heldOut) = (Observations(), Observations())
        for (index, sample) in samples.enumerated() {
            progress(index, samples.count)
            let planner = try PairPlanner(query: sample.query, model: crossEncoder, options: RerankOptions())
            let plans = try sample.documents.enumerated().map { place, text in
                try planner.plan(text, name: "query \(index), document \(place)")
            }
            let observed = try await crossEncoder.summaries(of: plans.flatMap(\.pairs), after: layer)
            if index % 5 == 4 { heldOut.append(observed) } else { fitted.append(observed) }
        }
        let penalties = [0.01, 0.03, 0.1, 0.3, 1, 3]
        let regression = RidgeRegression(fitted.summaries, targets: fitted.logits)
        let tried = penalties.compactMap { penalty -> (penalty: Double, error: Double, correlation: Double)? in
            guard let (weights, bias) = regression.solution(penalty) else { return nil }
            let head = LayerExit(
                model: model.name, layer: layer, pairs: 0, error: 0, correlation: 0, weights: weights, bias: bias)
            guard let (error, correlation) = heldOut.quality(of: head) else { return nil }
            return (penalty, error, correlation)
        }
        let all = fitted.joined(heldOut)
        guard let best = tried.min(by: { $0.error < $1.error }),
            let (weights, bias) = RidgeRegression(all.summaries, targets: all.logits).solution(best.penalty)
        else {
            throw RankingError(
                .invalidInput, what: "No layer exit fits these pairs.",
                why: "The model's logits, or its hidden states, do not vary over them.",
                fix: "Give pairs of which some are relevant and some are not.")
        }
        return LayerExit(
            model: model.name, layer: layer, pairs: all.logits.count, error: best.error,
            correlation: best.correlation, weights: weights, bias: bias)
    }

    private static let leastQueries = 10

    /// What was seen of some pairs.
    private struct Observations {
        var summaries: [[Float]] = []
        var logits: [Double] = []

        mutating func append(_ pairs: [(summary: [Float], logit: Float)]) {
            summaries += pairs.map(\.summary)
            logits += pairs.map { Double($0.logit) }
        }

        func joined(_ other: Observations) -> Observations {
            Observations(summaries: summaries + other.summaries, logits: logits + other.logits)
        }

        /// Nil where the logits do not vary.
        func quality(of head: LayerExit) -> (error: Double, correlation: Double)? {
            let pairs = zip(logits, summaries).map { ($0, Double(head($1))) }
            guard let correlation = Pearson.correlation(pairs) else { return nil }
            let squares = pairs.reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            return ((squares / Double(pairs.count)).squareRoot(), correlation)
        }
    }
}
