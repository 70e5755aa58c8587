import OrderedJSON
import Outbound
import Ranking

/// An answer with another status than success, and what it says about itself.
package struct ServiceRefusal: Error {
    package var status: Int
    /// What the service wrote for people; nil where it wrote nothing readable.
    package var message: String?
    /// What it wrote for programs: types and codes such as "insufficient_quota".
    package var codes: [String]
    /// True if it says when to come back.
    package var namesWait: Bool

    /// Reads the forms of all services:
    /// - `{"message": "..."}` Cohere,
    /// - `{"detail": "..."}`, or `{"detail": [{"loc": ["body", "query"], "msg": "..."}]}` Jina, Voyage, FastAPI,
    /// - `{"error": "...", "error_type": "Validation"}` TEI,
    /// - `{"error": {"message": "...", "type": "...", "code": ...}}` vLLM, Infinity, llama.cpp, OpenAI,
    /// - `{"error": {"type": "...", "message": "...", "details": {"error_code": "..."}}}` Anthropic,
    /// - plain text.
    ///
    /// - Parameter key: Replaced where the service repeats it.
    init(status: Int, body: [UInt8], namesWait: Bool, key: ServiceKey? = nil) {
        self.status = status
        self.namesWait = namesWait
        guard case .object(let body)? = try? JSONValue.parse(body, maxValues: 10_000) else {
            message = ServiceRefusal.readable(String(decoding: body, as: UTF8.self), key)
            codes = []
            return
        }
        var error = body
        if case .object(let inner)? = body["error"] { error = inner }
        var codes = ["type", "code", "error_type"].compactMap { error[$0]?.word }
        if case .object(let details)? = error["details"] { codes += [details["error_code"]?.word].compactMap(\.self) }
        self.codes = codes.map { key?.redacted(from: $0) ?? $0 }
        let texts = [error["message"], body["error"], body["detail"], body["message"]].compactMap { $0?.errorText }
        message = texts.lazy.compactMap { ServiceRefusal.readable($0, key) }.first
    }

    /// One line of limited length without control characters. The key goes first: cut in two, it would not be found.
    private static func readable(_ text: String, _ key: ServiceKey?) -> String? {
        let line = (key?.redacted(from: text) ?? text).split(whereSeparator: \.isWhitespace).joined(separator: " ")
        let plain = line.unicodeScalars.lazy.filter { $0.properties.generalCategory != .control }
        let cut = String(String.UnicodeScalarView(plain.prefix(500)))
        return cut.isEmpty ? nil : cut
    }
}

extension JSONValue {
    /// A string or a number as a word.
    fileprivate var word: String? {
        switch self {
        case .string(let text): text
        case .number(let number): number.description
        default: nil
        }
    }

    /// A string, or the messages of FastAPI's list with the places they are about.
    fileprivate var errorText: String? {
        switch self {
        case .string(let text): return text
        case .array(let items):
            let texts = items.compactMap { item -> String? in
                guard case .object(let object) = item, case .string(let message)? = object["msg"] else { return nil }
                guard case .array(let place)? = object["loc"] else { return message }
                return place.compactMap(\.word).joined(separator: ".") + ": " + message
            }
            return texts.isEmpty ? nil : texts.joined(separator: "; ")
        default: return nil
        }
    }
}
