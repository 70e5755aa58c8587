package import OrderedJSON

/// Reads typed values out of an object of a model's JSON file; every error names the file and the key.
///
/// A key that is absent or null takes the default; without one that is an error.
package struct FieldReader {
    private let object: JSONObject
    private let source: String
    private let why: String
    private let fix: String

    /// `source` is the file's name, or the file's name and the part of it: "m/tokenizer.json, model,". `why` and `fix`
    /// are for errors; without them, those of a model's file.
    package init(
        _ object: JSONObject, source: String, why: String = "The model cannot be built from it.",
        fix: String = "Download the file again from the model's own revision."
    ) {
        self.object = object
        self.source = source
        self.why = why
        self.fix = fix
    }

    package func integer(
        _ key: String, in range: ClosedRange<Int>, default fallback: Int? = nil
    ) throws(RankingError) -> Int {
        try value(key, default: fallback, is: "a number") { value throws(RankingError) in
            guard case .number(let number) = value else { return nil }
            guard let integer = number.int, range.contains(integer) else { throw outside(key, number, range) }
            return integer
        }
    }

    /// Any finite number.
    package func double(_ key: String) throws(RankingError) -> Double {
        try value(key, default: nil, is: "a finite number") {
            guard case .number(let number) = $0, number.double.isFinite else { return nil }
            return number.double
        }
    }

    package func float(
        _ key: String, in range: ClosedRange<Double>, default fallback: Float? = nil
    ) throws(RankingError) -> Float {
        try value(key, default: fallback, is: "a number") { value throws(RankingError) in
            guard case .number(let number) = value else { return nil }
            guard range.contains(number.double) else { throw outside(key, number, range) }
            return Float(number.double)
        }
    }

    package func string(_ key: String, default fallback: String? = nil) throws(RankingError) -> String {
        try value(key, default: fallback, is: "a string") {
            guard case .string(let text) = $0 else { return nil }
            return text
        }
    }

    /// nil where the key is absent or null.
    package func optionalString(_ key: String) throws(RankingError) -> String? {
        object[key] == nil || object[key] == .null ? nil : try string(key)
    }

    package func bool(_ key: String, default fallback: Bool? = nil) throws(RankingError) -> Bool {
        try value(key, default: fallback, is: "true or false") {
            guard case .bool(let flag) = $0 else { return nil }
            return flag
        }
    }

    package func corrupt(_ problem: String) -> RankingError {
        RankingError(
            .corruptFile, what: "\(source) \(problem).", why: why, fix: fix)
    }

    private func value<Value>(
        _ key: String, default fallback: Value?, is kind: String,
        _ read: (JSONValue) throws(RankingError) -> Value?
    ) throws(RankingError) -> Value {
        guard let stored = object[key], stored != .null else {
            guard let fallback else { throw corrupt("has no \(key)") }
            return fallback
        }
        guard let value = try read(stored) else { throw corrupt("has a \(key) that is not \(kind)") }
        return value
    }

    private func outside<Bound>(_ key: String, _ number: JSONNumber, _ range: ClosedRange<Bound>) -> RankingError {
        corrupt("has \(key) \(number), outside \(range.lowerBound)...\(range.upperBound)")
    }
}
