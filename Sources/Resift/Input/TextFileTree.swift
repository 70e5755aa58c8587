import OrderedJSON
import Ranking
import Retrieval
import TextFiles

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The text, Markdown and HTML files of a directory and of those in it, by the bytes of their paths.
///
/// A document's id is its path inside the directory. Its title is a page's `title`, the first heading of a Markdown
/// file, or else the file's name. Metadata are `path`, `extension` and `modified`. Hidden files are passed over, symbolic
/// links are not followed; files of other kinds are counted.
final class TextFileTree: CorpusFile {
    private let directory: String
    private var paths: ArraySlice<String>
    private let count: Int
    private var current = ""
    /// Files of other kinds, by extension.
    private(set) var skipped: [String: Int] = [:]

    private enum Kind: String {
        case txt, text, md, markdown, html, htm
    }

    init(path: String) throws(RankingError) {
        directory = path
        var found: [String] = []
        var skipped: [String: Int] = [:]
        try TextFileTree.walk(directory, "") { file in
            let suffix = file.split(separator: "/").last.map(TextFileTree.suffix) ?? ""
            if Kind(rawValue: suffix) != nil { found.append(file) } else { skipped[suffix, default: 0] += 1 }
        }
        found.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        paths = found[...]
        count = found.count
        self.skipped = skipped
        guard count > 0 else {
            throw RankingError(
                .invalidInput, what: "\(path) has no text, Markdown or HTML files, and no corpus.jsonl.",
                why: "It has \(skipped.values.reduce(0, +)) files of other kinds.",
                fix: "Name a directory with .txt, .md or .html files, or the corpus file itself.")
        }
    }

    /// Of the files that are not read yet.
    var filePaths: [String] { paths.map { "\(directory)/\($0)" } }

    var position: String { "\(directory)/\(current)" }
    var progress: Double? { count == 0 ? 1 : Double(count - paths.count) / Double(count) }

    func next() throws(RankingError) -> IndexDocument? {
        guard let path = paths.popFirst() else { return nil }
        current = path
        let bytes = try InputBytes.read(path: position).bytes
        let name = path.split(separator: "/").last.map(String.init) ?? path
        var metadata = JSONObject()
        metadata["path"] = .string(path)
        metadata["extension"] = .string(TextFileTree.suffix(name[...]))
        if let modified = modified() { metadata["modified"] = .string(modified) }
        switch Kind(rawValue: TextFileTree.suffix(name[...])) {
        case .html, .htm:
            let page = HTMLText(bytes)
            let title = page?.title ?? ""
            return IndexDocument(
                id: path, title: title.isEmpty ? name : title, text: page?.text ?? "", metadata: metadata)
        case .md, .markdown:
            let text = try text(bytes)
            return IndexDocument(
                id: path, title: TextFileTree.heading(text) ?? name, text: text, metadata: metadata)
        default: return IndexDocument(id: path, title: name, text: try text(bytes), metadata: metadata)
        }
    }

    private func text(_ bytes: [UInt8]) throws(RankingError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw RankingError(
                .invalidInput, what: "\(position) is not valid UTF-8.", why: "It is in another encoding, or not text.",
                fix: "Convert it, for example with: iconv -f LATIN1 -t UTF-8.")
        }
        return text
    }

    private func modified() -> String? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: position)
        guard let date = attributes?[.modificationDate] as? Date else { return nil }
        return date.formatted(.iso8601)
    }

    /// The first line that begins with #, without it.
    private static func heading(_ text: String) -> String? {
        for line in text.split(whereSeparator: \.isNewline) where line.hasPrefix("#") {
            let heading = line.drop { $0 == "#" }
            guard heading.first?.isWhitespace == true else { continue }
            return heading.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        }
        return nil
    }

    /// In lower case, without the dot; empty where there is none.
    private static func suffix(_ name: Substring) -> String {
        guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    /// Calls `body` with the path of every regular file, relative to the root.
    private static func walk(
        _ root: String, _ inside: String, _ body: (String) -> Void
    ) throws(RankingError) {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: inside.isEmpty ? root : "\(root)/\(inside)")
        } catch {
            throw RankingError(
                .notFound, what: "The directory \(root)/\(inside) cannot be read.", why: "\(error)",
                fix: "Check its permissions.", cause: error)
        }
        for name in names where !name.hasPrefix(".") {
            let path = inside.isEmpty ? name : "\(inside)/\(name)"
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(root)/\(path)")
            switch attributes?[.type] as? FileAttributeType {
            case .typeRegular?: body(path)
            case .typeDirectory?: try walk(root, path, body)
            default: continue
            }
        }
    }
}
