import OrderedJSON
import Ranking
import Retrieval
import TextFiles

/// Documents of a table: a row each. The first row names the columns.
///
/// A table of two columns whose first row does not name an id and a text column has no header: its columns are the id
/// and the text, as in MS MARCO's collection.tsv; unless the names of fields were given.
final class TableCorpus: CorpusFile {
    private let rows: TableStream
    private let fields: CorpusFields
    private var columns: [String] = []
    private var first: [String]?
    private var isStarted = false
    private var number = 0

    init(path: String, fields: CorpusFields, maxLineBytes: Int) throws(RankingError) {
        let name = path.lowercased()
        let isTabs = name.hasSuffix(".tsv") || name.hasSuffix(".tsv.gz")
        rows = try TableStream(path: path, separator: isTabs ? 0x09 : UInt8(ascii: ","), maxRowBytes: maxLineBytes)
        self.fields = fields
    }

    var position: String { "\(rows.name), line \(max(1, rows.line))" }
    var progress: Double? { rows.progress }

    func next() throws(RankingError) -> IndexDocument? {
        if !isStarted {
            isStarted = true
            try readHeader()
        }
        var next = first
        first = nil
        if next == nil { next = try rows.next() }
        guard let row = next else { return nil }
        guard row.count == columns.count else {
            throw rows.error(
                "has \(row.count) fields",
                fix: "Write \(columns.count) fields, as the first row has; quote those with separators.")
        }
        number += 1
        var object = JSONObject()
        // An empty field is none.
        for (column, value) in zip(columns, row) where !value.isEmpty { object[column] = .string(value) }
        if object[fields.text] == nil { object[fields.text] = .string("") }
        let file = rows.name.split(separator: "/").last.map(String.init) ?? rows.name
        return try fields.document(object, position: position, number: "\(file):\(number)")
    }

    private func readHeader() throws(RankingError) {
        guard let row = try rows.next() else { return }
        let idNames = fields.id.map { [$0] } ?? ["_id", "id"]
        let hasID = row.contains { idNames.contains($0) } || fields.numbersDocuments
        if hasID, row.contains(fields.text) {
            guard Set(row).count == row.count else {
                throw rows.error("names a column twice", fix: "Give each column a name of its own.")
            }
            columns = row
        } else if row.count == 2, fields == CorpusFields() {
            columns = [idNames[0], fields.text]
            first = row
        } else {
            throw rows.error(
                "names the columns \(row.joined(separator: ", ")), and none of them is the \(hasID ? "text (\"\(fields.text)\")" : "id (\(idNames.joined(separator: " or ")))")",
                fix: "Say which columns they are: --id-field NAME --text-field NAME.")
        }
    }
}
