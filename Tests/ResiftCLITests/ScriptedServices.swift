import Foundation
import OrderedJSON
import ScriptedServer

/// Services that the command's tests ask, on this machine.
enum ScriptedServices {
    /// A Cohere that gives the document of each position in a request the score that the test says.
    static func cohere(
        status: Int = 200,
        score: @escaping @Sendable (_ text: String, _ place: Int) -> Double = { Double($1 + 1) / 100 }
    ) throws -> ScriptedServer {
        try ScriptedServer { request, _ in
            guard status == 200 else { return .init(#"{"message": "invalid api token"}"#, status: status) }
            guard case .array(let documents)? = request.json["documents"] else { return .init("{}", status: 400) }
            let results = documents.enumerated().map { place, document in
                let text = if case .string(let text) = document { text } else { "" }
                return #"{"index": \#(place), "relevance_score": \#(score(text, place))}"#
            }
            return .init(
                #"{"results": [\#(results.joined(separator: ","))], "meta": {"billed_units": {"search_units": 1}}}"#)
        }
    }

    /// A chat with OpenAI's interface that puts the passages of each list into the order that the test says.
    ///
    /// - Parameter answers: Before it answers, the number of the request from 0.
    static func chat(
        waits: @escaping @Sendable (Int) async -> Void = { _ in },
        order: @escaping @Sendable ([String]) -> [Int] = { $0.indices.reversed() }
    ) throws -> ScriptedServer {
        try ScriptedServer { request, number in
            await waits(number)
            let order = order(passages(in: request)).map { "\($0 + 1)" }.joined(separator: ", ")
            return .init(
                #"{"choices": [{"message": {"content": "{\"ranking\": [\#(order)]}"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 100, "completion_tokens": 10}}"#
            )
        }
    }

    /// The question as a chat was asked it.
    static func question(in request: ScriptedServer.Request) -> String {
        guard case .array(let messages)? = request.json["messages"], case .object(let last)? = messages.last,
            case .string(let text)? = last["content"]
        else { return "" }
        return text
    }

    /// The passages stand behind lines "=== CODE [NUMBER]", and end with one "=== CODE end".
    static func passages(in request: ScriptedServer.Request) -> [String] {
        let text = question(in: request)
        guard let code = text.firstMatch(of: /=== ([0-9a-f]{8}) \[1\]/)?.1 else { return [] }
        return text.split(separator: "\n=== \(code) ").dropFirst().compactMap { part in
            guard part.hasPrefix("["), let end = part.firstIndex(of: "\n") else { return nil }
            return String(part[part.index(after: end)...])
        }
    }
}
