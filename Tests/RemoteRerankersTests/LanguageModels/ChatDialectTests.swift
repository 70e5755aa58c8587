import OrderedJSON
import Outbound
import TestSupport
import Testing

@testable import RemoteRerankers

@Suite("Chat interfaces")
struct ChatDialectTests {
    private func prompt(_ answer: ChatPrompt.Answer = .order(.json)) -> ChatPrompt {
        ChatPrompt(system: "be fair", user: "rank", answer: answer, maxOutputTokens: 100)
    }

    private static let schema =
        #"{"type": "object", "properties": {"ranking": {"type": "array", "items": {"type": "integer"}}}, "required": ["ranking"], "additionalProperties": false}"#

    private func expect(_ request: JSONObject, _ text: String) throws {
        #expect(request == (try JSONObject(parsing: text)), "\(JSONValue.object(request).compact)")
    }

    @Test("Anthropic: a schema in output_config, and no temperature unless asked for")
    func anthropic() throws {
        let messages = #""system": "be fair", "messages": [{"role": "user", "content": "rank"}]"#
        try expect(
            AnthropicMessages().request(prompt(), model: "m"),
            #"{"model": "m", "max_tokens": 100, \#(messages), "output_config": {"format": {"type": "json_schema", "schema": \#(Self.schema)}}}"#
        )
        try expect(
            AnthropicMessages(structuredOutput: .tool, temperature: 0.5).request(prompt(), model: "m"),
            #"""
            {"model": "m", "max_tokens": 100, "temperature": 0.5, \#(messages), "tools": [{"name": "ranking", "description":
             "Takes the order of the passages.", "input_schema": \#(Self.schema)}],
             "tool_choice": {"type": "tool", "name": "ranking"}}
            """#)
        try expect(
            AnthropicMessages().request(prompt(.order(.text)), model: "m"),
            #"{"model": "m", "max_tokens": 100, \#(messages)}"#)
        #expect(AnthropicMessages(structuredOutput: .none).form == .text && AnthropicMessages().path == "/v1/messages")
        let rules = AnthropicMessages(version: "2026-10-21").rules
        #expect(rules.headers.map(\.name) == ["anthropic-version"] && rules.headers.map(\.value) == ["2026-10-21"])
        #expect(rules.keyHeader(try ServiceKey("k")) == ("x-api-key", "k"))
    }

    @Test("OpenAI: a strict schema in response_format, and either name of the limit")
    func openAI() throws {
        let messages = #""messages": [{"role": "system", "content": "be fair"}, {"role": "user", "content": "rank"}]"#
        try expect(
            OpenAIChat().request(prompt(), model: "m"),
            #"""
            {"model": "m", \#(messages), "max_tokens": 100, "response_format": {"type": "json_schema",
             "json_schema": {"name": "ranking", "strict": true, "schema": \#(Self.schema)}}}
            """#)
        try expect(
            OpenAIChat(outputLimit: .maxCompletionTokens, temperature: 0, seed: 7).request(
                prompt(.firstToken(alternatives: 20)), model: "m"),
            #"{"model": "m", \#(messages), "max_completion_tokens": 100, "temperature": 0.0, "seed": 7, "logprobs": true, "top_logprobs": 20}"#
        )
        #expect(OpenAIChat(hasStructuredOutput: false).form == .text)
    }

    @Test("Ollama: the context is told, and grows by doubling")
    func ollama() throws {
        let messages = #""messages": [{"role": "system", "content": "be fair"}, {"role": "user", "content": "rank"}]"#
        try expect(
            OllamaChat().request(prompt(), model: "m"),
            #"""
            {"model": "m", \#(messages), "stream": false, "format": \#(Self.schema),
             "options": {"num_ctx": 8192, "num_predict": 100, "temperature": 0.0}}
            """#)
        var long = prompt()
        // 40,000 letters are 10,000 tokens; with 100 and 256 that is more than 8,192.
        long.user = String(repeating: "a", count: 40_000)
        #expect(OllamaChat().contextTokens(long) == 16_384)
        #expect(OllamaChat(minContextTokens: .max).contextTokens(long) == 1 << 24)
    }

    @Test("answers: text, reason, tokens")
    func answers() throws {
        let parts = try OpenAIChat().answer(
            JSONObject(
                parsing:
                    #"{"choices": [{"message": {"content": [{"type": "text", "text": "[1]"}, {"type": "text", "text": " > [2]"}]}}]}"#
            ))
        #expect(parts == ChatAnswer(text: "[1] > [2]"))
        let paused = try AnthropicMessages().answer(
            JSONObject(parsing: #"{"content": [], "stop_reason": "pause_turn", "usage": {"output_tokens": 3}}"#))
        #expect(paused == ChatAnswer(text: "", end: .cut, outputTokens: 3))
        let full = try AnthropicMessages().answer(
            JSONObject(parsing: #"{"content": [], "stop_reason": "model_context_window_exceeded"}"#))
        #expect(full.end == .cut)
        let ollama = try OllamaChat().answer(
            JSONObject(parsing: #"{"message": {"content": "yes", "thinking": "no"}, "done_reason": "stop"}"#))
        #expect(ollama == ChatAnswer(text: "yes"))
    }

    @Test("the likeliest first tokens, with the one that was chosen")
    func firstTokens() throws {
        let list =
            #"[{"token": "Yes", "logprob": -0.1, "top_logprobs": [{"token": "No", "logprob": -2}, {"token": "?", "logprob": "x"}]}, {"token": "."}]"#
        let expected = [TokenProbability(token: "No", logarithm: -2), TokenProbability(token: "Yes", logarithm: -0.1)]
        let openAI = try OpenAIChat().answer(
            JSONObject(parsing: #"{"choices": [{"message": {}, "logprobs": {"content": \#(list)}}]}"#))
        #expect(openAI.firstTokens == expected)
        let ollama = try OllamaChat().answer(JSONObject(parsing: #"{"message": {}, "logprobs": \#(list)}"#))
        #expect(ollama.firstTokens == expected)
        for none in [#"{}"#, #"{"logprobs": null}"#, #"{"logprobs": {"content": null}}"#] {
            var choice = try JSONObject(parsing: none)
            choice["message"] = .object(JSONObject())
            var body = JSONObject()
            body["choices"] = .array([.object(choice)])
            #expect(try OpenAIChat().answer(body).firstTokens == nil)
        }
    }
}
