public import Ranking
public import Retrieval
import TextFiles

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

/// The documents of a corpus, for an index.
public struct CorpusDocuments: DocumentSource {
    private let cursor: CorpusCursor
    public private(set) var position = "the corpus"
    /// What is read: the sources and options, and the files' sizes and times of change. An unfinished build goes on only
    /// with the same.
    public let fingerprint: String

    /// Throws `notFound` for a source that is not there.
    public init(_ corpus: CorpusReader) throws(RankingError) {
        cursor = try CorpusCursor(corpus)
        let sources: [String] = corpus.sources.map { CorpusDocuments.description($0) }
        fingerprint = sources.joined(separator: "\n") + "\n\(corpus.options)"
    }

    public mutating func next() throws -> IndexDocument? {
        guard let found = try cursor.next() else { return nil }
        position = found.position.description
        return found.document
    }

    public var progress: Double? {
        cursor.progress.totalBytes.map { total in
            total == 0 ? 1 : min(1, Double(cursor.progress.bytesRead) / Double(total))
        }
    }

    /// Files of directories that are no documents, by extension.
    public var skippedFiles: [String: Int] { cursor.progress.skippedFiles }

    private static func description(_ path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return path }
        if status.st_mode & S_IFMT == S_IFDIR {
            // Of a BEIR directory only the corpus is read.
            for name in ["corpus.jsonl", "corpus.jsonl.gz"] where access("\(path)/\(name)", F_OK) == 0 {
                return description(ofFile: "\(path)/\(name)")
            }
            let files = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
            return files.sorted().map { description(ofFile: "\(path)/\($0)") }.joined(separator: "\n")
        }
        return description(ofFile: path)
    }

    private static func description(ofFile path: String) -> String {
        guard let file = try? FileEntry(path: path), file.isRegular else { return path }
        return "\(path) \(file.bytes) \(file.modified).\(file.modifiedNanoseconds)"
    }
}
