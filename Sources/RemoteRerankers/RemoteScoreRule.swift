import Ranking
import Reranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// From the score that a service gives to the candidate's.
struct RemoteScoreRule: Sendable {
    /// What the service's scores are.
    let given: ScoreKind
    private let calibration: ScoreCalibration?
    private let isSigmoid: Bool

    /// - Parameter isDeclared: True if the caller says what the scores are.
    init(given: ScoreKind, isDeclared: Bool, _ options: RerankOptions, _ name: String) throws(RankingError) {
        guard given == .logit || !options.asksForLogits else {
            throw RankingError(
                .invalidInput, what: "\(name) is asked for an activation or a calibration of its scores.",
                why: "\(isDeclared ? "They were declared" : "They are") \(given.rawValue), and both start from logits.",
                fix: "Leave both out, or use a service that returns logits.")
        }
        self.given = given
        calibration = options.calibration
        isSigmoid = options.activation == .sigmoid
    }

    func candidate(_ document: Document, index: Int, _ score: Float) -> Candidate {
        let (value, kind): (Float, ScoreKind) =
            if let calibration {
                (Float(calibration(Double(score))), .calibratedProbability)
            } else if isSigmoid {
                (Float(1 / (1 + exp(-Double(score)))), .normalizedRelevance)
            } else {
                (score, given)
            }
        return Candidate(document: document, index: index, score: value, scoreKind: kind, logit: score, tokens: 0)
    }
}

extension AnswerReader {
    /// The scores of a request's documents in their order, if each has exactly one that is a finite number, and of the
    /// kind that the service gives.
    func scores(
        _ answered: [AnsweredScore], documents: Int, _ rule: RemoteScoreRule
    ) throws(RankingError) -> [Float] {
        var scores = [Float?](repeating: nil, count: documents)
        for result in answered {
            guard scores.indices.contains(result.index) else {
                throw client.unexpected("has a score for document \(result.index), where \(documents) were sent")
            }
            guard scores[result.index] == nil else {
                throw client.unexpected("has two scores for document \(result.index) of the request")
            }
            let score = Float(result.score)
            guard score.isFinite else {
                throw client.unexpected("has a score for document \(result.index) that is not a finite number")
            }
            if rule.given == .normalizedRelevance, !AnswerReader.normalized.contains(score) {
                var error = client.unexpected("has the score \(score) for document \(result.index)")
                error.why = "Its scores were taken for \(rule.given.rawValue), which is 0 ... 1."
                error.fix =
                    "Where the model gives logits, declare the service's score kind as \(ScoreKind.logit.rawValue)."
                throw error
            }
            scores[result.index] = score
        }
        var complete: [Float] = []
        complete.reserveCapacity(documents)
        for (index, score) in scores.enumerated() {
            guard let score else {
                throw client.unexpected("has no score for document \(index) of the request's \(documents)")
            }
            complete.append(score)
        }
        return complete
    }

    /// Servers that compute in 16 bits may round beyond the ends.
    private static let normalized: ClosedRange<Float> = -0.001...1.001
}
