import OrderedJSON
import Ranking

/// Reads typed values out of one object of a tokenizer.json; every error names the file and the key.
struct TokenizerFile {
    private let object: JSONObject
    private let source: String

    /// Ids above this are no vocabulary but a mistake.
    static let maxID = 16_777_215

    init(_ object: JSONObject, source: String) {
        self.object = object
        self.source = source
    }

    func flag(_ key: String, default fallback: Bool) throws(RankingError) -> Bool {
        switch object[key] {
        case nil, .null?: return fallback
        case .bool(let value)?: return value
        default: throw corrupt("has a \(key) that is not true or false")
        }
    }

    func text(_ key: String, default fallback: String? = nil) throws(RankingError) -> String {
        switch object[key] {
        case .string(let value)?: return value
        case nil, .null?:
            guard let fallback else { throw corrupt("has no \(key)") }
            return fallback
        default: throw corrupt("has a \(key) that is not a text")
        }
    }

    func integer(
        _ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil
    ) throws(RankingError) -> Int {
        switch object[key] {
        case nil, .null?:
            guard let fallback else { throw corrupt("has no \(key)") }
            return fallback
        case .number(let number)?:
            guard let value = number.int, range.contains(value) else {
                throw corrupt("has \(key) \(number), outside \(range.lowerBound)...\(range.upperBound)")
            }
            return value
        default: throw corrupt("has a \(key) that is not a number")
        }
    }

    func corrupt(_ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "\(source) \(problem).", why: "The tokenizer cannot be built from it.",
            fix: "Download tokenizer.json again from the model's own revision.")
    }

    /// The kind that a part of the file has; nil where the part is absent or null.
    static func kind<Kind: RawRepresentable & CaseIterable>(
        of part: String, in file: JSONObject, as type: Kind.Type, source: String
    ) throws(RankingError) -> (kind: Kind, config: JSONObject)? where Kind.RawValue == String {
        switch file[part] {
        case nil, .null?: return nil
        case .object(let config)?:
            let name = try TokenizerFile(config, source: "\(source), \(part),").text("type")
            guard let kind = Kind(rawValue: name) else {
                throw RankingError(
                    .unsupportedModel, what: "\(source) has a \(part) of type \"\(name)\".",
                    why: "Supported are \(Kind.allCases.map(\.rawValue).joined(separator: ", ")).",
                    fix: "Use a model with one of these.")
            }
            return (kind, config)
        default: throw TokenizerFile(file, source: source).corrupt("has a \(part) that is not an object")
        }
    }
}
