public import Ranking
public import Retrieval

/// Where a document of a corpus stands, for errors: "corpus.jsonl, line 3".
public struct SourcePosition: Sendable, Equatable, CustomStringConvertible {
    /// The path of the file, or "standard input".
    public var source: String
    /// From 1: of a record of several lines, the first. Nil for a file that is one document.
    public var line: Int?

    public init(source: String, line: Int? = nil) {
        self.source = source
        self.line = line
    }

    public var description: String { line.map { "\(source), line \($0)" } ?? source }

    /// An error about what stands here. `problem` goes on from "the document": "has no id".
    public func error(
        _ problem: String, why: String, fix: String, cause: (any Error)? = nil
    ) -> RankingError {
        RankingError(.invalidInput, what: "\(self): the document \(problem).", why: why, fix: fix, cause: cause)
    }
}

/// A document of a corpus and where it was read.
public struct CorpusDocument: Sendable, Equatable {
    public var document: IndexDocument
    public var position: SourcePosition

    public init(document: IndexDocument, position: SourcePosition) {
        self.document = document
        self.position = position
    }
}

/// How much of a corpus has been read.
public struct CorpusProgress: Sendable, Equatable {
    public var documents = 0
    /// Of the files as they are on disk, so of compressed bytes where they are compressed.
    public var bytesRead = 0
    /// Nil where standard input or a pipe is among the sources.
    public var totalBytes: Int?
    /// Files of directories that are no documents, by extension in lower case; "" for names without one.
    public var skippedFiles: [String: Int] = [:]

    public init(documents: Int = 0, bytesRead: Int = 0, totalBytes: Int? = nil, skippedFiles: [String: Int] = [:]) {
        self.documents = documents
        self.bytesRead = bytesRead
        self.totalBytes = totalBytes
        self.skippedFiles = skippedFiles
    }
}
