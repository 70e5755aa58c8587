import OrderedJSON
import Outbound

/// Anthropic's Messages interface: `POST /v1/messages`.
///
/// Its answers carry no probabilities of tokens, so it is for listwise reranking alone.
public struct AnthropicMessages: Sendable {
    /// How an order in JSON is enforced.
    public enum StructuredOutput: Sendable, CaseIterable {
        /// `output_config.format` with a JSON schema. A model that does not have it refuses, and is asked for text.
        case schema
        /// A tool that has to be called, which older models have too.
        case tool
        /// Not at all: the order is asked for as text.
        case none
    }

    /// The header `anthropic-version`.
    public var version: String
    public var structuredOutput: StructuredOutput
    /// Not sent where nil: newer models refuse it.
    public var temperature: Double?

    public init(
        version: String = "2023-06-01", structuredOutput: StructuredOutput = .schema, temperature: Double? = nil
    ) {
        self.version = version
        self.structuredOutput = structuredOutput
        self.temperature = temperature
    }
}

extension AnthropicMessages: ChatDialect {
    var path: String { "/v1/messages" }
    var form: AnswerForm { structuredOutput == .none ? .text : .json }
    var givesProbabilities: Bool { false }

    var rules: ServiceRules {
        ServiceRules(keyHeader: { ("x-api-key", $0.secret) }, headers: [("anthropic-version", version)])
    }

    func request(_ prompt: ChatPrompt, model: String) -> JSONObject {
        let isJSON = prompt.answer == .order(.json)
        let tool = JSONValue.members([
            "name": .string("ranking"), "description": .string("Takes the order of the passages."),
            "input_schema": .rankingSchema,
        ])
        return JSONObject([
            "model": .string(model),
            "max_tokens": .integer(prompt.maxOutputTokens),
            "temperature": temperature.flatMap(JSONNumber.init).map(JSONValue.number),
            "system": prompt.system.isEmpty ? nil : .string(prompt.system),
            "messages": .array([.members(["role": .string("user"), "content": .string(prompt.user)])]),
            "output_config": isJSON && structuredOutput == .schema
                ? .members([
                    "format": .members(["type": .string("json_schema"), "schema": .rankingSchema])
                ]) : nil,
            "tools": isJSON && structuredOutput == .tool ? .array([tool]) : nil,
            "tool_choice": isJSON && structuredOutput == .tool
                ? .members(["type": .string("tool"), "name": .string("ranking")]) : nil,
        ])
    }

    func answer(_ body: JSONObject) throws(ChatFormError) -> ChatAnswer {
        guard let content = body.array("content") else { throw ChatFormError(problem: "has no content") }
        var text = ""
        for case .object(let block) in content {
            switch block.string("type") {
            case "text": text += block.string("text") ?? ""
            case "tool_use": text += block["input"]?.compact ?? ""
            // Thoughts.
            default: break
            }
        }
        let end: ChatAnswer.End =
            switch body.string("stop_reason") {
            case "refusal": .refused
            case "max_tokens", "model_context_window_exceeded", "pause_turn": .cut
            default: .complete
            }
        let usage = body.object("usage")
        // What a cache holds is read all the same, for another price.
        let cached = ["cache_read_input_tokens", "cache_creation_input_tokens"].compactMap { usage?.count($0) }
        let input = usage?.count("input_tokens").map { cached.reduce($0, +) }
        return ChatAnswer(text: text, end: end, inputTokens: input, outputTokens: usage?.count("output_tokens"))
    }
}
