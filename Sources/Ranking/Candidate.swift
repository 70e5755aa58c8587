/// A document with the score that ranked it.
public struct Candidate: Sendable {
    public var document: Document
    /// Position of the document in the caller's list, from 0.
    public var index: Int
    /// -∞ where the candidate was not scored.
    public var score: Float
    public var scoreKind: ScoreKind
    /// The part of the document that the score comes from, where the document was split.
    public var passage: Passage?
    /// The raw output for the pair (for the passage above, where there is one): a model's, or what a service returned.
    public var logit: Float
    /// Tokens that were scored for this document, with the query and the special tokens of each pair.
    public var tokens: Int
    /// Passages that were scored for this document.
    public var passages: Int
    /// Tokens of the document that no score saw, because the model's window was full.
    public var truncatedTokens: Int
    /// What was added to the model's own score, and why; see `KeywordBoost` and `RecencyDecay`.
    public var additions: [ScoreAddition] = []
    /// The ranker that the score is of, where several took part.
    public var rankedBy: String?

    /// A candidate that the deadline or a layer exit left without a score.
    public init(unscored document: Document, index: Int) {
        self.init(
            document: document, index: index, score: -.infinity, scoreKind: .unscored, logit: -.infinity, tokens: 0,
            passages: 0)
    }

    public var id: String? { document.id }
    public var isScored: Bool { scoreKind != .unscored }

    public init(
        document: Document, index: Int, score: Float, scoreKind: ScoreKind, passage: Passage? = nil, logit: Float,
        tokens: Int, passages: Int = 1, truncatedTokens: Int = 0
    ) {
        self.document = document
        self.index = index
        self.score = score
        self.scoreKind = scoreKind
        self.passage = passage
        self.logit = logit
        self.tokens = tokens
        self.passages = passages
        self.truncatedTokens = truncatedTokens
    }

    /// The order of a ranking: scored candidates first, the others as they were given; higher scores first; where a
    /// calibration made different logits equal, higher logits; equal scores by document id, in byte order, documents without an id last; then by position in the caller's list.
    /// Total as long as no score is NaN.
    public static func precedes(_ a: Candidate, _ b: Candidate) -> Bool {
        guard a.isScored, b.isScored else { return a.isScored != b.isScored ? a.isScored : a.index < b.index }
        if a.score != b.score { return a.score > b.score }
        if a.scoreKind == .calibratedProbability, a.logit != b.logit { return a.logit > b.logit }
        switch (a.id, b.id) {
        // Strings with other bytes can be equal: "é" is one code point or two.
        case (let first?, let second?) where !first.utf8.elementsEqual(second.utf8):
            return first.utf8.lexicographicallyPrecedes(second.utf8)
        case (.some, nil): return true
        case (nil, .some): return false
        default: return a.index < b.index
        }
    }
}

/// A part of a score that no model gave.
public struct ScoreAddition: Sendable, Equatable {
    /// Of the rule that it comes from: "keywords", "recency".
    public var rule: String
    /// Added to the logit.
    public var value: Double
    /// What it is for: the terms that were found, the age of the document.
    public var reason: String

    public init(rule: String, value: Double, reason: String) {
        self.rule = rule
        self.value = value
        self.reason = reason
    }
}

/// A slice of a document's text that fits the model.
public struct Passage: Sendable, Equatable {
    /// Unicode code points of the rendered document text, from 0; `end` is exclusive.
    public var start: Int
    public var end: Int
    public var text: String

    public init(start: Int, end: Int, text: String) {
        self.start = start
        self.end = end
        self.text = text
    }
}
