public import OrderedJSON
public import Outbound
public import Ranking

/// The name of a reranker that is a language model: `llm:anthropic/MODEL`, `llm:vllm/MODEL@URL`.
///
/// `llm:` orders documents listwise, `llm-pointwise:` asks about each one. `@URL` is the base URL, where the provider has
/// no usual one or another is meant; without a path it gets the provider's.
public struct LanguageModelName: Sendable, Hashable, CustomStringConvertible {
    public enum Method: String, Sendable, CaseIterable {
        case listwise = "llm"
        case pointwise = "llm-pointwise"
    }

    public enum Provider: String, Sendable, CaseIterable {
        case anthropic, openai, vllm, llamacpp, ollama

        /// Where it is, unless the name says otherwise.
        public var baseURL: String {
            switch self {
            case .anthropic: "https://api.anthropic.com"
            case .openai: "https://api.openai.com/v1"
            case .vllm: "http://127.0.0.1:8000/v1"
            case .llamacpp: "http://127.0.0.1:8080/v1"
            case .ollama: "http://127.0.0.1:11434"
            }
        }

        /// The variables of the environment that hold its key, the first one first.
        public var keyVariables: [String] {
            switch self {
            case .anthropic: ["ANTHROPIC_API_KEY"]
            case .openai: ["OPENAI_API_KEY"]
            case .vllm: ["VLLM_API_KEY"]
            case .llamacpp: ["LLAMA_API_KEY"]
            case .ollama: ["OLLAMA_API_KEY"]
            }
        }

        /// False for servers of one's own, which often ask for none.
        public var needsKey: Bool { self == .anthropic || self == .openai }

        public var interface: ChatInterface {
            switch self {
            case .anthropic: .anthropicMessages(AnthropicMessages())
            case .openai: .openAIChat(OpenAIChat(outputLimit: .maxCompletionTokens))
            case .vllm, .llamacpp: .openAIChat(OpenAIChat(temperature: 0))
            case .ollama: .ollamaChat(OllamaChat())
            }
        }
    }

    public var method: Method
    public var provider: Provider
    public var model: String
    /// As the name says it, with the path that the provider's interface is under; nil where it says none.
    public var baseURL: String?

    /// Nil for a text that does not begin with `llm:` or `llm-pointwise:`, and so is the name of something else.
    ///
    /// Throws `invalidInput` for one that does, and names no provider, no model, or an address that is none.
    public init?(_ text: String) throws(RankingError) {
        guard let colon = text.firstIndex(of: ":"), let method = Method(rawValue: String(text[..<colon])) else {
            return nil
        }
        let rest = text[text.index(after: colon)...]
        let parts = rest.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let providers = Provider.allCases.map(\.rawValue).joined(separator: ", ")
        guard parts.count == 2, let provider = Provider(rawValue: String(parts[0])) else {
            throw RankingError(
                .invalidInput, what: "\(text) names no provider of language models.",
                why: "After \"\(method.rawValue):\" stands one of \(providers), and then \"/\" and the model.",
                fix: "Write it like \(method.rawValue):openai/MODEL or \(method.rawValue):vllm/MODEL@http://HOST:8000.")
        }
        // Names of models can have an "@" too.
        var model = parts[1]
        var address: Substring?
        if let range = model.ranges(of: /@https?:\/\//).last {
            address = model[model.index(after: range.lowerBound)...]
            model = model[..<range.lowerBound]
        }
        guard !model.isEmpty, model.unicodeScalars.allSatisfy({ !$0.properties.isWhitespace }) else {
            throw RankingError(
                .invalidInput, what: "\(text) names no model.",
                why: "The model stands after \"\(provider.rawValue)/\".",
                fix: "Write it like \(method.rawValue):\(provider.rawValue)/MODEL.")
        }
        self.method = method
        self.provider = provider
        self.model = String(model)
        baseURL = address.map { LanguageModelName.withPath($0, provider) }
    }

    /// Without the address, which may be nobody else's business.
    public var description: String { "\(method.rawValue):\(provider.rawValue)/\(model)" }

    /// - Parameters:
    ///   - key: Nil for that of the environment (`Provider.keyVariables`).
    ///   - environment: Nil for that of this process.
    ///
    /// Throws `accessDenied` where the provider needs a key and there is none.
    public func languageModel(
        key: ServiceKey? = nil, price: ServicePrice? = nil, contextTokens: Int? = nil,
        extraFields: JSONObject = JSONObject(), environment: [String: String]? = nil,
        change: (inout ServiceSettings) -> Void = { _ in }
    ) throws(RankingError) -> LanguageModel {
        var settings = ServiceSettings(baseURL: baseURL ?? provider.baseURL, key: key)
        if key == nil { settings.key = try ServiceKey.fromEnvironment(provider.keyVariables, in: environment) }
        // A model that thinks takes minutes.
        settings.timeout = .seconds(600)
        change(&settings)
        if settings.key == nil, provider.needsKey, baseURL == nil {
            throw RankingError(
                .accessDenied, what: "There is no key for \(description).",
                why: "The service asks for one, and \(provider.keyVariables.joined(separator: ", ")) is not set.",
                fix: "Set the variable, or give the key in a file.")
        }
        return try LanguageModel(
            name: description, model: model, interface: provider.interface, settings: settings, price: price,
            contextTokens: contextTokens, extraFields: extraFields)
    }

    /// The reranker that the name means; the settings of the other method do not matter.
    public func reranker(
        _ model: LanguageModel, listwise: ListwiseReranker.Settings = ListwiseReranker.Settings(),
        pointwise: PointwiseReranker.Settings = PointwiseReranker.Settings()
    ) throws(RankingError) -> any LanguageModelRanker {
        switch method {
        case .listwise: try ListwiseReranker(model, settings: listwise)
        case .pointwise: try PointwiseReranker(model, settings: pointwise)
        }
    }

    /// OpenAI's interface is under /v1, and addresses are often given without.
    private static func withPath(_ address: Substring, _ provider: Provider) -> String {
        var address = String(address)
        while address.hasSuffix("/") { address.removeLast() }
        let hasPath = address.drop { $0 != ":" }.dropFirst(3).contains("/")
        let speaksOpenAI = provider != .anthropic && provider != .ollama
        return address + (speaksOpenAI && !hasPath ? "/v1" : "")
    }
}
