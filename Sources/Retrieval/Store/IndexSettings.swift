public import Ranking

/// What an index was built with. It cannot change later, because everything in the index depends on it; but for the form
/// and pooling of token vectors, which a compaction can convert.
public struct IndexSettings: Sendable, Equatable {
    /// Documents and queries go through the same one.
    public var analyzer: Analyzer
    /// Longer documents are split into passages of at most this many tokens; nil where they are never split.
    public var passageTokens: Int?
    /// Tokens that a passage shares with the one before it.
    public var overlapTokens: Int
    /// Nil for an index without vectors.
    public var embedder: EmbedderDescription?
    /// Nil for an index without token vectors.
    public var lateInteraction: TokenVectorSettings?
    /// Every search has to name one value of this metadata field, and sees its documents only.
    public var tenantField: String?

    public init(
        analyzer: Analyzer = .english, passageTokens: Int? = nil, overlapTokens: Int = 0,
        embedder: EmbedderDescription? = nil, lateInteraction: TokenVectorSettings? = nil, tenantField: String? = nil
    ) {
        self.analyzer = analyzer
        self.passageTokens = passageTokens
        self.overlapTokens = overlapTokens
        self.embedder = embedder
        self.lateInteraction = lateInteraction
        self.tenantField = tenantField
    }

    /// True if the index is the same but for how its token vectors are stored, which a compaction can change.
    func agrees(with other: IndexSettings) -> Bool {
        var other = other
        if let own = lateInteraction, other.lateInteraction != nil {
            other.lateInteraction?.form = own.form
            other.lateInteraction?.pooling = own.pooling
        }
        return self == other
    }

    /// Of an index whose file holds other settings than those that it was opened with.
    static func changed(_ path: String) -> RankingError {
        RankingError(
            .busy, what: "\(path) has other settings than when it was opened.", why: "Another process changed it.",
            fix: "Open the index again.")
    }
}

/// The model that made the vectors of an index.
public struct EmbedderDescription: Sendable, Equatable {
    /// Where it was when the index was built.
    public var directory: String
    public var dimension: Int
    /// The vector of `probeText`, by which another model is told apart.
    public var probe: [Float]

    /// A text with letters, digits and punctuation, long enough that two models do not agree on it by chance.
    public static let probeText = "Resift checks with this sentence, no. 1, that both models are the same."

    public init(directory: String, dimension: Int, probe: [Float]) {
        self.directory = directory
        self.dimension = dimension
        self.probe = probe
    }

    /// Throws `invalidInput` unless the model that gave `other` for the probe text is the one that built the index: a
    /// cosine of at least 0.999, which leaves room for another CPU and another precision.
    ///
    /// - Parameter option: What names the model on the command line.
    public func check(
        dimension other: Int, probe otherProbe: [Float], directory: String, option: String = "--embedder"
    ) throws(RankingError) {
        guard other == dimension else {
            throw RankingError(
                .invalidInput,
                what: "\(directory) makes vectors of \(other) dimensions; the index has \(dimension).",
                why: "The index was built with \(self.directory).", fix: "Name that model with \(option).")
        }
        var (dot, own, others) = (0.0, 0.0, 0.0)
        for (a, b) in zip(probe, otherProbe) {
            dot += Double(a) * Double(b)
            own += Double(a) * Double(a)
            others += Double(b) * Double(b)
        }
        guard others > 0, dot >= 0.999 * (own * others).squareRoot() else {
            throw RankingError(
                .invalidInput, what: "\(directory) is not the model that the index was built with.",
                why: "For one and the same sentence, its vector and that of \(self.directory) point elsewhere.",
                fix: "Name the index's own model with \(option), or build the index again.")
        }
    }
}

/// The model that made the token vectors of an index, and how they are stored.
public struct TokenVectorSettings: Sendable, Equatable {
    /// Its `probe` is the sum of the token vectors of the probe text as a document.
    public var model: EmbedderDescription
    public var form: TokenVectorForm
    public var pooling: TokenPooling

    public init(model: EmbedderDescription, form: TokenVectorForm, pooling: TokenPooling = TokenPooling(factor: 1)) {
        self.model = model
        self.form = form
        self.pooling = pooling
    }
}
