public import Ranking
import TextFiles

/// Reads the documents of a corpus, one at a time, from any number of sources in the order given.
///
/// A source is a path, or "-" for standard input:
/// - a directory in BEIR's form (it has a `corpus.jsonl` or `corpus.jsonl.gz`);
/// - a file of JSON Lines, a JSON array, CSV or TSV, compressed with gzip or not;
/// - a directory of text, Markdown and HTML files, or one such file.
///
/// Memory is that of the largest document, whatever the size of the corpus. `CorpusFields`, `DelimitedCorpus`
/// and `TextDirectory` say which field, column or file becomes what.
public struct CorpusReader: Sendable {
    public let sources: [String]
    public let options: CorpusOptions

    public init(sources: [String], options: CorpusOptions = CorpusOptions()) {
        self.sources = sources
        self.options = options
    }

    /// Calls `body` with each document and where it stands, in order.
    ///
    /// Throws what `body` throws, and what `CorpusCursor.next()` throws.
    public func forEachDocument(_ body: (CorpusDocument, CorpusProgress) throws -> Void) throws {
        let cursor = try CorpusCursor(self)
        while let document = try cursor.next() { try body(document, cursor.progress) }
    }
}

/// A place in a corpus that is being read.
///
/// A class, and not Sendable: it owns the open file.
public final class CorpusCursor {
    /// Up to the document that `next` gave last.
    public private(set) var progress = CorpusProgress()

    private let options: CorpusOptions
    private let sources: [String]
    private var openers: [SourceOpener]
    private var current: (any CorpusSource)?
    private var finishedBytes = 0

    /// Looks at every source, so that one that is missing is known before hours of reading.
    ///
    /// Throws `notFound` for a source that is not there, and `invalidInput` where there is none at all.
    public init(_ reader: CorpusReader) throws(RankingError) {
        options = reader.options
        sources = reader.sources
        guard !reader.sources.isEmpty else {
            throw RankingError(
                .invalidInput, what: "There is no corpus.", why: "No file or directory was named.",
                fix: "Name one, or - for standard input.")
        }
        var openers: [SourceOpener] = []
        var prefixes: Set<String> = []
        for path in reader.sources {
            let opener = try SourceOpener(path: path, options: options, takenPrefixes: prefixes)
            prefixes.insert(opener.numberPrefix)
            openers.append(opener)
        }
        progress.totalBytes = openers.reduce(0) { total, opener in
            guard let total, let bytes = opener.totalBytes else { return nil }
            return total + bytes
        }
        for opener in openers { progress.skippedFiles.merge(opener.skippedFiles, uniquingKeysWith: +) }
        self.openers = openers.reversed()
    }

    /// The next document; nil after the last one.
    ///
    /// Throws `invalidInput` for a broken document, with file and line, and for a corpus without any document;
    /// `corruptFile` for damaged gzip data; `notFound` for a file that cannot be read.
    public func next() throws(RankingError) -> CorpusDocument? {
        while true {
            if let source = current {
                let document = try source.next()
                progress.bytesRead = finishedBytes + source.bytesRead
                if let document {
                    progress.documents += 1
                    return document
                }
                finishedBytes = progress.bytesRead
                current = nil
            }
            guard let opener = openers.popLast() else { break }
            current = try opener.open(options)
        }
        guard progress.documents > 0 else { throw empty() }
        return nil
    }

    private func empty() -> RankingError {
        let skipped = progress.skippedFiles.sorted { $0.key < $1.key }.map {
            "\($0.value) \($0.key.isEmpty ? "without extension" : "." + $0.key)"
        }
        return RankingError(
            .invalidInput, what: "The corpus has no documents.",
            why: skipped.isEmpty
                ? "Empty are all of \(sources.joined(separator: ", "))."
                : "The files of its directories are of other kinds: \(skipped.joined(separator: ", ")).",
            fix: "Name JSON Lines, CSV or TSV files, or a directory with .txt, .md or .html files.")
    }
}
