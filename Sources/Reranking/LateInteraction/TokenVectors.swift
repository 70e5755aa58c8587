public import Ranking

/// The vectors of a text's tokens, of unit length: what late interaction compares.
public struct TokenVectors: Sendable, Equatable {
    /// [count, dimension], one vector after the other.
    public var values: [Float]
    public var dimension: Int
    /// Where each vector's token stands in the text, in UTF-8 bytes; nil for special tokens, markers and the expansion.
    public var sources: [Range<Int>?]
    /// Tokens that the model read, those without a vector included.
    public var tokens: Int
    /// Tokens cut off the end of the text.
    public var droppedTokens: Int

    public var count: Int { sources.count }

    public init(values: [Float], dimension: Int, sources: [Range<Int>?], tokens: Int, droppedTokens: Int = 0) {
        precondition(values.count == sources.count * dimension)
        self.values = values
        self.dimension = dimension
        self.sources = sources
        self.tokens = tokens
        self.droppedTokens = droppedTokens
    }
}

/// A query's token and the document's token that is nearest to it.
public struct TokenMatch: Sendable, Equatable {
    /// The query's token; nil for a special token, the marker, or a token of the expansion.
    public var queryToken: Passage?
    /// The document's token, in code points of its text; nil for a special token or the marker.
    public var documentToken: Passage?
    /// Cosine; the score is the sum of them.
    public var similarity: Float

    public init(queryToken: Passage?, documentToken: Passage?, similarity: Float) {
        self.queryToken = queryToken
        self.documentToken = documentToken
        self.similarity = similarity
    }
}
