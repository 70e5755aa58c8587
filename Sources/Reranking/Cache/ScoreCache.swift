package import Crypto
import Inference
public import Ranking
import Tokenizers

/// Keeps what a model said of a query and a document, for the next time that somebody asks.
///
/// Not asking a cache is never wrong, so its functions do not throw: an error is a miss, which the cache counts.
public protocol ScoreCache: Sendable {
    /// The value of each key, in the order of the keys; nil for what is not kept. Returns soon after its task is cancelled.
    func values(for keys: [ScoreKey]) async -> [StoredScore?]
    /// Keeps what was computed. A cache that is slow does so in the background: callers have an answer to give.
    func store(_ entries: [(key: ScoreKey, value: StoredScore)]) async
    /// What each tier was asked for, and what came of it; the fastest tier comes first.
    var tiers: [CacheTierStatistics] { get }
    /// Waits until what was stored is kept, and lets files and connections go. Afterwards every key is a miss.
    func close() async
}

extension ScoreCache {
    public var tiers: [CacheTierStatistics] { [] }
    public func close() async {}
}

/// What a score depends on, as 32 bytes: the model's files and arithmetic, the options that change what it reads, the
/// query and the document's text. Equal keys mean equal scores, bit by bit.
public struct ScoreKey: Hashable, Sendable {
    /// SHA-256.
    public let bytes: [UInt8]

    package init(_ digest: SHA256Digest) { bytes = Array(digest) }
}

/// A model's raw answer for one document, or what another ranker said of it.
public struct StoredScore: Sendable, Equatable {
    /// Of each passage that was scored: [passages][labels]. Of a ranker's answer: its score, and its raw score.
    public var logits: [[Float]]
    /// What a ranker's score is; nil for a model's logits, which are made scores afterwards.
    public var scoreKind: ScoreKind?
    /// The passages, in Unicode code points of the document's text; empty where it was not split.
    public var passages: [Range<Int>]
    /// With the query and the special tokens of each pair.
    public var tokens: Int
    public var truncatedTokens: Int
    public var truncatedQueryTokens: Int

    public init(
        logits: [[Float]], scoreKind: ScoreKind? = nil, passages: [Range<Int>], tokens: Int, truncatedTokens: Int,
        truncatedQueryTokens: Int
    ) {
        self.logits = logits
        self.scoreKind = scoreKind
        self.passages = passages
        self.tokens = tokens
        self.truncatedTokens = truncatedTokens
        self.truncatedQueryTokens = truncatedQueryTokens
    }
}

/// Makes the keys of one query's documents.
struct ScoreKeys: Sendable {
    private let prefix: SHA256

    /// - Parameter revision: The digest of the model's files.
    init(revision: [UInt8], model: ModelDescription, query: String, maxTokens: Int, options: RerankOptions) {
        var text = "resift score 1\n"
        // Variants of kernels round differently.
        text += "\(model.precision.rawValue) \(model.kernels) \(maxTokens) \(options.truncation?.rawValue ?? "-")\n"
        text += "\(options.maxDocumentTokens ?? -1) \(options.maxPassages ?? -1) "
        switch options.longDocuments {
        case .truncate: text += "truncate"
        // What is scored is scored as if it were cut; what is refused is not kept.
        case .refuse: text += "refuse"
        case .split(let overlap): text += "split \(overlap)"
        }
        if let instruction = options.instruction { text += "\ninstruction \(instruction.utf8.count)\n\(instruction)" }
        // With its length, so that a query cannot end in what a document begins with.
        text += "\n\(query.utf8.count)\n"
        var hash = SHA256()
        hash.update(data: revision)
        hash.update(data: Array(text.utf8))
        hash.update(data: Array(query.utf8))
        prefix = hash
    }

    func key(of text: String) -> ScoreKey {
        var hash = prefix
        var text = text
        text.withUTF8 { hash.update(bufferPointer: UnsafeRawBufferPointer($0)) }
        return ScoreKey(hash.finalize())
    }
}
