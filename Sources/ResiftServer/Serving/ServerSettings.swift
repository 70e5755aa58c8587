public import Inference
import Ranking
public import Reranking
public import Resift
public import ScoreCaches

/// Everything that `resift serve` can be told.
public struct ServerSettings: Sendable {
    public var host = "127.0.0.1"
    /// 0 for a free one.
    public var port = 8080
    public var models: [ModelSource] = []
    public var defaultModel: String?
    /// Other names of models: those of hosted ones, which clients ask for.
    public var aliases: [String: String] = [:]
    public var unknownModels = UnknownModels.default
    public var threads: Int?
    public var precision = Precision.auto
    public var longDocuments = LongDocuments.truncate
    public var indexPath: String?
    public var embedder: String?
    /// Where the late-interaction model of the index is now.
    public var lateInteraction: String?
    public var apiKeys: [String] = []
    public var certificateFile: String?
    public var privateKeyFile: String?
    public var corsOrigins: [String] = []
    public var limits = ServerLimits()
    /// Of scores, in memory; 0 for none.
    public var cacheBytes = 256 << 20
    /// Where scores are kept, in place of `cacheBytes` of memory.
    public var cache: ScoreCacheAddress?

    public init() {}

    /// A model and the name that requests call it by.
    public struct ModelSource: Sendable, Equatable {
        /// Nil for the model's own name.
        public var name: String?
        /// Nil for the model inside the package.
        public var directory: String?
        /// A service, a cascade or an ensemble, in place of a model on this machine.
        public var ranker: RankerSpecification?

        public init(name: String? = nil, directory: String? = nil, ranker: RankerSpecification? = nil) {
            self.name = name
            self.directory = directory
            self.ranker = ranker
        }
    }

    /// What happens to a request for a model that is not served.
    public enum UnknownModels: String, CaseIterable, Sendable {
        /// The default model answers, and the answer says so.
        case `default`
        case refuse
    }

    public var isLoopback: Bool { host == "localhost" || host == "::1" || host.hasPrefix("127.") }
}

/// Bounds of what one client can cost.
public struct ServerLimits: Sendable {
    public var maxBodyBytes = 32 << 20
    /// Of all requests that are being read or answered.
    public var maxBufferedBytes = 512 << 20
    public var maxDocuments = 10_000
    public var maxDocumentBytes = 1 << 20
    /// Of all pairs of a request.
    public var maxRequestTokens = 6_000_000
    /// Requests that are accepted at a time, running or waiting.
    public var maxQueue = 512
    public var maxQueueWait = Duration.seconds(30)
    public var maxConnections = 1_024
    /// From a request's head to the end of its body.
    public var readTimeout = Duration.seconds(30)
    public var idleTimeout = Duration.seconds(60)
    /// How long requests are answered as usual after SIGTERM, while /ready says no.
    public var drainDelay = Duration.zero
    /// How long accepted requests may take after that.
    public var drainTimeout = Duration.seconds(30)

    public init() {}

    var request: RequestLimits { RequestLimits(maxDocuments: maxDocuments, maxDocumentBytes: maxDocumentBytes) }
}
