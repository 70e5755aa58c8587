package import Foundation
import Inference
package import OrderedJSON

/// The repository that the tests were built from.
package enum Repository {
    package static let directory: String = {
        let file = URL(fileURLWithPath: #filePath)
        return file.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    }()

    /// A tiny model of Tests/Fixtures with random weights.
    package static func model(_ family: String) -> String { "\(directory)/Tests/Fixtures/\(family)/model" }
}

/// A folder of its own for one test, removed with the value.
package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = NSTemporaryDirectory() + "/resift-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Writes a file and returns its path.
    @discardableResult
    package func write(_ name: String, _ text: String) throws -> String { try write(name, Array(text.utf8)) }

    @discardableResult
    package func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        let file = path + "/" + name
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        return file
    }

    /// A copy of a model of Tests/Fixtures (or of another directory), to be changed.
    package func copy(ofModel directory: String) throws -> String {
        let copy = path + "/" + UUID().uuidString
        try FileManager.default.copyItem(atPath: directory, toPath: copy)
        return copy
    }
}

extension TemporaryFolder {
    /// Changes one JSON file of a model's copy.
    package func edit(_ file: String, _ change: (inout JSONObject) -> Void) throws {
        var object = try JSONFile.object(path: file)
        change(&object)
        try Data(JSONValue.object(object).pretty.utf8).write(to: URL(fileURLWithPath: file))
    }

    /// Changes the bytes of a file.
    package func editBytes(_ file: String, _ change: (inout Data) -> Void) throws {
        var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
        change(&bytes)
        try bytes.write(to: URL(fileURLWithPath: file))
    }
}

extension TemporaryFolder {
    /// Overwrites the values of an F32 tensor; `value` gets the position.
    package func setFloats(_ tensor: String, of file: String, _ value: (Int) -> Float) throws {
        guard let range = try SafetensorsFile(path: file).entries[tensor]?.range else {
            throw UnexpectedJSON(text: tensor)
        }
        try editBytes(file) { bytes in
            for index in 0..<range.count / 4 {
                let start = range.lowerBound + 4 * index
                bytes.replaceSubrange(
                    start..<start + 4, with: withUnsafeBytes(of: value(index).bitPattern.littleEndian, Array.init))
            }
        }
    }
}
