import TextFiles

/// How a source of a corpus is written.
public enum CorpusFormat: String, CaseIterable, Sendable {
    /// Found out from the name and, where that says nothing, the first byte.
    case auto
    /// JSON Lines, or one JSON array.
    case json
    /// Comma-separated values under a header row (RFC 4180).
    case csv
    /// Tab-separated values: under a header row as CSV, or `id<TAB>text` lines without one.
    case tsv
    /// One file, one document: plain text, Markdown or HTML, by the name's extension.
    case text
}

/// How a corpus is read.
public struct CorpusOptions: Sendable {
    /// The format of the sources that are files or standard input; directories are told by what they hold.
    public var format: CorpusFormat = .auto
    /// The field that holds the id; nil for `id` or `_id`.
    public var idField: String?
    /// The field that holds the title; nil for `title`.
    public var titleField: String?
    /// The field that holds the text; nil for `text`.
    public var textField: String?
    /// Documents without an id get `name:17`: the source's name without folder and extension, and which document of
    /// the source it is, from 1. Otherwise a document without an id is an error.
    public var numbersDocuments = false
    /// Longer lines, records, array items and text files are refused.
    public var maxLineBytes = InputBytes.defaultMaxLineBytes

    public init() {}
}
