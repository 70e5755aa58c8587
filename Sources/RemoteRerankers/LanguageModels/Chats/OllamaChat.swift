import OrderedJSON

/// Ollama's own chat interface: `POST /api/chat`.
///
/// Unlike its copy of OpenAI's, it is told how long the context has to be (`num_ctx`). Without that, Ollama takes a small
/// one and drops the beginning of a longer prompt without a word.
public struct OllamaChat: Sendable {
    public var temperature: Double?
    /// The least context that is asked for, in tokens. It grows by doubling: Ollama loads a model again for each new length.
    public var minContextTokens: Int

    public init(temperature: Double? = 0, minContextTokens: Int = 8_192) {
        self.temperature = temperature
        self.minContextTokens = minContextTokens
    }
}

extension OllamaChat: ChatDialect {
    var path: String { "/api/chat" }
    var form: AnswerForm { .json }
    var givesProbabilities: Bool { true }
    var rules: ServiceRules { ServiceRules() }

    func request(_ prompt: ChatPrompt, model: String) -> JSONObject {
        let alternatives: Int? = if case .firstToken(let count) = prompt.answer { count } else { nil }
        return JSONObject([
            "model": .string(model),
            "messages": .messages(prompt),
            "stream": .bool(false),
            "format": prompt.answer == .order(.json) ? .rankingSchema : nil,
            "logprobs": alternatives.map { _ in .bool(true) },
            "top_logprobs": alternatives.map(JSONValue.integer),
            "options": .members([
                "num_ctx": .integer(contextTokens(prompt)),
                "num_predict": .integer(prompt.maxOutputTokens),
                "temperature": temperature.flatMap(JSONNumber.init).map(JSONValue.number),
            ]),
        ])
    }

    /// Room for the prompt, the answer and the marks of the model's chat template.
    func contextTokens(_ prompt: ChatPrompt) -> Int {
        let needed = prompt.estimatedTokens + prompt.maxOutputTokens + 256
        var context = min(max(1, minContextTokens), 1 << 24)
        while context < needed { context *= 2 }
        return context
    }

    func answer(_ body: JSONObject) throws(ChatFormError) -> ChatAnswer {
        guard let message = body.object("message") else { throw ChatFormError(problem: "has no message") }
        return ChatAnswer(
            text: message.string("content") ?? "", end: body.string("done_reason") == "length" ? .cut : .complete,
            firstTokens: TokenProbability.first(in: body.array("logprobs")),
            inputTokens: body.count("prompt_eval_count"), outputTokens: body.count("eval_count"))
    }
}
