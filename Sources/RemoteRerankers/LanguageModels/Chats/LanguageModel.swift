public import OrderedJSON
import Outbound
public import Ranking
import Reranking
import Synchronization

/// The interface that a language model is asked through.
public enum ChatInterface: Sendable {
    case anthropicMessages(AnthropicMessages)
    case openAIChat(OpenAIChat)
    case ollamaChat(OllamaChat)

    var dialect: any ChatDialect {
        switch self {
        case .anthropicMessages(let dialect): dialect
        case .openAIChat(let dialect): dialect
        case .ollamaChat(let dialect): dialect
        }
    }
}

/// A language model behind a chat interface.
public final class LanguageModel: Sendable {
    /// What reports and errors call it: "llm:openai/MODEL".
    public let name: String
    /// What the service calls it.
    public let model: String
    /// What its tokens cost; nil where that is not known.
    public let price: ServicePrice?
    /// The tokens that prompt and answer may have together; nil where that is not known. What would not fit is refused
    /// before it is sent, because not every server says so.
    public let contextTokens: Int?
    /// What each request has besides, in the service's own words: `{"reasoning_effort": "low"}`, `{"think": false}`. A
    /// field that a request has anyway, such as `temperature`, is replaced as a whole.
    public let extraFields: JSONObject
    /// Requests that may be under way at the same time.
    let maxRequestsAtOnce: Int
    private let client: ServiceClient
    private let state: Mutex<State>

    /// Not for callers: they have settings of their own that count on them, or make answers of another form.
    private static let ownFields = ["model", "messages", "max_tokens", "max_completion_tokens", "n", "stream"]

    private struct State {
        var dialect: any ChatDialect
        /// What the server said when it refused to enforce JSON.
        var schemaRefusal: String?
    }

    /// - Parameters:
    ///   - settings: With a base URL; a key where the service wants one.
    ///   - extraFields: Without `model`, `messages`, `max_tokens`, `max_completion_tokens`, `n` and `stream`.
    ///
    /// Throws `invalidInput` where a setting cannot be used.
    public convenience init(
        name: String, model: String, interface: ChatInterface, settings: ServiceSettings, price: ServicePrice? = nil,
        contextTokens: Int? = nil, extraFields: JSONObject = JSONObject()
    ) throws(RankingError) {
        try self.init(
            name: name, model: model, interface: interface, settings: settings, price: price,
            contextTokens: contextTokens, extraFields: extraFields, time: ServiceTime())
    }

    init(
        name: String, model: String, interface: ChatInterface, settings: ServiceSettings, price: ServicePrice?,
        contextTokens: Int?, extraFields: JSONObject, time: ServiceTime
    ) throws(RankingError) {
        guard let baseURL = settings.baseURL else {
            throw RankingError(
                .invalidInput, what: "There is no address for \(name).", why: "A chat interface is under a base URL.",
                fix: "Give one, such as http://localhost:8000/v1.")
        }
        if let own = LanguageModel.ownFields.first(where: { extraFields[$0] != nil }) {
            throw RankingError(
                .invalidInput, what: "An extra field for \(name) is \"\(own)\".",
                why: "Requests have that from other settings, which would not hold.",
                fix: "Leave it out; the model's name and the limit of an answer's tokens have settings of their own.")
        }
        let dialect = interface.dialect
        client = try ServiceClient(
            name: name, baseURL: baseURL, key: settings.key, settings: settings, rules: dialect.rules, time: time)
        self.name = name
        self.model = model
        self.price = price
        self.contextTokens = contextTokens
        self.extraFields = extraFields
        maxRequestsAtOnce = settings.maxRequestsAtOnce
        state = Mutex(State(dialect: dialect))
    }

    /// Whether the service is asked at the moment.
    public var circuitBreaker: CircuitBreaker { client.circuitBreaker }

    var givesProbabilities: Bool { state.withLock { $0.dialect.givesProbabilities } }

    /// The form that an order is asked for in.
    var orderForm: AnswerForm { state.withLock { $0.schemaRefusal == nil ? $0.dialect.form : .text } }

    /// What the server said when it refused to enforce JSON, so that orders are asked for as text; nil where it did not.
    var schemaRefusal: String? { state.withLock { $0.schemaRefusal } }

    /// An order in the form that the server can enforce, else as text; second, in which form it was asked for.
    func order(
        _ call: ServiceCall, _ prompt: (AnswerForm) throws(RankingError) -> ChatPrompt
    ) async throws -> (answer: ChatAnswer, form: AnswerForm) {
        let form = orderForm
        do {
            return (try await ask(try prompt(form), call), form)
        } catch let error as RankingError {
            guard form == .json, LanguageModel.refusesSchema(error) else { throw error }
            let answer = try await ask(try prompt(.text), call)
            // Only now is it known that the form was the problem.
            state.withLock { $0.schemaRefusal = error.why }
            return (answer, .text)
        }
    }

    /// Throws RankingError, CancellationError, and `DeadlinePassed` where the call's time is over.
    func ask(_ prompt: ChatPrompt, _ call: ServiceCall) async throws -> ChatAnswer {
        try check(prompt)
        let dialect = state.withLock { $0.dialect }
        do {
            return try await ask(prompt, dialect, call)
        } catch let error as RankingError {
            guard let refusal = error.cause as? ServiceRefusal, let adapted = dialect.adapted(to: refusal) else {
                throw error
            }
            let answer = try await ask(prompt, adapted, call)
            state.withLock { $0.dialect = adapted }
            return answer
        }
    }

    private func ask(
        _ prompt: ChatPrompt, _ dialect: any ChatDialect, _ call: ServiceCall
    ) async throws -> ChatAnswer {
        var request = dialect.request(prompt, model: model)
        for field in extraFields.members { request[field.key] = field.value }
        let body = try await client.post(dialect.path, .object(request), call).json()
        guard case .object(let object) = body else { throw client.unexpected("is not an object") }
        let answer: ChatAnswer
        do throws(ChatFormError) {
            answer = try dialect.answer(object)
        } catch {
            throw client.unexpected(error.problem)
        }
        var usage = ServiceUsage(inputTokens: answer.inputTokens, outputTokens: answer.outputTokens)
        usage.cost = price?.cost(of: usage)
        call.add(usage)
        return answer
    }

    private func check(_ prompt: ChatPrompt) throws(RankingError) {
        guard let contextTokens else { return }
        let needed = prompt.estimatedTokens + prompt.maxOutputTokens
        guard needed > contextTokens else { return }
        throw RankingError(
            .invalidInput,
            what:
                "A prompt of about \(prompt.estimatedTokens) tokens and an answer of up to \(prompt.maxOutputTokens) are too much for \(name).",
            why: "Its context has \(contextTokens) tokens, as it was said.",
            fix: "Let it read fewer documents at once, or less of each, or write less.")
    }

    /// A request that is refused for the form of the answer that it asks for.
    private static func refusesSchema(_ error: RankingError) -> Bool {
        guard let refusal = error.cause as? ServiceRefusal, [400, 422, 501].contains(refusal.status) else {
            return false
        }
        let words = [
            "response_format", "output_config", "json_schema", "schema", "tool", "structured", "format", "grammar",
        ]
        let said = refusal.message?.lowercased() ?? ""
        return words.contains(where: said.contains)
    }
}
