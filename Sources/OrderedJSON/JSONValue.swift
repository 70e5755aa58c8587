/// A JSON value that keeps what a reader of it may need: the order of an object's keys and the text of a number.
public enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSONValue])
    case object(JSONObject)
}

/// A number as it was written. Two numbers are equal if their texts are.
public struct JSONNumber: Sendable, Equatable, CustomStringConvertible {
    /// The literal: "1", "1.0" and "1e400" stay as they are.
    public let description: String

    init(literal: String) { description = literal }

    public init(_ value: Int) { description = String(value) }

    /// The shortest text that gives the same value back; nil for NaN and infinities, which JSON cannot write.
    public init?(_ value: Double) {
        guard value.isFinite else { return nil }
        description = value.description
    }

    public init?(_ value: Float) {
        guard value.isFinite else { return nil }
        description = value.description
    }

    /// The nearest double; infinite where the number is too large for one.
    public var double: Double { Double(description) ?? .infinity }

    /// The value, where it is a whole number that fits.
    public var int: Int? {
        if let value = Int(description) { return value }
        // "1.0" and "1e3" are whole numbers too; beyond 2^53 a double cannot tell neighbours apart.
        let value = double
        return value.rounded() == value && abs(value) <= 9_007_199_254_740_992 ? Int(value) : nil
    }

}

/// An object's members in the order they were written.
///
/// A key that comes twice keeps its first place and takes its last value, as in Python and JavaScript. Keys are equal
/// if their code points are: vocabularies hold "é" in both of its spellings, which Swift's strings take for one.
public struct JSONObject: Sendable, Equatable {
    public struct Member: Sendable, Equatable {
        public let key: String
        public var value: JSONValue
    }

    public private(set) var members: [Member] = []
    /// Positions in `members`, kept once an object is too large to search.
    private var positions: [ExactKey: Int] = [:]
    private static let indexedCount = 16

    public init() {}

    public static func == (a: JSONObject, b: JSONObject) -> Bool { a.members == b.members }

    public var keys: [String] { members.map(\.key) }

    public subscript(key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            switch (position(of: key), newValue) {
            case (let index?, let value?): members[index].value = value
            case (nil, let value?): append(key, value)
            case (let index?, nil):
                members.remove(at: index)
                positions = [:]
                if members.count > JSONObject.indexedCount { reindex() }
            case (nil, nil): break
            }
        }
    }

    private func position(of key: String) -> Int? {
        members.count > JSONObject.indexedCount
            ? positions[ExactKey(key)] : members.firstIndex { ExactKey($0.key) == ExactKey(key) }
    }

    private mutating func append(_ key: String, _ value: JSONValue) {
        members.append(Member(key: key, value: value))
        if members.count == JSONObject.indexedCount + 1 {
            reindex()
        } else if members.count > JSONObject.indexedCount {
            positions[ExactKey(key)] = members.count - 1
        }
    }

    private mutating func reindex() {
        positions = Dictionary(uniqueKeysWithValues: members.enumerated().map { (ExactKey($1.key), $0) })
    }
}

/// A string by its UTF-8 bytes, where `String` compares and hashes what is canonically equivalent as equal.
private struct ExactKey: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: ExactKey, b: ExactKey) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
