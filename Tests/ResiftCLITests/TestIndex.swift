import Foundation
import OrderedJSON
import TestSupport
import Testing

/// A folder with one index, changed and searched by the command.
struct TestIndex {
    let folder: TemporaryFolder
    var path: String { folder.path + "/test.resift" }

    init() throws { folder = try TemporaryFolder() }

    /// Builds an index of documents that are JSON Lines.
    init(_ lines: [String], _ options: [String] = []) throws {
        folder = try TemporaryFolder()
        try expectSuccess(build(lines, options))
    }

    func file(_ lines: [String], _ name: String = "corpus.jsonl") throws -> String {
        try folder.write(name, lines.map { $0 + "\n" }.joined())
    }

    func build(_ lines: [String], _ options: [String] = []) throws -> Resift.Output {
        try run("build", [try file(lines), "--output", path, "--format", "json"] + options)
    }

    func add(_ lines: [String], _ options: [String] = []) throws -> Resift.Output {
        try run("add", [try file(lines, "added.jsonl"), "--index", path, "--format", "json"] + options)
    }

    func delete(_ ids: [String], _ options: [String] = []) throws -> Resift.Output {
        try run("delete", ids + ["--index", path, "--format", "json"] + options)
    }

    /// One of info, verify and compact.
    func look(_ command: String) throws -> Resift.Output { try run(command, [path, "--format", "json"]) }

    func run(_ command: String, _ arguments: [String], input: String = "") throws -> Resift.Output {
        try Resift.run(["index", command] + arguments, input: input)
    }

    func search(_ query: String, _ options: [String] = []) throws -> Resift.Output {
        try Resift.run(["search", query, "--index", path] + options)
    }

    /// The ids that a search by words finds, best first.
    func ids(_ query: String, _ options: [String] = []) throws -> [String] {
        let output = try search(
            query, ["--stages", "bm25", "--no-rerank", "--limit", "100000", "--format", "trec"] + options)
        try expectSuccess(output)
        return output.lines.map { $0.split(separator: " ").map(String.init)[2] }
    }

    func expectWhole(documents: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let output = try look("verify")
        #expect(output.status == 0, "\(output.stdout) \(output.stderr)", sourceLocation: sourceLocation)
        guard output.status == 0 else { return }
        let summary = try Summary(output)
        #expect(summary["result"] == "whole", sourceLocation: sourceLocation)
        #expect(summary["documents"] == "\(documents)", sourceLocation: sourceLocation)
    }
}

/// A JSON object that a command printed, its values as they are written in it; strings without quotes.
struct Summary {
    let object: JSONObject

    init(_ output: Resift.Output) throws { try self.init(output.stdout) }
    init(_ text: String) throws { object = try JSONObject(parsing: text) }

    subscript(field: String) -> String? {
        guard let value = object[field] else { return nil }
        if case .string(let text) = value { return text }
        return value.compact
    }
}

struct UnexpectedStatus: Error, CustomStringConvertible {
    var description: String
}

@discardableResult
func expectSuccess(_ output: Resift.Output) throws -> Resift.Output {
    guard output.status == 0 else { throw UnexpectedStatus(description: "\(output.status): \(output.stderr)") }
    return output
}

/// An error in three lines, what, why and fix, and the status that belongs to it.
func expectError(
    _ output: Resift.Output, status: Int32, _ what: String, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(output.status == status, "\(output.stderr)", sourceLocation: sourceLocation)
    #expect(output.stderr.contains(what), "\(output.stderr)", sourceLocation: sourceLocation)
    #expect(output.stderr.hasPrefix("error: "), "\(output.stderr)", sourceLocation: sourceLocation)
    #expect(output.stderr.contains("\n  why: "), "\(output.stderr)", sourceLocation: sourceLocation)
    #expect(output.stderr.contains("\n  fix: "), "\(output.stderr)", sourceLocation: sourceLocation)
    #expect(output.stdout == "", sourceLocation: sourceLocation)
}

/// A gzip file whose bytes are stored, not compressed (RFC 1951, 3.2.4; RFC 1952).
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    func little(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
    var file: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 255]
    var rest = bytes[...]
    repeat {
        let block = rest.prefix(65_535)
        rest = rest.dropFirst(block.count)
        file += [rest.isEmpty ? 1 : 0] + little(block.count, 2) + little(block.count ^ 0xFFFF, 2) + block
    } while !rest.isEmpty
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return file + little(Int(~crc), 4) + little(bytes.count, 4)
}
