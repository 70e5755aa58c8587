import Ranking
import TextFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The records of a file of separated values, one at a time. Memory is a block and the longest record.
///
/// RFC 4180: a field that begins with a quote ends with one, and may hold separators, line breaks and, doubled, quotes.
/// A quote inside a field that does not begin with one is a character like any other. Lines end with LF or CR LF.
/// Blank lines between records are skipped.
final class DelimitedRecords {
    struct Record {
        /// Where it begins, from 1.
        var line: Int
        var fields: [String]
    }

    let lines: LineStream
    private let separator: UInt8
    private let maxRecordBytes: Int
    /// False: a quote is always a character like any other.
    var hasQuotes = true

    init(_ lines: LineStream, separator: UInt8, maxRecordBytes: Int) {
        self.lines = lines
        self.separator = separator
        self.maxRecordBytes = maxRecordBytes
    }

    /// The next record; nil after the last one. Throws `invalidInput` for an unclosed quote, text behind a closing
    /// quote, a record that is too long, and bytes that are not UTF-8.
    func next() throws(RankingError) -> Record? {
        while true {
            var parser = RecordParser(separator: separator, hasQuotes: hasQuotes)
            var start = 0
            repeat {
                let read: Void? = try lines.next { (line) throws(RankingError) in
                    if start == 0 { start = lines.lineNumber }
                    try parser.take(line, name: lines.name, line: lines.lineNumber)
                }
                guard read != nil else {
                    guard !parser.isInQuotes else { throw unclosed(parser.quoteLine) }
                    return nil
                }
                guard parser.count <= maxRecordBytes else {
                    throw parser.isInQuotes ? unclosed(parser.quoteLine) : tooLong(start)
                }
            } while parser.isInQuotes
            if parser.isBlank { continue }
            return Record(line: start, fields: parser.fields)
        }
    }

    private func unclosed(_ line: Int) -> RankingError {
        RankingError(
            .invalidInput, what: "\(lines.name), line \(line): the quote that opens a field here is never closed.",
            why: "A field that begins with a quote ends with one; inside it, quotes are doubled.",
            fix: "Close the quote, or double the quotes inside the field.")
    }

    private func tooLong(_ line: Int) -> RankingError {
        RankingError(
            .invalidInput, what: "\(lines.name), line \(line): the record is longer than \(maxRecordBytes) bytes.",
            why: "Records so long are damage more often than a document.",
            fix: "Check the file, or raise --max-line-bytes.")
    }
}

/// Takes the lines of one record.
private struct RecordParser {
    let separator: UInt8
    let hasQuotes: Bool
    private(set) var fields: [String] = []
    /// True while the record goes on in the next line.
    private(set) var isInQuotes = false
    /// The line of the last opening quote.
    private(set) var quoteLine = 0
    /// Bytes so far.
    private(set) var count = 0
    private(set) var isBlank = true
    /// The field so far, where it began in an earlier line or has doubled quotes.
    private var field: [UInt8] = []

    init(separator: UInt8, hasQuotes: Bool) {
        self.separator = separator
        self.hasQuotes = hasQuotes
    }

    mutating func take(_ line: UnsafeRawBufferPointer, name: String, line number: Int) throws(RankingError) {
        count += line.count
        let content = line.withoutLineEnding
        if content.count > 0 { isBlank = false }
        var position = 0
        if isInQuotes {
            // A quoted field keeps its line breaks as they are.
            guard let end = try closeQuote(line, 0, name, number) else { return }
            position = end
            if position > content.count { return }
        }
        while true {
            if hasQuotes, position < content.count, content[position] == UInt8(ascii: "\"") {
                isInQuotes = true
                quoteLine = number
                guard let end = try closeQuote(line, position + 1, name, number) else { return }
                position = end
            } else {
                let end = find(separator, in: content, from: position) ?? content.count
                fields.append(try text(content[position..<end], name, number))
                position = end + 1
            }
            if position > content.count { return }
        }
    }

    /// Reads a quoted field to its end, and returns the position behind the separator after it; nil where the field
    /// goes on in the next line.
    private mutating func closeQuote(
        _ line: UnsafeRawBufferPointer, _ start: Int, _ name: String, _ number: Int
    ) throws(RankingError) -> Int? {
        var position = start
        let contentCount = line.withoutLineEnding.count
        while true {
            guard let quote = find(UInt8(ascii: "\""), in: line, from: position) else {
                field += line[position...]
                return nil
            }
            field += line[position..<quote]
            position = quote + 1
            if position < contentCount, line[position] == UInt8(ascii: "\"") {
                field.append(UInt8(ascii: "\""))
                position += 1
                continue
            }
            guard position >= contentCount || line[position] == separator else {
                throw RankingError(
                    .invalidInput, what: "\(name), line \(number): there is text behind the closing quote of a field.",
                    why: "After the quote that ends a field come the separator or the end of the line.",
                    fix: "Double the quotes that belong to the field's text.")
            }
            isInQuotes = false
            fields.append(
                try field.withUnsafeBytes { bytes in
                    Result { () throws(RankingError) in try text(bytes[...], name, quoteLine) }
                }.get())
            field.removeAll(keepingCapacity: true)
            return position + 1
        }
    }

    private func find(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
        guard start < bytes.count, let base = bytes.baseAddress,
            let found = memchr(base + start, Int32(byte), bytes.count - start)
        else { return nil }
        return UnsafeRawPointer(found) - base
    }

    private func text(
        _ bytes: Slice<UnsafeRawBufferPointer>, _ name: String, _ line: Int
    ) throws(RankingError) -> String {
        let bytes = UnsafeRawBufferPointer(rebasing: bytes)
        if let text = String(validating: bytes, as: UTF8.self) { return text }
        throw UTF8Text.error(name, line: line + (UTF8Text.firstInvalidLine(in: bytes) ?? 1) - 1)
    }
}
