import Ranking
import TextFiles

/// What a path of a corpus is, found out before anything is read.
struct SourceOpener {
    let path: String
    let kind: Kind
    /// Nil for standard input and pipes.
    let totalBytes: Int?
    let skippedFiles: [String: Int]
    /// What the ids of numbered documents begin with.
    let numberPrefix: String

    enum Kind {
        case file(String)
        case directory(TextDirectory)
    }

    init(path: String, options: CorpusOptions, takenPrefixes: Set<String>) throws(RankingError) {
        self.path = path
        var prefix = path == "-" ? "stdin" : FileName(path).stem
        // Two sources of one name would give two documents one id.
        if prefix.isEmpty || takenPrefixes.contains(prefix) { prefix = path }
        numberPrefix = prefix
        guard path != "-" else {
            (kind, totalBytes, skippedFiles) = (.file(path), nil, [:])
            return
        }
        let status = try FileEntry(path: path)
        guard status.isDirectory else {
            (kind, totalBytes, skippedFiles) = (.file(path), status.isRegular ? status.bytes : nil, [:])
            return
        }
        for name in ["corpus.jsonl", "corpus.jsonl.gz"] {
            let corpus = path.hasSuffix("/") ? path + name : path + "/" + name
            guard let entry = try? FileEntry(path: corpus), !entry.isDirectory else { continue }
            (kind, totalBytes, skippedFiles) = (.file(corpus), entry.bytes, [:])
            return
        }
        let directory = try TextDirectory(path: path, maxFileBytes: options.maxLineBytes)
        (kind, totalBytes, skippedFiles) = (.directory(directory), directory.totalBytes, directory.skippedFiles)
    }

    func open(_ options: CorpusOptions) throws(RankingError) -> any CorpusSource {
        switch kind {
        case .directory(let directory): return directory
        case .file(let file): return try open(file: file, options)
        }
    }

    private func open(file: String, _ options: CorpusOptions) throws(RankingError) -> any CorpusSource {
        let fields = CorpusFields(options, numberPrefix: numberPrefix)
        var format = options.format == .auto ? SourceOpener.format(ofName: file) : options.format
        if format == .text {
            return try TextDirectory(file: file, maxFileBytes: options.maxLineBytes)
        }
        let lines = try LineStream(ByteStream(path: file), maxLineBytes: options.maxLineBytes)
        if format == .auto { format = try detected(lines) }
        switch format {
        case .csv, .tsv:
            return DelimitedCorpus(lines, format: format, fields: fields, maxRecordBytes: options.maxLineBytes)
        default: return try JSONCorpus(lines, fields: fields, maxItemBytes: options.maxLineBytes)
        }
    }

    /// `.auto` where the name says nothing.
    private static func format(ofName path: String) -> CorpusFormat {
        if path == "-" { return .json }
        switch FileName(path).fileExtension {
        case "jsonl", "ndjson", "json": return .json
        case "csv": return .csv
        case "tsv", "tab": return .tsv
        case let name where TextFileKind(fileExtension: name) != nil: return .text
        default: return .auto
        }
    }

    private func detected(_ lines: LineStream) throws(RankingError) -> CorpusFormat {
        switch try lines.firstByte() {
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""), nil: return .json
        default:
            throw RankingError(
                .invalidInput, what: "\(lines.name) is in a format that is not known.",
                why: "Its name ends with none of .jsonl, .json, .csv, .tsv, .txt, .md and .html, and it is no JSON.",
                fix: "Name the format with --format.")
        }
    }
}

/// The parts of a path's last component.
struct FileName {
    /// Without the extension.
    let stem: String
    /// In lower case, that of the compressed file where the name ends with ".gz"; "" where there is none.
    let fileExtension: String

    init(_ path: String) {
        var name = path.split(separator: "/").last ?? ""
        if name.lowercased().hasSuffix(".gz") { name = name.dropLast(3) }
        // ".profile" has no extension.
        if let dot = name.dropFirst().lastIndex(of: ".") {
            stem = String(name[..<dot])
            fileExtension = name[name.index(after: dot)...].lowercased()
        } else {
            stem = String(name)
            fileExtension = ""
        }
    }
}
