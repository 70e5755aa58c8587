import OrderedJSON
import Ranking
import TextFiles

/// JSON Lines (an object or a string a line, blank lines skipped), or one JSON array of objects and strings.
///
/// Which of the two is told by the first byte: no line of JSON Lines that is a document begins with "[".
final class JSONCorpus: CorpusSource {
    private let lines: LineStream
    private let fields: CorpusFields
    private let array: JSONArrayStream?
    private var number = 0

    var bytesRead: Int { lines.bytes.bytesRead }

    init(_ lines: LineStream, fields: CorpusFields, maxItemBytes: Int) throws(RankingError) {
        self.lines = lines
        self.fields = fields
        array = try lines.firstByte() == UInt8(ascii: "[") ? JSONArrayStream(lines, maxItemBytes: maxItemBytes) : nil
    }

    func next() throws(RankingError) -> CorpusDocument? {
        if let array {
            guard let item = try array.next() else { return nil }
            return try document(item.bytes, line: item.line)
        }
        while true {
            let step = try lines.next { (line) throws(RankingError) -> CorpusDocument? in
                let content = line.withoutLineEnding
                return content.isBlank ? nil : try document(content, line: lines.lineNumber)
            }
            // Nil: the end. A line that holds nil: a blank one.
            guard let step else { return nil }
            if let document = step { return document }
        }
    }

    private func document(_ bytes: [UInt8], line: Int) throws(RankingError) -> CorpusDocument {
        try bytes.withUnsafeBytes { buffer in
            Result { () throws(RankingError) in try document(buffer, line: line) }
        }.get()
    }

    private func document(_ bytes: UnsafeRawBufferPointer, line: Int) throws(RankingError) -> CorpusDocument {
        let position = SourcePosition(source: lines.name, line: line)
        number += 1
        let value: JSONValue
        do {
            value = try JSONValue.parse(bytes)
        } catch {
            throw broken(bytes, error, firstLine: line)
        }
        switch value {
        case .object(let object):
            return CorpusDocument(
                document: try fields.document(from: object, number: number, at: position), position: position)
        case .string(let text):
            return CorpusDocument(
                document: try fields.document(text: text, number: number, at: position), position: position)
        default:
            throw position.error(
                "is neither an object nor a string", why: "This is another kind of JSON value.",
                fix: "Write one object a document: {\"id\": \"1\", \"title\": \"...\", \"text\": \"...\"}.")
        }
    }

    private func broken(_ bytes: UnsafeRawBufferPointer, _ error: JSONError, firstLine: Int) -> RankingError {
        // A JSON error in bytes that are no text would blame the wrong thing.
        if let line = UTF8Text.firstInvalidLine(in: bytes) {
            return UTF8Text.error(lines.name, line: firstLine + line - 1)
        }
        return RankingError(
            .invalidInput,
            what: "\(lines.name), line \(firstLine + error.line - 1): "
                + "the line is not valid JSON: \(error.message) at column \(error.column).",
            why: array == nil ? "It is read as JSON Lines, one value a line." : "It is read as one JSON array.",
            fix: "Correct the line, or name the format if it is another (--format csv, tsv or text).", cause: error)
    }
}
