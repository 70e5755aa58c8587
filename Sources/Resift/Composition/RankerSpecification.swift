public import OrderedJSON
import Ranking
public import RemoteRerankers

/// Which ranker ranks, as a caller writes it: a name, or a YAML file that puts several together.
///
/// ```yaml
/// cascade:
///   - reranker: default            # the embedded model, colbert, a directory, owner/name, or a service
///     keep: 30
///   - reranker: cohere:rerank-v3.5
///     timeout: 2s
///     on-failure: keep-order       # or throw, or another ranker
/// boost:
///   keywords: {X-200: 1.5, GDPR: 1}
///   recency: {field: created_at, half-life: 30d, weight: 0.5}
/// on-failure: default
/// ```
///
/// Every ranker has one of `reranker`, `cascade` and `ensemble`; inside a cascade it can have `keep`, inside an ensemble
/// `weight`. A name alone stands for `reranker: NAME`.
public struct RankerSpecification: Sendable, Equatable {
    public indirect enum Kind: Sendable, Equatable {
        case named(String, ServiceChoices)
        case cascade([CascadeStage])
        case ensemble([EnsembleMember], rankConstant: Double)
    }

    public struct CascadeStage: Sendable, Equatable {
        public var ranker: RankerSpecification
        public var keep: Int?

        public init(ranker: RankerSpecification, keep: Int? = nil) {
            self.ranker = ranker
            self.keep = keep
        }
    }

    public struct EnsembleMember: Sendable, Equatable {
        public var ranker: RankerSpecification
        public var weight: Double

        public init(ranker: RankerSpecification, weight: Double = 1) {
            self.ranker = ranker
            self.weight = weight
        }
    }

    /// What is said of a service beside its name.
    public struct ServiceChoices: Sendable, Equatable {
        /// How long an attempt may take; nil for the service's default.
        public var timeout: Duration?
        /// A file with the key; nil for the environment.
        public var keyFile: String?
        /// Attempts before a request is given up; nil for the default.
        public var attempts: Int?
        public var price: ServicePrice?
        /// A `PriceList` that has its price.
        public var priceFile: String?
        public var languageModel: LanguageModelChoices

        public init(
            timeout: Duration? = nil, keyFile: String? = nil, attempts: Int? = nil, price: ServicePrice? = nil,
            priceFile: String? = nil, languageModel: LanguageModelChoices = LanguageModelChoices()
        ) {
            self.timeout = timeout
            self.keyFile = keyFile
            self.attempts = attempts
            self.price = price
            self.priceFile = priceFile
            self.languageModel = languageModel
        }
    }

    /// What is said of a language model beside its name; nil everywhere for its defaults.
    public struct LanguageModelChoices: Sendable, Equatable {
        /// A file with a `PromptTemplate`.
        public var promptFile: String?
        public var documentTokens: Int?
        public var contextTokens: Int?
        /// Added to each request as it is.
        public var extraFields = JSONObject()
        // Of listwise reranking alone.
        public var maxOutputTokens: Int?
        public var windowSize: Int?
        public var windowStep: Int?
        public var unusableAnswers: UnusableAnswers?

        public init(promptFile: String? = nil) { self.promptFile = promptFile }

        /// Everything that changes what is asked or how an answer is read, except the prompt, in one text.
        var cacheText: String {
            let numbers = [documentTokens, maxOutputTokens, windowSize, windowStep].map { $0.map(String.init) ?? "-" }
            return (numbers + [unusableAnswers?.rawValue ?? "-", JSONValue.object(extraFields).compact]).joined(
                separator: " ")
        }

        /// The first one that is about listwise reranking, as a file calls it; nil where none is said.
        var listwiseKey: String? {
            [
                ("max-output-tokens", maxOutputTokens != nil), ("window", windowSize != nil),
                ("step", windowStep != nil), ("unusable-answers", unusableAnswers != nil),
            ].first(where: \.1)?.0
        }
    }

    public indirect enum OnFailure: Sendable, Equatable {
        case `throw`
        case keepOrder
        case fallBack(RankerSpecification)

        /// "throw", "keep-order", or the name of a ranker.
        public init(_ text: String) {
            switch text {
            case "throw": self = .throw
            case "keep-order": self = .keepOrder
            default: self = .fallBack(RankerSpecification(name: text))
            }
        }
    }

    public struct Recency: Sendable, Equatable {
        public var field: String
        public var halfLife: Duration
        public var weight: Double

        public init(field: String, halfLife: Duration, weight: Double = 1) {
            self.field = field
            self.halfLife = halfLife
            self.weight = weight
        }
    }

    public var kind: Kind
    public var onFailure = OnFailure.throw
    /// Added to scores for the terms that a query and a document have; see `KeywordBoost`.
    public var keywords: [KeywordBoost.Keyword] = []
    public var recency: Recency?

    public init(_ kind: Kind) { self.kind = kind }

    /// True if it, or a ranker inside it, ranks by the token vectors of an index.
    public var usesStoredTokenVectors: Bool {
        let own =
            switch kind {
            case .named(let name, _): name == Self.storedName
            case .cascade(let stages): stages.contains { $0.ranker.usesStoredTokenVectors }
            case .ensemble(let members, _): members.contains { $0.ranker.usesStoredTokenVectors }
            }
        if case .fallBack(let other) = onFailure { return own || other.usesStoredTokenVectors }
        return own
    }

    /// One ranker: "default", "colbert" for the token vectors of the index, a directory, "owner/name", "cohere:rerank-v3.5", "llm:openai/MODEL".
    public init(name: String) { kind = .named(name, ServiceChoices()) }
}
