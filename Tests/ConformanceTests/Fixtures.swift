import Inference
import OrderedJSON
import Resift
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The golden files of Tests/Fixtures, and the real checkpoints and collections of RESIFT_SHARED.
enum Fixtures {
    static let directory: String = {
        let file = #filePath
        return file.components(upTo: "Tests") + "/Tests/Fixtures"
    }()

    /// Material that is not part of the repository; nil where it is absent.
    static let shared: String? = {
        let named = getenv("RESIFT_SHARED").map { String(cString: $0) }
        let path = named ?? #filePath.components(upTo: "Tests") + "/../shared"
        return FileStatus.isDirectory(path) ? path : nil
    }()

    static func cases(_ family: String) throws -> JSONObject {
        try JSONFile.object(path: "\(directory)/\(family)/cases.json")
    }

    static func model(_ family: String) -> String { "\(directory)/\(family)/model" }
}

extension String {
    fileprivate func components(upTo folder: String) -> String {
        guard let range = self.ranges(of: "/\(folder)/").last else { return self }
        return String(self[..<range.lowerBound])
    }
}

extension JSONObject {
    func strings(_ key: String) throws -> String { try #require(self[key]?.stringValue) }
    func floats(_ key: String) throws -> [Float] { try #require(self[key]).floats() }
    func integers(_ key: String) throws -> [Int32] {
        try #require(self[key]).floats().map { Int32($0) }
    }
}

extension JSONValue {
    var stringValue: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    var objectValue: JSONObject? {
        guard case .object(let object) = self else { return nil }
        return object
    }

    var arrayValue: [JSONValue]? {
        guard case .array(let items) = self else { return nil }
        return items
    }

    var floatValue: Float? {
        guard case .number(let number) = self else { return nil }
        return Float(number.double)
    }

    /// A list of numbers; a lone number is a list of one.
    func floats() throws -> [Float] {
        if let value = floatValue { return [value] }
        return try #require(arrayValue).map { try #require($0.floatValue) }
    }
}
