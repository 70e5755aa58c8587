public import Ranking

/// What happens to a document that does not fit the model's window beside the query.
public enum LongDocuments: Sendable, Equatable {
    /// Its end is cut off. The candidate and the report say so.
    case truncate
    /// It is split into passages that fit, cut at sentence ends where there are any, each sharing about this many
    /// tokens with the one before. The document's score is its best passage's, and the candidate says which.
    case split(overlapTokens: Int = 64)
    /// `rerank` throws and names the document.
    case refuse
}

/// How a rerank is done. The default is what sentence-transformers' CrossEncoder does.
public struct RerankOptions: Sendable {
    public var longDocuments: LongDocuments = .truncate
    /// Which side of a pair is cut where the pair is too long; nil for the model's own rule, which for a pair is
    /// longest_first. Causal models have no other than their own.
    public var truncation: TruncationPolicy?
    /// What the model is told to look for, where its prompt has a place for it; nil for the prompt's own.
    public var instruction: String?
    /// A smaller window than the model's own.
    public var maxTokens: Int?
    /// The most tokens that are read of a document; the rest counts as truncated. Nil for no such limit.
    public var maxDocumentTokens: Int?
    /// With `LongDocuments.split`: the most passages that are scored of a document; the rest of it counts as truncated.
    public var maxPassages: Int?
    /// The most bytes of UTF-8 that the text of a document may have; `rerank` throws for a longer one. Nil for any number.
    public var maxDocumentBytes: Int?
    /// The most tokens that all pairs of a call may have together; `rerank` throws before it scores more.
    public var maxTotalTokens: Int?
    /// The fields of a structured document that are read, in order; nil for title and text.
    public var rankFields: [String]?
    /// Candidates that score lower are left out; the report counts them.
    public var minScore: Float?
    /// nil for what the model's config.json asks for.
    public var activation: ScoreActivation?
    /// Turns the logit into a probability, in place of the activation; see `Reranker.calibration`.
    public var calibration: ScoreCalibration?
    /// Which label of a model with several is the relevance.
    public var label: Int?
    /// How long the whole call may take. Documents are scored in the order given until the time is over; the rest keep
    /// that order behind them, marked, and the report counts them. Nil scores all.
    public var deadline: Duration?
    /// An approximation for large pools: pairs that an early layer sees behind the best are not scored. Nil, the default,
    /// scores every pair.
    public var layerExit: LayerExitPruning?
    /// Whose call this is. Callers that ask at the same time get equal shares of the model, whatever each asks for.
    public var client: String?
    /// The longest that a call may wait for its turn before it throws `overloaded`; nil waits.
    public var maxWait: Duration?
    /// Called as pairs are scored, from any thread.
    public var progress: (@Sendable (RerankProgress) -> Void)?

    public init(
        longDocuments: LongDocuments = .truncate, truncation: TruncationPolicy? = nil, instruction: String? = nil,
        maxTokens: Int? = nil, maxDocumentTokens: Int? = nil, maxPassages: Int? = nil,
        maxDocumentBytes: Int? = nil, maxTotalTokens: Int? = nil, rankFields: [String]? = nil,
        minScore: Float? = nil, activation: ScoreActivation? = nil, calibration: ScoreCalibration? = nil,
        label: Int? = nil, deadline: Duration? = nil, layerExit: LayerExitPruning? = nil, client: String? = nil,
        maxWait: Duration? = nil,
        progress: (@Sendable (RerankProgress) -> Void)? = nil
    ) {
        self.longDocuments = longDocuments
        self.truncation = truncation
        self.instruction = instruction
        self.maxTokens = maxTokens
        self.maxDocumentTokens = maxDocumentTokens
        self.maxPassages = maxPassages
        self.maxDocumentBytes = maxDocumentBytes
        self.maxTotalTokens = maxTotalTokens
        self.rankFields = rankFields
        self.minScore = minScore
        self.activation = activation
        self.calibration = calibration
        self.label = label
        self.deadline = deadline
        self.layerExit = layerExit
        self.client = client
        self.maxWait = maxWait
        self.progress = progress
    }
}

extension RerankOptions {
    /// What is read of each document. Throws `invalidInput` for one that is longer than allowed or lacks all fields.
    func texts(of documents: [Document]) throws(RankingError) -> [String] {
        var texts: [String] = []
        texts.reserveCapacity(documents.count)
        for (index, document) in documents.enumerated() {
            let text = try document.text(rankFields: rankFields)
            if let most = maxDocumentBytes, text.utf8.count > most {
                throw RankingError(
                    .invalidInput,
                    what: "\(ScoreHead.name(document, index: index)) has \(text.utf8.count) bytes of text.",
                    why: "The limit is \(most).", fix: "Shorten it, or split it into several documents.")
            }
            texts.append(text)
        }
        return texts
    }
}

/// How far a rerank is, in pairs of query and passage.
public struct RerankProgress: Sendable {
    public var scoredPairs: Int
    public var totalPairs: Int

    public init(scoredPairs: Int, totalPairs: Int) {
        self.scoredPairs = scoredPairs
        self.totalPairs = totalPairs
    }
}
