import Ranking
import Tokenizers

/// From the logits of a document's passages to its candidate.
struct ScoreHead: Sendable {
    private let activation: ScoreActivation
    private let calibration: ScoreCalibration?
    private let sigmoidCentre: Float
    let label: Int

    init(_ model: ModelDescription, _ options: RerankOptions) throws(RankingError) {
        activation = options.activation ?? model.activation
        calibration = options.calibration
        sigmoidCentre = model.scoreRule.sigmoidCentre
        guard let label = options.label ?? (model.labels == 1 ? 0 : nil) else {
            throw RankingError(
                .unsupportedModel, what: "\(model.name) has \(model.labels) labels.",
                why: "A ranking needs one number a document, and the model does not say which label is the relevance.",
                fix: "Name the label by its number, 0 to \(model.labels - 1).")
        }
        guard (0..<model.labels).contains(label) else {
            throw RankingError(
                .invalidInput, what: "There is no label \(label).",
                why: "\(model.name) has \(model.labels) label\(model.labels == 1 ? "" : "s").",
                fix: "Name a label from 0 to \(model.labels - 1).")
        }
        self.label = label
    }

    /// The document's score is its best passage's; of equal ones, the first's.
    ///
    /// - Parameter text: What the model read of the document.
    func candidate(
        _ document: Document, index: Int, _ stored: StoredScore, text: String
    ) throws(RankingError) -> Candidate {
        let logits = stored.logits
        let scores = logits.map(score)
        guard logits.allSatisfy({ $0.count > label && $0.allSatisfy(\.isFinite) }), scores.allSatisfy(\.isFinite),
            var best = scores.indices.first
        else {
            throw RankingError(
                .nonFiniteScore,
                what: "The model's score for \(ScoreHead.name(document, index: index)) is not a finite number.",
                why: "The weights overflow on this text.",
                fix: "Check the model with `resift models selftest`, or use another one.")
        }
        // A calibration rises with the logit, but can make different ones equal.
        let order = calibration == nil ? scores : logits.map { $0[label] }
        for passage in order.indices where order[passage] > order[best] { best = passage }
        return Candidate(
            document: document, index: index, score: scores[best], scoreKind: scoreKind,
            passage: stored.passages.indices.contains(best) ? Passage(stored.passages[best], of: text) : nil,
            logit: logits[best][label], tokens: stored.tokens, passages: logits.count,
            truncatedTokens: stored.truncatedTokens)
    }

    private func score(_ logits: [Float]) -> Float {
        guard let calibration else {
            return activation(activation == .sigmoid ? logits.map { $0 - sigmoidCentre } : logits)[label]
        }
        return Float(calibration(Double(logits[label])))
    }

    private var scoreKind: ScoreKind { calibration == nil ? activation.scoreKind : .calibratedProbability }

    /// "document 3 (id "a")"; documents are counted from 0, as `Candidate.index` is.
    static func name(_ document: Document, index: Int) -> String {
        "document \(index)" + (document.id.map { " (id \"\($0)\")" } ?? "")
    }
}

extension Passage {
    /// - Parameter range: Code points.
    init(_ range: Range<Int>, of text: String) {
        let scalars = text.unicodeScalars.dropFirst(range.lowerBound).prefix(range.count)
        self.init(start: range.lowerBound, end: range.upperBound, text: String(String.UnicodeScalarView(scalars)))
    }
}
