import HTTPTypes
import OrderedJSON
import Ranking

/// Reads the members of a request's body; null is as good as absent, as clients write it, and other members are passed
/// over.
struct RequestFields {
    let object: JSONObject
    /// What errors put in front of a member's name: "resift.".
    private let prefix: String

    init(_ object: JSONObject, prefix: String = "") {
        self.object = object
        self.prefix = prefix
    }

    /// Reads a body of at most `maxValues` values: each takes tens of bytes of memory, and as little as two of a body.
    init(body: [UInt8], maxValues: Int = 2_000_000) throws(WireError) {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(body, maxValues: maxValues)
        } catch {
            if error.isTooLarge {
                throw WireError(
                    .contentTooLarge, .tooLarge, code: "too_large",
                    "The body has more than \(maxValues) JSON values. Send fewer documents at a time.")
            }
            throw WireError(
                .badRequest, .validation, code: "invalid_json",
                "The body is not JSON: \(error). Send an object in UTF-8.")
        }
        guard case .object(let object) = value else {
            throw WireError(
                .badRequest, .validation, code: "invalid_json", "The body is JSON, but no object. Send an object.")
        }
        self.init(object)
    }

    subscript(key: String) -> JSONValue? {
        guard let value = object[key], value != .null else { return nil }
        return value
    }

    func has(_ key: String) -> Bool { object[key] != nil }

    func error(_ key: String, _ problem: String, fix: String) -> WireError {
        .field(prefix + key, problem, fix: fix)
    }

    func string(_ key: String) throws(WireError) -> String? {
        guard let value = self[key] else { return nil }
        guard case .string(let text) = value else { throw error(key, "is not a string", fix: "Send a string.") }
        return text
    }

    func requiredString(_ key: String) throws(WireError) -> String {
        guard let text = try string(key) else { throw error(key, "is missing", fix: "Send a string.") }
        return text
    }

    /// Of the first of these keys that is there; all are read, so that none is wrong in silence.
    func firstBool(_ keys: [String]) throws(WireError) -> Bool? {
        var first: Bool?
        for key in keys {
            guard let value = self[key] else { continue }
            guard case .bool(let flag) = value else { throw error(key, "is not true or false", fix: "Send a boolean.") }
            if first == nil { first = flag }
        }
        return first
    }

    func bool(_ key: String) throws(WireError) -> Bool? { try firstBool([key]) }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(WireError) -> Int? {
        guard let value = self[key] else { return nil }
        guard case .number(let number) = value, let integer = number.int, range.contains(integer) else {
            throw error(
                key, "is not a whole number from \(range.lowerBound)",
                fix: "Send one from \(range.lowerBound) to \(range.upperBound).")
        }
        return integer
    }

    func number(_ key: String, in range: ClosedRange<Double>) throws(WireError) -> Double? {
        guard let value = self[key] else { return nil }
        guard case .number(let number) = value, range.contains(number.double) else {
            throw error(
                key, "is not a number from \(range.lowerBound) to \(range.upperBound)", fix: "Send such a number.")
        }
        return number.double
    }

    func strings(_ key: String) throws(WireError) -> [String]? {
        guard let value = self[key] else { return nil }
        guard case .array(let items) = value else { throw error(key, "is not a list", fix: "Send a list of strings.") }
        return try items.enumerated().map { place, item throws(WireError) in
            guard case .string(let text) = item else {
                throw error("\(key)[\(place)]", "is not a string", fix: "Send a list of strings.")
            }
            return text
        }
    }

    /// An object, or true for an empty one.
    func object(_ key: String) throws(WireError) -> RequestFields? {
        switch self[key] {
        case nil, .bool(false)?: return nil
        case .bool(true)?: return RequestFields(JSONObject(), prefix: key + ".")
        case .object(let object)?: return RequestFields(object, prefix: key + ".")
        default: throw error(key, "is not an object", fix: "Send an object, or leave it out.")
        }
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String, _ type: Choice.Type
    ) throws(WireError) -> Choice? {
        guard let text = try string(key) else { return nil }
        guard let choice = Choice(rawValue: text.lowercased()) else {
            let names = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw error(key, "is \"\(text.prefix(40))\"", fix: "Send one of \(names).")
        }
        return choice
    }

    /// A list of texts or objects with fields.
    func documents(_ key: String) throws(WireError) -> [Document] {
        guard let value = self[key] else {
            throw error(key, "is missing", fix: "Send a list of strings or of objects with a text.")
        }
        guard case .array(let items) = value else {
            throw error(key, "is not a list", fix: "Send a list of strings or of objects with a text.")
        }
        guard !items.isEmpty else {
            throw WireError(
                .badRequest, .empty, code: "empty", "`\(key)` cannot be empty. Send at least one document.",
                field: key)
        }
        var documents: [Document] = []
        documents.reserveCapacity(items.count)
        for (place, item) in items.enumerated() {
            switch item {
            case .string(let text): documents.append(Document(text))
            case .object(let fields):
                guard fields["image"] == nil || fields["text"] != nil else {
                    throw error("\(key)[\(place)]", "is an image", fix: "Send text: the models here read nothing else.")
                }
                // Equal scores keep the order of the request, whatever ids the objects have: the index is what clients
                // tell documents by.
                var document = Document(fields: fields)
                document.id = nil
                documents.append(document)
            default:
                throw error(
                    "\(key)[\(place)]", "is no string and no object", fix: "Send strings or objects with a text.")
            }
        }
        return documents
    }
}
