import OrderedJSON
import Ranking
import Retrieval
import TextFiles

/// Objects of JSON Lines, or of one JSON array. An array is read whole.
final class JSONCorpus: CorpusFile {
    private let lines: LineStream
    private let fields: CorpusFields
    private var array: ArraySlice<JSONValue>?
    private var item = 0
    private var isStarted = false

    init(path: String, fields: CorpusFields, maxLineBytes: Int) throws(RankingError) {
        lines = try LineStream(path: path, maxLineBytes: maxLineBytes)
        self.fields = fields
    }

    var position: String {
        array == nil ? "\(lines.name), line \(max(1, lines.number))" : "\(lines.name), item \(item - 1)"
    }

    var progress: Double? { lines.progress }

    func next() throws(RankingError) -> IndexDocument? {
        if array != nil { return try nextItem() }
        while let line = try lines.next() {
            if line.isBlank { continue }
            if !isStarted {
                isStarted = true
                if line.bytes.first(where: { $0 != 0x20 && $0 != 0x09 }) == UInt8(ascii: "[") {
                    try readArray(from: line)
                    return try nextItem()
                }
            }
            return try document(parse(line.bytes, line: line.number), number: line.number)
        }
        return nil
    }

    private func nextItem() throws(RankingError) -> IndexDocument? {
        guard let value = array?.popFirst() else { return nil }
        item += 1
        return try document(value, number: item - 1)
    }

    /// The whole file is one array, which can have line breaks anywhere.
    private func readArray(from first: InputBytes.Line) throws(RankingError) {
        var bytes = Array(first.bytes)
        while let line = try lines.next() {
            bytes.append(0x0A)
            bytes += line.bytes
        }
        guard case .array(let items) = try parse(bytes[...], line: first.number) else {
            throw error("does not hold a JSON array", fix: "Write one JSON object a line.")
        }
        array = items[...]
    }

    private func document(_ value: JSONValue, number: Int) throws(RankingError) -> IndexDocument {
        guard case .object(let object) = value else {
            throw error("holds no JSON object", fix: "Write {\"_id\": \"...\", \"title\": \"...\", \"text\": \"...\"}.")
        }
        let file = lines.name.split(separator: "/").last.map(String.init) ?? lines.name
        return try fields.document(object, position: position, number: "\(file):\(number)")
    }

    private func parse(_ bytes: ArraySlice<UInt8>, line: Int) throws(RankingError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue.parse(Array(bytes))
        } catch {
            throw RankingError(
                .invalidInput,
                what:
                    "\(lines.name), line \(line + error.line - 1): this is not valid JSON: \(error.message) at column \(error.column).",
                why: "The file is read as JSON Lines: one object a line.",
                fix: "Correct the line. Tables are read from files named .csv or .tsv.", cause: error)
        }
    }

    private func error(_ problem: String, fix: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\(position): the line \(problem).", why: "Every document is a JSON object.", fix: fix)
    }
}
