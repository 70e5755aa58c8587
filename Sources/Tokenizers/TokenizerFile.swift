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
        switch file[part] {
        case nil, .null?: return nil
        case .object(let config)?:
            let name = try FieldReader(config, source: "\(source), \(part),").string("type")
            guard let kind = Kind(rawValue: name) else {
                throw RankingError(
                    .unsupportedModel, what: "\(source) has a \(part) of type \"\(name)\".",
                    why: "Supported are \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).",
                    fix: "Use a model with one of these.")
            }
            return (kind, config)
        default: throw FieldReader(file, source: source).corrupt("has a \(part) that is not an object")
        }
    }
}
