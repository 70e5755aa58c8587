public import Hub
public import Inference
import Outbound
public import Ranking
import RemoteRerankers
public import Reranking
import Retrieval
import TextFiles

/// Makes rankers of what callers name: models on this machine, services, language models, and files that put several
/// together.
///
/// ```swift
/// let ranker = try RankerLoader().load("cohere:rerank-v3.5")
/// ```
public struct RankerLoader: Sendable {
    public var pool: ComputePool
    public var precision: Precision
    /// Where models that are named "owner/name" are.
    public var store: ModelStore
    /// Keeps the scores of every ranker but `stored`; nil keeps none.
    public var cache: (any ScoreCache)?
    /// What services cost, where their own files do not say it.
    public var prices: PriceList
    /// Where keys of services are looked up; nil for the variables of this process.
    public var environment: [String: String]?
    /// What "colbert" stands for; nil where no index with token vectors is searched.
    public var stored: StoredLateInteraction?

    public init(
        pool: ComputePool = .shared, precision: Precision = .auto, store: ModelStore = ModelStore(),
        cache: (any ScoreCache)? = nil, prices: PriceList = PriceList(), environment: [String: String]? = nil,
        stored: StoredLateInteraction? = nil
    ) {
        self.pool = pool
        self.precision = precision
        self.store = store
        self.cache = cache
        self.prices = prices
        self.environment = environment
        self.stored = stored
    }

    /// The ranker of a name, or of the file it names (see `RankerSpecification`).
    ///
    /// Throws RankingError: `invalidInput` for what is no such name or file, `notFound` for a model or file that is not
    /// there, `accessDenied` for a service without a key. Touches the network only when the ranker ranks.
    public func load(_ name: String) throws(RankingError) -> any DocumentRanker {
        try load(RankerSpecification(nameOrFile: name))
    }

    public func load(_ specification: RankerSpecification) throws(RankingError) -> any DocumentRanker {
        var ranker = try ranker(specification.kind)
        var boosts: [any ScoreBoost] = []
        if !specification.keywords.isEmpty { boosts.append(try KeywordBoost(specification.keywords)) }
        if let recency = specification.recency {
            boosts.append(
                try RecencyDecay(field: recency.field, halfLife: recency.halfLife, weight: recency.weight))
        }
        if !boosts.isEmpty { ranker = BoostedRanker(ranker, boosts: boosts) }
        switch specification.onFailure {
        case .throw: return ranker
        case .keepOrder: return FallbackRanker(ranker, onFailure: .keepOrder)
        case .fallBack(let other): return FallbackRanker(ranker, onFailure: .fallBack(to: try load(other)))
        }
    }

    private func ranker(_ kind: RankerSpecification.Kind) throws(RankingError) -> any DocumentRanker {
        switch kind {
        case .cascade(let stages):
            var loaded: [Cascade.Stage] = []
            for stage in stages { loaded.append(.init(try load(stage.ranker), keep: stage.keep)) }
            return try Cascade(loaded)
        case .ensemble(let members, let rankConstant):
            var loaded: [Ensemble.Member] = []
            for member in members { loaded.append(.init(try load(member.ranker), weight: member.weight)) }
            return try Ensemble(loaded, fusion: ReciprocalRankFusion(rankConstant: rankConstant))
        case .named(let name, let choices):
            if let model = try LanguageModelName(name) { return try languageModel(model, choices, written: name) }
            if RankerSpecification.isService(name) {
                return try service(RemoteRerankerName(name), choices, written: name)
            }
            guard choices == RankerSpecification.ServiceChoices() else {
                throw RankingError(
                    .invalidInput, what: "\"\(name)\" is a model on this machine, with settings of a service.",
                    why: "It needs no key, no timeout, no second attempt and no prompt, and has no price.",
                    fix: "Leave these settings out, or name a service.")
            }
            return try model(name)
        }
    }

    /// What the model's files say it is, never its name.
    private func model(_ name: String) throws(RankingError) -> any DocumentRanker {
        guard name != RankerSpecification.defaultName else {
            let reranker = try Reranker.default(pool: pool, precision: precision)
            return try cache.map { cache throws(RankingError) in try reranker.caching(in: cache) } ?? reranker
        }
        guard name != RankerSpecification.storedName else {
            guard let stored else {
                throw RankingError(
                    .invalidInput, what: "\"\(name)\" ranks by the token vectors of an index, and there are none.",
                    why: "No index with token vectors is searched.",
                    fix:
                        "Name a late-interaction model itself, or search an index built with --late-interaction. A directory of this name is \"./\(name)\"."
                )
            }
            return stored
        }
        let directory = try store.directory(of: name)
        guard !LateInteractionEncoder.isDeclared(in: directory) else {
            // Nothing says how such a model fares in int8.
            let reranker = LateInteractionReranker(
                try LateInteractionEncoder.load(
                    directory: directory, pool: pool, precision: precision == .auto ? .fp32 : precision))
            return try cache.map { cache throws(RankingError) in try reranker.caching(in: cache) } ?? reranker
        }
        let reranker = try Reranker.load(directory: directory, pool: pool, precision: precision)
        return try cache.map { cache throws(RankingError) in try reranker.caching(in: cache) } ?? reranker
    }

    private func service(
        _ name: RemoteRerankerName, _ choices: RankerSpecification.ServiceChoices, written: String
    ) throws(RankingError) -> any DocumentRanker {
        guard choices.languageModel == RankerSpecification.LanguageModelChoices() else {
            throw RankingError(
                .invalidInput, what: "\"\(name)\" is a service, with settings of a language model.",
                why: "It has no prompt, and nothing that belongs to one.",
                fix: "Leave these settings out, or name a language model: llm:PROVIDER/MODEL.")
        }
        var settings = ServiceSettings()
        settings.proxies = ProxySettings(environment: environment)
        try apply(choices, to: &settings)
        var options = RemoteRerankerOptions()
        options.prices[name.service, name.model] = try price(choices, written, for: name.description)
        let reranker = try RemoteReranker(name, settings: settings, options: options, environment: environment)
        guard let cache else { return reranker }
        return CachedRanker(reranker, configuration: written, in: cache)
    }

    private func languageModel(
        _ name: LanguageModelName, _ choices: RankerSpecification.ServiceChoices, written: String
    ) throws(RankingError) -> any DocumentRanker {
        let key = try choices.keyFile.map { path throws(RankingError) in try ServiceKey.fromFile(path) }
        let own = choices.languageModel
        let price = try price(choices, written, for: name.description)
        if let price, price.perMillionInputTokens == nil || price.perMillionOutputTokens == nil {
            throw RankingError(
                .invalidInput, what: "The price of \(name) is not complete.",
                why: "A language model costs something for the tokens that it reads and for those that it writes.",
                fix: "Give per-million-input-tokens and per-million-output-tokens, 0 for what costs nothing.")
        }
        let model = try name.languageModel(
            key: key, price: price, contextTokens: own.contextTokens, extraFields: own.extraFields,
            environment: environment
        ) { settings in
            settings.proxies = ProxySettings(environment: environment)
            if let timeout = choices.timeout { settings.timeout = timeout }
            if let attempts = choices.attempts { settings.retries.attempts = attempts }
        }
        let purpose: PromptTemplate.Purpose = name.method == .listwise ? .listwise : .yesNo
        let prompt = try own.promptFile.map { path throws(RankingError) in try PromptTemplate.load(path, for: purpose) }
        var listwise = ListwiseReranker.Settings()
        var pointwise = PointwiseReranker.Settings()
        switch name.method {
        case .listwise:
            listwise.template = prompt
            listwise.documentTokens = own.documentTokens ?? listwise.documentTokens
            listwise.maxOutputTokens = own.maxOutputTokens ?? listwise.maxOutputTokens
            listwise.unusableAnswers = own.unusableAnswers ?? listwise.unusableAnswers
            listwise.window.size = own.windowSize ?? listwise.window.size
            listwise.window.step = own.windowStep ?? max(1, listwise.window.size / 2)
        case .pointwise:
            if let key = own.listwiseKey {
                throw RankingError(
                    .invalidInput, what: "\"\(name)\" is asked about each document, with a setting \(key).",
                    why: "That is about lists of documents.",
                    fix: "Leave it out, or write llm: in place of llm-pointwise:.")
            }
            pointwise.template = prompt
            pointwise.documentTokens = own.documentTokens ?? pointwise.documentTokens
        }
        let reranker = try name.reranker(model, listwise: listwise, pointwise: pointwise)
        guard let cache else { return reranker }
        // The words themselves, not the file that they are in.
        let words = prompt?.text ?? PromptTemplate.own(for: purpose)
        let configuration = [written, own.cacheText, words].joined(separator: "\n")
        return CachedRanker(
            reranker, configuration: configuration, scoring: name.method == .listwise ? .listwise : .pointwise,
            in: cache)
    }

    /// The price in the ranker's own file, or in the file that it names, or in the list for all.
    ///
    /// - Parameter name: What errors call it: the name as written can have a password in its address.
    private func price(
        _ choices: RankerSpecification.ServiceChoices, _ written: String, for name: String
    ) throws(RankingError) -> ServicePrice? {
        if let price = choices.price { return price }
        guard let path = choices.priceFile else { return prices[written] }
        guard let price = try PriceList(path: path)[written] else {
            throw RankingError(
                .invalidInput, what: "\(path) has no price for \(name).", why: "The reranker's file names it for that.",
                fix: "Add the name with its price, or leave price out.")
        }
        return price
    }

    private func apply(
        _ choices: RankerSpecification.ServiceChoices, to settings: inout ServiceSettings
    ) throws(RankingError) {
        if let path = choices.keyFile { settings.key = try ServiceKey.fromFile(path) }
        if let timeout = choices.timeout { settings.timeout = timeout }
        if let attempts = choices.attempts { settings.retries.attempts = attempts }
    }
}

extension RankerSpecification {
    /// What the model inside the package is called.
    public static let defaultName = "default"
    /// What the token vectors of the index that is searched are called.
    public static let storedName = "colbert"

    /// A file of rankers, by its ending .yaml, .yml or .json; else a name.
    public init(nameOrFile text: String) throws(RankingError) {
        guard [".yaml", ".yml", ".json"].contains(where: { text.lowercased().hasSuffix($0) }) else {
            self.init(name: text)
            return
        }
        try self.init(yaml: String(decoding: InputBytes.read(path: text).bytes, as: UTF8.self), path: text)
    }

    /// Whether a name is of a service, as far as it can be told without asking: what stands before the first colon.
    static func isService(_ name: String) -> Bool {
        guard let colon = name.firstIndex(of: ":") else { return false }
        return RemoteService(rawValue: String(name[..<colon])) != nil
    }
}
