import OrderedJSON
import Outbound
import Ranking
import RemoteRerankers
import ScriptedServer

@testable import RemoteRerankers

/// A chat service as the tests see it: what it was asked, and answers in its form.
enum ChatScript: String, CaseIterable, Sendable {
    case anthropic, openAI, ollama

    static let secret = "sk-very-secret-0123456789"

    var interface: ChatInterface {
        switch self {
        case .anthropic: .anthropicMessages(AnthropicMessages())
        case .openAI: .openAIChat(OpenAIChat())
        case .ollama: .ollamaChat(OllamaChat())
        }
    }

    /// A model behind the server. Waits pass at once.
    func model(
        _ server: ScriptedServer, interface: ChatInterface? = nil, price: ServicePrice? = nil,
        contextTokens: Int? = nil,
        extraFields: JSONObject = JSONObject(),
        time: FakeTime = FakeTime(), _ change: (inout ServiceSettings) -> Void = { _ in }
    ) throws -> LanguageModel {
        var settings = ServiceSettings(baseURL: server.url, key: try ServiceKey(ChatScript.secret))
        // Other tests may take all threads for long.
        settings.timeout = .seconds(600)
        change(&settings)
        return try LanguageModel(
            name: "llm:\(rawValue)/test", model: "test", interface: interface ?? self.interface, settings: settings,
            price: price, contextTokens: contextTokens, extraFields: extraFields, time: time.serviceTime())
    }

    /// An answer of this text, which read 100 tokens and wrote 10.
    func answer(_ text: String, end: ChatAnswer.End = .complete) -> ScriptedServer.Answer {
        ScriptedServer.Answer(body(.string(text), end).compact)
    }

    private func body(_ text: JSONValue, _ end: ChatAnswer.End) -> JSONValue {
        switch self {
        case .anthropic:
            let reason = ["complete": "end_turn", "cut": "max_tokens", "refused": "refusal"]["\(end)"] ?? ""
            return .members([
                "type": .string("message"), "stop_reason": .string(reason),
                "content": .array([
                    .members(["type": .string("thinking"), "thinking": .string("[1] > [2]?")]),
                    .members(["type": .string("text"), "text": text]),
                ]),
                "usage": .members([
                    "input_tokens": .integer(60), "cache_read_input_tokens": .integer(40),
                    "output_tokens": .integer(10),
                ]),
            ])
        case .openAI:
            let reason = ["complete": "stop", "cut": "length", "refused": "content_filter"]["\(end)"] ?? ""
            return .members([
                "choices": .array([
                    .members([
                        "finish_reason": .string(reason),
                        "message": .members(["role": .string("assistant"), "content": text]),
                    ])
                ]),
                "usage": .members(["prompt_tokens": .integer(100), "completion_tokens": .integer(10)]),
            ])
        case .ollama:
            return .members([
                "message": .members(["role": .string("assistant"), "content": text]),
                "done_reason": .string(end == .cut ? "length" : "stop"),
                "prompt_eval_count": .integer(100), "eval_count": .integer(10),
            ])
        }
    }

    /// An error as the service writes it.
    func error(_ status: Int, type: String, _ message: String, headers: [String: String] = [:]) -> ScriptedServer.Answer
    {
        let error = JSONValue.members([
            "type": .string(type), "code": .string(type), "message": .string(message),
            "details": self == .anthropic ? .members(["error_code": .string(type)]) : nil,
        ])
        return ScriptedServer.Answer(JSONValue.members(["error": error]).compact, status: status, headers: headers)
    }
}

/// What a request asked.
struct AskedPrompt: Sendable {
    var user: String
    /// By number, from 1.
    var passages: [String]
    var isJSON: Bool

    init(_ request: ScriptedServer.Request) {
        let body = request.json
        let messages = (body.array("messages") ?? []).compactMap {
            if case .object(let message) = $0 { message } else { nil }
        }
        user = messages.last { $0.string("role") == "user" }?.string("content") ?? ""
        isJSON = ["response_format", "output_config", "format", "tools"].contains { body[$0] != nil }
        // The code is the one in front of the query.
        let code = user.firstMatch(of: /=== ([0-9a-f]{8}) query\n/).map { String($0.1) } ?? ""
        passages = user.split(separator: "\n=== \(code) ").dropFirst(2).dropLast().map { part in
            part.drop { $0 != "\n" }.dropFirst().description
        }
    }

    /// The answer that puts the passages into the order of these numbers from 0, in the form that was asked for.
    func answer(_ order: [Int]) -> String {
        isJSON
            ? "{\"ranking\": [\(order.map { String($0 + 1) }.joined(separator: ", "))]}"
            : order.map { "[\($0 + 1)]" }.joined(separator: " > ")
    }
}
