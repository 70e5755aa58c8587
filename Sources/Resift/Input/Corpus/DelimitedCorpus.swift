import OrderedJSON
import Ranking
import Retrieval
import TextFiles

/// Documents of a CSV or TSV file, one a record.
///
/// - The first record of a CSV file names the columns. That of a TSV file does if it names the columns of the id and
///   of the text; otherwise the file has no header, two columns (id and text), and quotes mean nothing, as in MS
///   MARCO's collection.tsv.
/// - A record is read as an object whose values are strings; empty cells but the text are left out.
/// - A record with more or fewer fields than the header is an error.
final class DelimitedCorpus: CorpusSource {
    private let records: DelimitedRecords
    private let fields: CorpusFields
    private let format: CorpusFormat
    private var columns: [String] = []
    private var hasHeader = true
    private var hasStarted = false
    private var number = 0

    var bytesRead: Int { records.lines.bytes.bytesRead }

    init(_ lines: LineStream, format: CorpusFormat, fields: CorpusFields, maxRecordBytes: Int) {
        self.fields = fields
        self.format = format
        records = DelimitedRecords(
            lines, separator: format == .tsv ? 0x09 : UInt8(ascii: ","), maxRecordBytes: maxRecordBytes)
        // A TSV file's quotes count once its first record has turned out to be a header.
        records.hasQuotes = format == .csv
    }

    func next() throws(RankingError) -> CorpusDocument? {
        guard let record = try records.next() else { return nil }
        if !hasStarted {
            hasStarted = true
            if try takeHeader(record) { return try next() }
        }
        let position = SourcePosition(source: records.lines.name, line: record.line)
        number += 1
        guard record.fields.count == columns.count else {
            throw RankingError(
                .invalidInput,
                what: "\(position): the record has \(record.fields.count) fields, not \(columns.count).",
                why: hasHeader
                    ? "The header names the columns \(columns.joined(separator: ", "))."
                    : "A TSV file without a header that names the id and the text is read as id<TAB>text.",
                fix: hasHeader
                    ? "Put quotes around fields that hold a separator, a quote or a line break."
                    : "Write a header row, for example id<TAB>title<TAB>text, or two columns.")
        }
        if !hasHeader { return try pair(record, at: position) }
        var object = JSONObject()
        for (column, value) in zip(columns, record.fields) where !value.isEmpty || column == fields.text {
            object[column] = .string(value)
        }
        return CorpusDocument(
            document: try fields.document(from: object, number: number, at: position), position: position)
    }

    private func pair(_ record: DelimitedRecords.Record, at position: SourcePosition) throws(RankingError)
        -> CorpusDocument
    {
        guard !record.fields[0].isEmpty else {
            throw position.error("has an empty id", why: "It is read as id<TAB>text.", fix: "Give it an id.")
        }
        return CorpusDocument(
            document: IndexDocument(id: record.fields[0], text: record.fields[1]), position: position)
    }

    /// True if the first record is a header.
    private func takeHeader(_ record: DelimitedRecords.Record) throws(RankingError) -> Bool {
        var names = record.fields
        if format == .tsv {
            // Headers with quoted names exist, though not many.
            names = names.map {
                $0.count > 1 && $0.hasPrefix("\"") && $0.hasSuffix("\"") ? String($0.dropFirst().dropLast()) : $0
            }
        }
        let namesID = names.contains { fields.isID($0) }
        let namesText = names.contains(fields.text)
        hasHeader = format == .csv || (namesText && (namesID || fields.numbersDocuments))
        guard hasHeader else {
            if namesID || namesText { throw halfHeader(record, missing: namesID ? "text" : "id") }
            columns = ["id", "text"]
            return false
        }
        records.hasQuotes = true
        columns = names
        var seen: Set<[UInt8]> = []
        for column in columns {
            guard seen.insert(Array(column.utf8)).inserted else {
                throw RankingError(
                    .invalidInput,
                    what: "\(records.lines.name), line \(record.line): the header names \"\(column)\" twice.",
                    why: "Two columns of one name cannot be told apart.", fix: "Give each column a name of its own.")
            }
        }
        if format == .csv, !namesID, !fields.numbersDocuments { throw halfHeader(record, missing: "id") }
        return true
    }

    private func halfHeader(_ record: DelimitedRecords.Record, missing: String) -> RankingError {
        let names = record.fields.prefix(20).map { $0.count > 40 ? $0.prefix(40) + "..." : $0 }
        return RankingError(
            .invalidInput,
            what: "\(records.lines.name), line \(record.line): the header has no column for the \(missing).",
            why: "Its columns are: \(names.joined(separator: ", ")).",
            fix: missing == "text"
                ? "Name the column with --text-field."
                : "Name the column with --id-field, or number the documents with --number-documents.")
    }
}
