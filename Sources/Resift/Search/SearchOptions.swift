import Ranking
public import Reranking
public import Retrieval

/// A way to find candidates in an index.
public enum FirstStage: String, CaseIterable, Sendable {
    /// By the words of the query.
    case bm25
    /// By the nearest vectors.
    case dense
    /// By late interaction with the stored token vectors.
    case colbert
}

/// One list of candidates that goes into the fusion: a first stage, the documents it may see, and how many it gives.
///
/// Several pools make patterns like "50 by relevance and 20 of the last month", so that what is new, or what a filter
/// names, has its own places among the candidates.
public struct CandidatePool: Sendable {
    /// What answers call it.
    public var name: String
    public var stage: FirstStage
    /// On top of the search's own filter.
    public var filter: Filter?
    public var depth: Int
    /// How much it counts in the fusion.
    public var weight: Double

    public init(_ stage: FirstStage, name: String? = nil, filter: Filter? = nil, depth: Int = 100, weight: Double = 1) {
        self.name = name ?? stage.rawValue
        self.stage = stage
        self.filter = filter
        self.depth = depth
        self.weight = weight
    }
}

/// How the lists of several pools become one.
public enum Fusion: Sendable, Hashable {
    case reciprocalRank(rankConstant: Double = 60)
    case convexCombination(ScoreNormalization = .minMax)
}

/// Whether the candidates are reranked.
public enum RerankPolicy: Sendable, Hashable {
    case always
    case never
    /// Unless it is needless: the index has fewer than 1,000 passages, or the first candidate's title or id is the
    /// query. The answer says so.
    case whenUseful
}

/// What a reranker reads of a document that the index holds in several passages, or that is longer than its window.
public enum RerankedText: String, CaseIterable, Sendable {
    /// The passage that the first stages found best: one pair a document.
    case bestPassage = "best-passage"
    /// The whole text; its end is cut off where it does not fit.
    case truncated
    /// The whole text, in passages that fit the model; the document's score is the highest of these.
    case everyPassage = "every-passage"
}

/// How a search is done.
public struct SearchOptions: Sendable {
    /// Nil for BM25, and dense vectors beside it where the index and the pipeline have an embedder.
    public var pools: [CandidatePool]?
    public var fusion: Fusion = .reciprocalRank()
    /// What every pool may see, on top of the handle's scope.
    public var filter: Filter?
    /// Candidates that are reranked, and the most that an answer can have.
    public var poolSize = 50
    public var limit = 10
    public var bm25: BM25 = .lucene
    public var rerank: RerankPolicy = .whenUseful
    /// `longDocuments` of these applies to a best passage that is too long.
    public var rerankOptions = RerankOptions()
    public var rerankedText: RerankedText = .bestPassage
    /// How long the whole search may take: what the first pass leaves of it is the reranker's deadline.
    public var deadline: Duration?
    /// Adds to each result the formula behind its BM25 score.
    public var explain = false

    public init() {}

    func check() throws(RankingError) {
        func refuse(_ name: String, _ value: Int) -> RankingError {
            RankingError(
                .invalidInput, what: "\(name) is \(value).", why: "It counts documents.", fix: "Give a number from 1.")
        }
        if limit < 1 { throw refuse("The limit", limit) }
        if poolSize < 1 { throw refuse("The pool size", poolSize) }
        for pool in pools ?? [] where pool.depth < 1 { throw refuse("The depth of pool \"\(pool.name)\"", pool.depth) }
        guard let pools else { return }
        guard !pools.isEmpty else {
            throw RankingError(
                .invalidInput, what: "The search has no candidate pools.", why: "Nothing would find documents.",
                fix: "Name at least one first stage.")
        }
        let names = Set(pools.map(\.name))
        guard names.count == pools.count else {
            throw RankingError(
                .invalidInput, what: "Two candidate pools have one name.",
                why: "Answers tell by name which pool found a document.", fix: "Give each pool a name of its own.")
        }
    }
}
