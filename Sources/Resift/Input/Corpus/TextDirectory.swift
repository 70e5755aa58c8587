import OrderedJSON
import Ranking
import Retrieval
import TextFiles

/// The text files of a directory and the directories in it, one document each, in the byte order of their paths.
///
/// - The id is the path relative to the directory, with "/" on every system.
/// - Metadata are `path`, `extension` (lower case) and `modified` (ISO 8601, UTC), and what the file itself says of
///   itself: the fields of a Markdown file's front matter win over these.
/// - Names that begin with a dot are passed over. Links are followed, but no directory is read twice, so that a link
///   to a directory above ends.
/// - Files of other kinds are counted in `skippedFiles`.
final class TextDirectory: CorpusSource {
    let totalBytes: Int
    private(set) var skippedFiles: [String: Int] = [:]
    private(set) var bytesRead = 0
    private let files: [File]
    private let maxFileBytes: Int
    private var position = 0

    private struct File {
        /// What the file is opened by, and what errors call it.
        var path: String
        var id: String
        var kind: TextFileKind
        var entry: FileEntry
    }

    init(path: String, maxFileBytes: Int) throws(RankingError) {
        self.maxFileBytes = maxFileBytes
        var files: [File] = []
        var skipped: [String: Int] = [:]
        let root = path.hasSuffix("/") ? path : path + "/"
        var visited: Set<FileEntry.Identity> = [try FileEntry(path: path).identity]
        var folders = [""]
        while let folder = folders.popLast() {
            let names = try FileEntry.names(inDirectory: root + folder)
            // In order, so that of two links to one directory it is always the same that is read.
            for name in names.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) where !name.hasPrefix(".") {
                let id = folder + name
                // A link to nothing is no document; it is counted like a file of another kind.
                guard let entry = try? FileEntry(path: root + id) else {
                    skipped[FileName(name).fileExtension, default: 0] += 1
                    continue
                }
                if entry.isDirectory {
                    if visited.insert(entry.identity).inserted { folders.append(id + "/") }
                } else if entry.isRegular, let kind = TextFileKind(fileExtension: FileName(name).fileExtension),
                    !name.lowercased().hasSuffix(".gz")
                {
                    files.append(File(path: root + id, id: id, kind: kind, entry: entry))
                } else {
                    skipped[FileName(name).fileExtension, default: 0] += 1
                }
            }
        }
        self.files = files.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
        skippedFiles = skipped
        totalBytes = files.reduce(0) { $0 + $1.entry.bytes }
    }

    /// One file, whose name is its id. Names of other kinds are read as plain text.
    init(file path: String, maxFileBytes: Int) throws(RankingError) {
        self.maxFileBytes = maxFileBytes
        let entry = try FileEntry(path: path)
        let kind = TextFileKind(fileExtension: FileName(path).fileExtension) ?? .plain
        let name = path.split(separator: "/").last.map(String.init) ?? path
        files = [File(path: path, id: name, kind: kind, entry: entry)]
        totalBytes = entry.bytes
    }

    func next() throws(RankingError) -> CorpusDocument? {
        guard position < files.count else { return nil }
        let file = files[position]
        position += 1
        let content = try TextFile.read(path: file.path, kind: file.kind, maxBytes: maxFileBytes)
        bytesRead += file.entry.bytes
        var metadata = JSONObject()
        metadata["path"] = .string(file.id)
        metadata["extension"] = .string(FileName(file.id).fileExtension)
        metadata["modified"] = .string(file.entry.modifiedDate)
        for member in content.metadata.members { metadata[member.key] = member.value }
        return CorpusDocument(
            document: IndexDocument(
                id: file.id, title: content.title ?? FileName(file.id).stem, text: content.text, metadata: metadata),
            position: SourcePosition(source: file.path))
    }
}
