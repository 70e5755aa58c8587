import OrderedJSON
import Ranking

/// What the parts of a tokenizer.json have in common.
enum TokenizerFile {
    /// Ids above this are no vocabulary but a mistake.
    static let maxID = 16_777_215

    /// The kind that a part of the file has; nil where the part is absent or null.
    static func kind<Kind: RawRepresentable & CaseIterable>(
        of part: String, in file: JSONObject, as type: Kind.Type, source: String
    ) throws(RankingError) -> (kind: Kind, config: JSONObject)? where Kind.RawValue == String {
        guard let config = try object(part, in: file, source: source) else { return nil }
        let name = try FieldReader(config, source: "\(source), \(part),").string("type")
        guard let kind = Kind(rawValue: name) else {
            throw unsupported(
                "\(source) has a \(part) of type \"\(name)\".", supported: Kind.allCases.map(\.rawValue))
        }
        return (kind, config)
    }

    /// The kinds of a part that may be a "Sequence" of others, listed under `members`, in their order.
    static func flattened<Kind: RawRepresentable & CaseIterable>(
        _ part: String, members: String, _ file: JSONObject, as type: Kind.Type, source: String
    ) throws(RankingError) -> [(kind: Kind, config: JSONObject)] where Kind.RawValue == String {
        guard let config = try object(part, in: file, source: source) else { return [] }
        let reader = FieldReader(config, source: "\(source), \(part),")
        let name = try reader.string("type")
        guard name == "Sequence" else {
            guard let kind = Kind(rawValue: name) else {
                throw unsupported(
                    "\(source) has a \(part) of type \"\(name)\".",
                    supported: Kind.allCases.map(\.rawValue) + ["Sequence"])
            }
            return [(kind, config)]
        }
        guard case .array(let items)? = config[members] else { throw reader.corrupt("has no list of \(members)") }
        var parts: [(kind: Kind, config: JSONObject)] = []
        for item in items {
            var member = JSONObject()
            member[part] = item
            parts += try flattened(part, members: members, member, as: type, source: source)
        }
        return parts
    }

    private static func object(
        _ part: String, in file: JSONObject, source: String
    ) throws(RankingError) -> JSONObject? {
        switch file[part] {
        case nil, .null?: return nil
        case .object(let config)?: return config
        default: throw FieldReader(file, source: source).corrupt("has a \(part) that is not an object")
        }
    }

    /// Reads a token's id.
    static func id(_ value: JSONValue) -> Int32? {
        guard case .number(let number) = value, let id = number.int, (0...maxID).contains(id) else { return nil }
        return Int32(id)
    }

    static func unsupported(_ what: String, supported: [String]) -> RankingError {
        RankingError(
            .unsupportedModel, what: what, why: "Supported are \(supported.joined(separator: ", ")).",
            fix: "Use a model with one of these.")
    }
}
