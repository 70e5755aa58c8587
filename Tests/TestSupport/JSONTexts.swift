package import OrderedJSON

/// A test was written wrongly: the text holds another kind of value.
package struct UnexpectedJSON: Error {
    package var text: String

    package init(text: String) { self.text = text }
}

extension JSONObject {
    package init(parsing text: String) throws {
        guard case .object(let object) = try JSONValue.parse(Array(text.utf8)) else { throw UnexpectedJSON(text: text) }
        self = object
    }
}

extension JSONNumber {
    package init(parsing text: String) throws {
        guard case .number(let number) = try JSONValue.parse(Array(text.utf8)) else { throw UnexpectedJSON(text: text) }
        self = number
    }
}
