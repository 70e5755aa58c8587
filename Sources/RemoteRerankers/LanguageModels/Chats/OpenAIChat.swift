import OrderedJSON

/// OpenAI's chat completions, which vLLM, llama.cpp, Ollama and many others speak too: `POST /chat/completions` under a
/// base URL that ends with `/v1`.
///
/// Ollama's version of this interface has no place for the length of the context, and cuts a long prompt without a word:
/// take `OllamaChat`, which has.
public struct OpenAIChat: Sendable {
    /// The name of the limit of tokens. A server that refuses the one is asked with the other.
    public enum OutputLimit: String, Sendable, CaseIterable {
        case maxTokens = "max_tokens"
        /// What OpenAI's own models want, since thoughts count.
        case maxCompletionTokens = "max_completion_tokens"
    }

    /// True where an order in JSON is enforced by `response_format` with a schema; a server that refuses is asked for text.
    public var hasStructuredOutput: Bool
    public var outputLimit: OutputLimit
    /// Not sent where nil: OpenAI's models that think refuse it.
    public var temperature: Double?
    public var seed: Int?

    public init(
        hasStructuredOutput: Bool = true, outputLimit: OutputLimit = .maxTokens, temperature: Double? = nil,
        seed: Int? = nil
    ) {
        self.hasStructuredOutput = hasStructuredOutput
        self.outputLimit = outputLimit
        self.temperature = temperature
        self.seed = seed
    }
}

extension OpenAIChat: ChatDialect {
    var path: String { "/chat/completions" }
    var form: AnswerForm { hasStructuredOutput ? .json : .text }
    var givesProbabilities: Bool { true }
    var rules: ServiceRules { ServiceRules() }

    func request(_ prompt: ChatPrompt, model: String) -> JSONObject {
        let isJSON = prompt.answer == .order(.json)
        let alternatives: Int? = if case .firstToken(let count) = prompt.answer { count } else { nil }
        let schema = JSONValue.members([
            "name": .string("ranking"), "strict": .bool(true), "schema": .rankingSchema,
        ])
        let limit = JSONValue.integer(prompt.maxOutputTokens)
        return JSONObject([
            "model": .string(model),
            "messages": .messages(prompt),
            "max_tokens": outputLimit == .maxTokens ? limit : nil,
            "max_completion_tokens": outputLimit == .maxCompletionTokens ? limit : nil,
            "temperature": temperature.flatMap(JSONNumber.init).map(JSONValue.number),
            "seed": seed.map(JSONValue.integer),
            "response_format": isJSON ? .members(["type": .string("json_schema"), "json_schema": schema]) : nil,
            "logprobs": alternatives.map { _ in .bool(true) },
            "top_logprobs": alternatives.map(JSONValue.integer),
        ])
    }

    func answer(_ body: JSONObject) throws(ChatFormError) -> ChatAnswer {
        guard case .object(let choice)? = body.array("choices")?.first else {
            throw ChatFormError(problem: "has no choices")
        }
        guard let message = choice.object("message") else { throw ChatFormError(problem: "has no message") }
        let text: String =
            switch message["content"] {
            case .string(let text)?: text
            case .array(let parts)?:
                parts.compactMap { if case .object(let part) = $0 { part.string("text") } else { nil } }.joined()
            default: ""
            }
        let hasRefused = message.string("refusal")?.isEmpty == false
        let end: ChatAnswer.End =
            switch choice.string("finish_reason") {
            case _ where hasRefused: .refused
            case "content_filter": .refused
            case "length": .cut
            default: .complete
            }
        let usage = body.object("usage")
        return ChatAnswer(
            text: text, end: end, firstTokens: TokenProbability.first(in: choice.object("logprobs")?.array("content")),
            inputTokens: usage?.count("prompt_tokens"), outputTokens: usage?.count("completion_tokens"))
    }

    func adapted(to refusal: ServiceRefusal) -> OpenAIChat? {
        guard [400, 422].contains(refusal.status), refusal.message?.contains(outputLimit.rawValue) == true else {
            return nil
        }
        // "max_tokens" alone can also be about its size.
        let other: OutputLimit = outputLimit == .maxTokens ? .maxCompletionTokens : .maxTokens
        let words = ["unsupported", "not supported", "unrecognized", "unknown", "not permitted", other.rawValue]
        guard let message = refusal.message?.lowercased(), words.contains(where: message.contains) else { return nil }
        var copy = self
        copy.outputLimit = other
        return copy
    }
}
