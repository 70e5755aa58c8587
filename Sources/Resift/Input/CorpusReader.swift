import OrderedJSON
public import Ranking
public import Retrieval
import TextFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// How the fields of a corpus are named.
public struct CorpusFields: Sendable, Equatable {
    /// Nil for `_id` or `id`.
    public var id: String?
    public var title: String
    public var text: String
    /// Gives documents without an id one: the name of their file and their number in it, "notes.jsonl:17".
    public var numbersDocuments: Bool

    public init(id: String? = nil, title: String = "title", text: String = "text", numbersDocuments: Bool = false) {
        self.id = id
        self.title = title
        self.text = text
        self.numbersDocuments = numbersDocuments
    }
}

/// The documents of files, directories and standard input, one at a time, in the memory of one of them.
///
/// | source | read as |
/// |---|---|
/// | directory with `corpus.jsonl` or `corpus.jsonl.gz` | BEIR: that file |
/// | another directory | its text, Markdown and HTML files, by their paths |
/// | file named `.csv` or `.tsv`, or so before `.gz` | a table |
/// | other file, standard input (`-`) | JSON Lines, or one JSON array |
///
/// Gzip is recognised by its content. Of an object's fields, one is the id, one the title and one the text; all others
/// are metadata, those of an object called `metadata` among them. An object without title and text is read as all its
/// fields, as `Document.text()` writes them.
public struct CorpusReader: DocumentSource {
    private let fields: CorpusFields
    private let maxLineBytes: Int
    private var waiting: ArraySlice<Source>
    private let count: Int
    private var current: (any CorpusFile)?
    /// Files of directories that were passed over because of their kind, by extension.
    public private(set) var skippedFiles: [String: Int] = [:]

    private struct Source {
        var path: String
        var kind: Kind
        enum Kind { case jsonLines, table, files }
    }

    /// Throws `notFound` for a source that does not exist.
    public init(
        paths: [String], fields: CorpusFields = CorpusFields(), maxLineBytes: Int = InputBytes.defaultMaxLineBytes
    ) throws(RankingError) {
        var sources: [Source] = []
        for path in paths { sources.append(try CorpusReader.source(path)) }
        self.fields = fields
        self.maxLineBytes = maxLineBytes
        waiting = sources[...]
        count = sources.count
        var files: [String] = []
        for source in sources {
            files += source.kind == .files ? try TextFileTree(path: source.path).filePaths : [source.path]
        }
        fingerprint = CorpusReader.fingerprint(files, fields)
    }

    /// What is read: the files with their sizes and times of change, those of directories too.
    public let fingerprint: String

    public var position: String { current?.position ?? "the corpus" }

    public var progress: Double? {
        guard let current, let own = current.progress else { return nil }
        return (Double(count - waiting.count - 1) + own) / Double(count)
    }

    public mutating func next() throws -> IndexDocument? {
        while true {
            if current == nil {
                guard let source = waiting.popFirst() else { return nil }
                current = try open(source)
            }
            if let document = try current?.next() { return document }
            if let files = current as? TextFileTree {
                skippedFiles.merge(files.skipped, uniquingKeysWith: +)
            }
            current = nil
        }
    }

    private func open(_ source: Source) throws(RankingError) -> any CorpusFile {
        switch source.kind {
        case .jsonLines: return try JSONCorpus(path: source.path, fields: fields, maxLineBytes: maxLineBytes)
        case .table: return try TableCorpus(path: source.path, fields: fields, maxLineBytes: maxLineBytes)
        case .files: return try TextFileTree(path: source.path)
        }
    }

    private static func source(_ path: String) throws(RankingError) -> Source {
        if path == "-" { return Source(path: path, kind: .jsonLines) }
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw RankingError(
                .notFound, what: "There is no corpus \(path).", why: "\(String(cString: strerror(errno))).",
                fix: "Name a file or a directory, or - for standard input.")
        }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in ["corpus.jsonl", "corpus.jsonl.gz"] where access("\(path)/\(name)", F_OK) == 0 {
                return Source(path: path.hasSuffix("/") ? path + name : "\(path)/\(name)", kind: .jsonLines)
            }
            return Source(path: path, kind: .files)
        }
        let name = path.lowercased()
        let plain = name.hasSuffix(".gz") ? String(name.dropLast(3)) : name
        let isTable = plain.hasSuffix(".csv") || plain.hasSuffix(".tsv")
        return Source(path: path, kind: isTable ? .table : .jsonLines)
    }

    private static func fingerprint(_ paths: [String], _ fields: CorpusFields) -> String {
        let files = paths.map { path in
            var status = stat()
            guard stat(path, &status) == 0 else { return path }
            #if canImport(Darwin)
                let changed = status.st_mtimespec
            #else
                let changed = status.st_mtim
            #endif
            return "\(path) \(status.st_size) \(changed.tv_sec).\(changed.tv_nsec)"
        }
        return (files + ["\(fields)"]).joined(separator: "\n")
    }
}

/// One source of a corpus.
protocol CorpusFile: AnyObject {
    func next() throws(RankingError) -> IndexDocument?
    /// Where the last document came from.
    var position: String { get }
    var progress: Double? { get }
}

extension CorpusFields {
    /// The document that an object stands for.
    ///
    /// - Parameters:
    ///   - position: For messages.
    ///   - number: The id that it gets where it has none.
    func document(
        _ object: JSONObject, position: String, number: String
    ) throws(RankingError) -> IndexDocument {
        var id: String?
        if let name = self.id {
            switch object[name] {
            case .string(let text)?: id = text
            case .number(let value)?: id = value.description
            default: break
            }
        } else {
            id = Document.id(in: object)
        }
        guard let id = id ?? (numbersDocuments ? number : nil), !id.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(position): the document has no id.",
                why:
                    "An index finds and deletes documents by the field \(self.id.map { "\"\($0)\"" } ?? "\"_id\" or \"id\""), a string or a number.",
                fix: "Add it, name the field that has it (--id-field), or number the documents (--number-documents).")
        }
        var title = ""
        var text: String?
        if case .string(let value)? = object[self.title] { title = value }
        if case .string(let value)? = object[self.text] { text = value }
        let ownNames = [self.id ?? "_id", self.id ?? "id", self.title, self.text]
        var metadata = JSONObject()
        for member in object.members where !ownNames.contains(where: { $0.utf8.elementsEqual(member.key.utf8) }) {
            if member.key == "metadata", case .object(let inner) = member.value {
                for member in inner.members { metadata[member.key] = member.value }
            } else {
                metadata[member.key] = member.value
            }
        }
        if text == nil, title.isEmpty { text = try Document(id: id, fields: object).text() }
        return IndexDocument(id: id, title: title, text: text ?? "", metadata: metadata)
    }
}
