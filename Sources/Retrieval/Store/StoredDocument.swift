import GRDB
import OrderedJSON
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A document as it comes out of an index.
public struct StoredDocument: Sendable, Equatable {
    /// The number of its first passage.
    public var first: UInt32
    public var document: IndexDocument
    /// Where its passages are: UTF-8 offsets in the text.
    public var passages: [Range<Int>]

    /// The part of the text that a passage number stands for; nil where the passage is another document's.
    public func passage(_ number: UInt32) -> Range<Int>? {
        guard number >= first, Int(number - first) < passages.count else { return nil }
        return passages[Int(number - first)]
    }

    /// Selects the columns that `init(_:)` reads.
    static let query =
        "SELECT document.first, id, title, text, metadata, spans FROM document JOIN content USING (first)"

    init(_ row: Row) throws {
        func text(_ column: Int) throws -> String {
            guard let data = try row.bytes(column) else { return "" }
            guard let text = String(validating: data, as: UTF8.self) else {
                throw IndexProperty.corrupt("has a document with a text that is not UTF-8")
            }
            return text
        }
        guard let first = UInt32(exactly: try row.int64(0)) else {
            throw IndexProperty.corrupt("has a document with a number that is none")
        }
        self.first = first
        var metadata = JSONObject()
        if let bytes = try row.bytes(4) {
            guard case .object(let object) = try? JSONValue.parse(Array(bytes)) else {
                throw IndexProperty.corrupt("has a document with metadata that is not a JSON object")
            }
            metadata = object
        }
        document = IndexDocument(id: try text(1), title: try text(2), text: try text(3), metadata: metadata)
        let length = document.text.utf8.count
        passages = [0..<length]
        if let spans = try row.bytes(5) { passages = try PassageSpans.decode(Array(spans), textLength: length) }
    }
}

/// Which file a path leads to at this moment.
struct FileIdentity: Equatable {
    private let device: UInt64
    private let inode: UInt64

    /// Nil where there is no file.
    init?(path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        device = UInt64(truncatingIfNeeded: status.st_dev)
        inode = UInt64(truncatingIfNeeded: status.st_ino)
    }
}
