import OrderedJSON
import Ranking
import TextFiles

/// The kinds of files that are read as one document each.
enum TextFileKind {
    case plain
    case markdown
    case html

    /// By the extension in lower case; nil for other kinds.
    init?(fileExtension: String) {
        switch fileExtension {
        case "txt", "text": self = .plain
        case "md", "markdown": self = .markdown
        case "html", "htm", "xhtml": self = .html
        default: return nil
        }
    }
}

/// A file that is one document.
struct TextFile {
    /// Nil where the file has none of its own.
    var title: String?
    var text: String
    var metadata = JSONObject()

    /// Throws `invalidInput` for a file that is too long or not UTF-8, and what ByteStream throws.
    static func read(path: String, kind: TextFileKind, maxBytes: Int) throws(RankingError) -> TextFile {
        let input = InputBytes(name: path, bytes: try bytes(path: path, maxBytes: maxBytes))
        switch kind {
        case .plain: return TextFile(text: try text(input))
        case .markdown: return MarkdownFile.read(try text(input))
        case .html: return try HTMLFile.read(input)
        }
    }

    /// The whole file, which has to be UTF-8.
    static func text(_ input: InputBytes) throws(RankingError) -> String {
        if let text = String(validating: input.bytes, as: UTF8.self) { return text }
        throw UTF8Text.error(input.name, line: input.bytes.withUnsafeBytes { UTF8Text.firstInvalidLine(in: $0) } ?? 1)
    }

    private static func bytes(path: String, maxBytes: Int) throws(RankingError) -> [UInt8] {
        let stream = try ByteStream(path: path)
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: ByteStream.blockBytes)
        while true {
            let count = try block.withUnsafeMutableBytes { buffer in
                Result { () throws(RankingError) in try stream.read(into: buffer) }
            }.get()
            if count == 0 { return bytes }
            bytes += block[..<count]
            guard bytes.count <= maxBytes else {
                throw RankingError(
                    .invalidInput, what: "\(path) is longer than \(maxBytes) bytes.",
                    why: "A text file is one document, and this one would not be read by anybody.",
                    fix: "Split it, name its format if it holds many documents (--format), or raise --max-line-bytes.")
            }
        }
    }
}
