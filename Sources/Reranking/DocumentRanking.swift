public import Inference
public import Ranking

/// The candidates of one query, best first, and how they were scored.
public struct DocumentRanking: Sendable {
    public var candidates: [Candidate]
    public var report: RerankReport

    public init(candidates: [Candidate], report: RerankReport) {
        self.candidates = candidates
        self.report = report
    }

    /// Makes a ranking of all documents the answer: what scores too low is left out, the best come first.
    package mutating func sort(limit: Int?, minScore: Float?) {
        if let minScore {
            let count = candidates.count
            // What has no score may be above or below: it cannot be vouched for.
            candidates.removeAll { !$0.isScored || $0.score < minScore }
            report.belowMinScore = count - report.unscoredDocuments - candidates.count
        }
        candidates.sort(by: Candidate.precedes)
        if let limit { candidates = Array(candidates.prefix(limit)) }
    }
}

/// What a rerank did.
public struct RerankReport: Sendable, Equatable {
    /// Documents that were given. `candidates` may hold fewer: `limit` and `minScore` leave some out.
    public var documents: Int
    /// Documents left out because they scored below `minScore`.
    public var belowMinScore: Int
    /// Documents that the deadline or a layer exit left without a score.
    public var unscoredDocuments: Int
    /// Pairs that ended at a layer exit.
    public var prunedPairs: Int
    /// False where documents have no score, or a ranker of several did not come to all that it was to score.
    public var isComplete: Bool {
        unscoredDocuments == 0 && skippedRankers.isEmpty && parts.allSatisfy(\.isComplete)
    }
    /// Pairs of query and passage that have a score, from the cache or not.
    public var pairs: Int
    /// Tokens of these pairs, special tokens included.
    public var tokens: Int
    /// Documents of which some tokens were cut off and not scored.
    public var truncatedDocuments: Int
    /// Tokens of the query that were cut off in at least one pair.
    public var truncatedQueryTokens: Int
    /// Documents whose score was in the cache.
    public var cacheHits: Int
    /// From the first pair that was ready to the batch that it was scored in: other calls' turns.
    public var queueMilliseconds: Double
    /// Text to token ids.
    public var tokenizeMilliseconds: Double
    /// Token ids to scores, from the first batch to the last; other calls' pairs may share them.
    public var inferenceMilliseconds: Double
    /// Scores to candidates.
    public var rankMilliseconds: Double
    public var totalMilliseconds: Double
    public var model: String
    /// How this machine computed the scores; nil for a reranker that runs elsewhere.
    public var compute: LocalCompute?
    /// What services were asked for the scores; nil where none was.
    public var usage: ServiceUsage?
    /// What failed and was replaced, as the caller had asked for; nil where nothing did. See `failures` for the parts'.
    public var failure: RerankFailure?
    /// Of a ranker that is made of others: what each of them did, in their order.
    public var parts: [RerankReport] = []
    /// Documents whose token vectors were stored in an index; nil where none could be.
    public var storedDocuments: Int?
    /// Rankers of a cascade that the deadline left no time for.
    public var skippedRankers: [String] = []

    /// False where the documents are in the order given, because every ranker failed.
    public var isReranked: Bool {
        if let failure { return failure.rankedBy != nil }
        return parts.isEmpty || parts.contains(where: \.isReranked)
    }
    /// Everything that failed here and in the parts.
    public var failures: [RerankFailure] { (failure.map { [$0] } ?? []) + parts.flatMap(\.failures) }

    public init(
        model: String, documents: Int, belowMinScore: Int = 0, unscoredDocuments: Int = 0, prunedPairs: Int = 0,
        pairs: Int, tokens: Int = 0, truncatedDocuments: Int = 0, truncatedQueryTokens: Int = 0, cacheHits: Int = 0,
        queueMilliseconds: Double = 0, tokenizeMilliseconds: Double = 0, inferenceMilliseconds: Double,
        rankMilliseconds: Double = 0, totalMilliseconds: Double, compute: LocalCompute? = nil,
        usage: ServiceUsage? = nil
    ) {
        self.model = model
        self.documents = documents
        self.belowMinScore = belowMinScore
        self.unscoredDocuments = unscoredDocuments
        self.prunedPairs = prunedPairs
        self.pairs = pairs
        self.tokens = tokens
        self.truncatedDocuments = truncatedDocuments
        self.truncatedQueryTokens = truncatedQueryTokens
        self.cacheHits = cacheHits
        self.queueMilliseconds = queueMilliseconds
        self.tokenizeMilliseconds = tokenizeMilliseconds
        self.inferenceMilliseconds = inferenceMilliseconds
        self.rankMilliseconds = rankMilliseconds
        self.totalMilliseconds = totalMilliseconds
        self.compute = compute
        self.usage = usage
    }
}

/// A ranker that failed, where the caller had said what to do then.
public struct RerankFailure: Sendable, Equatable {
    /// The ranker that failed.
    public var ranker: String
    public var code: RankingError.Code
    /// What happened, as the error said it.
    public var reason: String
    /// The ranker that took its place; nil where the documents kept their order.
    public var rankedBy: String?

    public init(ranker: String, code: RankingError.Code, reason: String, rankedBy: String? = nil) {
        self.ranker = ranker
        self.code = code
        self.reason = reason
        self.rankedBy = rankedBy
    }
}

/// How a model ran on this machine.
public struct LocalCompute: Sendable, Equatable {
    /// The kernel variant: "avx512", "avx2", "neon" or "scalar".
    public var kernels: String
    /// What the model's linear layers computed with: int8, bf16 or fp32.
    public var precision: Precision
    public var threads: Int

    public init(kernels: String, precision: Precision, threads: Int) {
        self.kernels = kernels
        self.precision = precision
        self.threads = threads
    }
}

/// What services were asked, and what they count for it.
public struct ServiceUsage: Sendable, Equatable {
    /// Requests that were sent, repeated ones included.
    public var requests: Int
    /// Requests that were sent again, because the one before failed in passing.
    public var retries: Int
    /// Tokens read, as far as the services say how many.
    public var inputTokens: Int?
    /// Tokens written, by language models.
    public var outputTokens: Int?
    /// What Cohere bills: a query with up to 100 documents each.
    public var searchUnits: Double?
    /// US dollars, by the prices that the caller gave; nil where a price is not known.
    public var cost: Double?
    /// Answers of language models that broke the form that was asked for, and were repaired.
    public var malformedAnswers: Int
    /// What was wrong with these; an answer can have several faults.
    public var answerFaults: [AnswerFault: Int]
    /// What was done otherwise than asked for, in sentences.
    public var notes: [String]

    public init(
        requests: Int = 0, retries: Int = 0, inputTokens: Int? = nil, outputTokens: Int? = nil,
        searchUnits: Double? = nil, cost: Double? = nil, malformedAnswers: Int = 0,
        answerFaults: [AnswerFault: Int] = [:], notes: [String] = []
    ) {
        self.requests = requests
        self.retries = retries
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.searchUnits = searchUnits
        self.cost = cost
        self.malformedAnswers = malformedAnswers
        self.answerFaults = answerFaults
        self.notes = notes
    }

    /// Of both; what is known of one alone is what is known.
    public static func + (a: ServiceUsage, b: ServiceUsage) -> ServiceUsage {
        func sum<Number: Numeric>(_ a: Number?, _ b: Number?) -> Number? {
            guard let a, let b else { return a ?? b }
            return a + b
        }
        return ServiceUsage(
            requests: a.requests + b.requests, retries: a.retries + b.retries,
            inputTokens: sum(a.inputTokens, b.inputTokens), outputTokens: sum(a.outputTokens, b.outputTokens),
            searchUnits: sum(a.searchUnits, b.searchUnits), cost: sum(a.cost, b.cost),
            malformedAnswers: a.malformedAnswers + b.malformedAnswers,
            answerFaults: a.answerFaults.merging(b.answerFaults, uniquingKeysWith: +),
            notes: a.notes + b.notes.filter { !a.notes.contains($0) })
    }
}
