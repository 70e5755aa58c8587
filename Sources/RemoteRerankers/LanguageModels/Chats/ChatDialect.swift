import OrderedJSON

/// The form in which a language model is asked to give an order.
public enum AnswerForm: String, Sendable, CaseIterable {
    /// `{"ranking": [3, 1, 2]}`, which the server enforces.
    case json
    /// `[3] > [1] > [2]`, which any model can write.
    case text
}

/// How the interface of a chat service is spoken. Pure: JSON in, JSON out.
protocol ChatDialect: Sendable {
    /// Appended to the base URL.
    var path: String { get }
    var rules: ServiceRules { get }
    /// JSON where the server can be told to write nothing else.
    var form: AnswerForm { get }
    /// False where the interface has no place for the probabilities of tokens.
    var givesProbabilities: Bool { get }

    func request(_ prompt: ChatPrompt, model: String) -> JSONObject

    /// Throws where the answer has not the form of this interface.
    func answer(_ body: JSONObject) throws(ChatFormError) -> ChatAnswer

    /// The same interface asked in another way, where a refusal says that it wants that; nil where it does not.
    func adapted(to refusal: ServiceRefusal) -> Self?
}

extension ChatDialect {
    func adapted(to refusal: ServiceRefusal) -> Self? { nil }
}

/// What the answer lacks: "has no choices".
struct ChatFormError: Error {
    var problem: String
}

/// What a language model is asked.
struct ChatPrompt: Sendable, Equatable {
    /// What holds for the whole conversation; empty for nothing.
    var system: String
    var user: String
    var answer: Answer
    /// The most tokens that the model may write, thoughts included where it has any.
    var maxOutputTokens: Int

    enum Answer: Sendable, Equatable {
        /// An order, as `AnswerForm` says.
        case order(AnswerForm)
        /// One token, and so many that could have been in its place, with their probabilities.
        case firstToken(alternatives: Int)
    }

    /// By `TokenEstimate`.
    var estimatedTokens: Int { TokenEstimate.tokens(system) + TokenEstimate.tokens(user) }
}

/// What a language model answered.
struct ChatAnswer: Sendable, Equatable {
    var text: String
    var end = End.complete
    /// The likeliest first tokens; nil where the server gives none.
    var firstTokens: [TokenProbability]?
    /// Nil where the service does not say.
    var inputTokens: Int?
    var outputTokens: Int?

    enum End: Sendable, Equatable {
        case complete
        /// At the limit of tokens.
        case cut
        /// The model, or a filter, declined.
        case refused
    }
}

struct TokenProbability: Sendable, Equatable {
    var token: String
    /// The natural logarithm of the probability.
    var logarithm: Double
}
