public import OrderedJSON

/// What a person wants ranked: a text, or an object with fields, and the id it is known by.
public struct Document: Sendable, Equatable, ExpressibleByStringLiteral {
    public var id: String?
    public var content: Content

    public enum Content: Sendable, Equatable {
        case text(String)
        /// A structured document. `Document.text(rankFields:)` says how it is read.
        case fields(JSONObject)
    }

    public init(_ text: String, id: String? = nil) {
        self.id = id
        content = .text(text)
    }

    public init(stringLiteral text: String) { self.init(text) }

    public init(id: String? = nil, title: String, text: String) {
        var fields = JSONObject()
        fields["title"] = .string(title)
        fields["text"] = .string(text)
        self.init(id: id, fields: fields)
    }

    /// A structured document; where `id` is nil it takes the object's own "id" or, as BEIR writes it, "_id".
    public init(id: String? = nil, fields: JSONObject) {
        self.id = id ?? Document.id(in: fields)
        content = .fields(fields)
    }

    /// The id that an object carries: a string, or a number as it is written.
    public static func id(in fields: JSONObject) -> String? {
        for key in idKeys {
            switch fields[key] {
            case .string(let id)?: return id
            case .number(let number)?: return number.description
            default: continue
            }
        }
        return nil
    }

    static let idKeys = ["id", "_id"]
}
