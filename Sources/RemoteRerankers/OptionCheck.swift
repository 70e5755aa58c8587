import Ranking
import Reranking

/// Refuses the options that a service has no field for.
struct OptionCheck {
    /// Options that some services can obey and others cannot.
    enum Option {
        case maxTokens, maxDocumentTokens, refusingLongDocuments, longestFirst
        /// Activation and calibration, which are computed here from logits.
        case logits
    }

    private let options: RerankOptions
    private let name: String

    init(_ options: RerankOptions, _ name: String) {
        self.options = options
        self.name = name
    }

    /// Throws `invalidInput` for an option that is set, and neither among these nor one that is obeyed here.
    func allow(_ allowed: Option...) throws(RankingError) {
        let refused: String? =
            if options.instruction != nil {
                "an instruction"
            } else if options.label != nil {
                "one label of several"
            } else if options.layerExit != nil {
                "a layer exit"
            } else if options.longDocuments.isSplit || options.maxPassages != nil {
                "documents split into passages"
            } else if options.maxTotalTokens != nil {
                "a limit of tokens for all pairs"
            } else if options.longDocuments == .refuse, !allowed.contains(.refusingLongDocuments) {
                "an error for long documents"
            } else if options.maxTokens != nil, !allowed.contains(.maxTokens) {
                "a smaller window"
            } else if options.maxDocumentTokens != nil, !allowed.contains(.maxDocumentTokens) {
                "a limit of tokens for each document"
            } else if let truncation = options.truncation,
                truncation != .longestFirst || !allowed.contains(.longestFirst)
            {
                "truncation by the rule \(truncation.rawValue)"
            } else if options.activation == .softmax {
                "a softmax, which a single score has not"
            } else if options.asksForLogits, !allowed.contains(.logits) {
                options.calibration == nil ? "another activation" : "a calibration, which needs logits"
            } else {
                nil
            }
        guard let refused else { return }
        throw RankingError(
            .invalidInput, what: "\(name) is asked for \(refused).", why: "Its interface has no field for that.",
            fix: "Leave the option out, or use a reranker that obeys it, such as a model on this machine.")
    }
}

extension RerankOptions {
    /// True where scores are computed here from logits: 16 bits of a sigmoid, as servers compute it, would not do.
    var asksForLogits: Bool { activation != nil || calibration != nil }
}

extension LongDocuments {
    fileprivate var isSplit: Bool {
        if case .split = self { true } else { false }
    }
}
