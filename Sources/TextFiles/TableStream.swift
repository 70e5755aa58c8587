package import Ranking

/// The rows of a comma- or tab-separated file, one at a time (RFC 4180).
///
/// A field in double quotes can hold separators, line breaks and, doubled, quotes; a quote elsewhere stands for itself,
/// as in many files with tabs. Lines end with LF or CR LF. Blank lines are passed over.
package final class TableStream {
    package var name: String { stream.name }
    package var progress: Double? {
        stream.totalBytes.map { $0 == 0 ? 1 : min(1, Double(stream.readBytes) / Double($0)) }
    }
    /// The line that the last row begins at, from 1.
    package private(set) var line = 0

    private let stream: ByteStream
    private let separator: UInt8
    private let maxRowBytes: Int
    private var buffer: ArraySlice<UInt8> = []
    private var nextLine = 1
    private var isStarted = false

    package init(path: String, separator: UInt8, maxRowBytes: Int) throws(RankingError) {
        stream = try ByteStream(path: path)
        self.separator = separator
        self.maxRowBytes = maxRowBytes
    }

    /// The fields of the next row; nil at the end. Throws `invalidInput` for a quote that nothing closes, text after a
    /// closing quote, a row that is too long, or bytes that are not UTF-8.
    package func next() throws(RankingError) -> [String]? {
        if !isStarted {
            isStarted = true
            buffer = try stream.next()
            while buffer.count < 3, case let more = try stream.next(), !more.isEmpty { buffer += more }
            if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { buffer = buffer.dropFirst(3) }
        }
        while true {
            line = nextLine
            guard let row = try row() else { return nil }
            if row != [""] { return row }
        }
    }

    private enum State {
        case fieldStart, plain, quoted, afterQuote
    }

    private func row() throws(RankingError) -> [String]? {
        var fields: [String] = []
        var field: [UInt8] = []
        var state = State.fieldStart
        var size = 0
        while true {
            guard let byte = try nextByte() else {
                if state == .quoted {
                    throw error(
                        "has a quote that nothing closes", fix: "Close the quote, or double it inside a quoted field.")
                }
                if size == 0 { return nil }
                fields.append(try text(field))
                return fields
            }
            size += 1
            guard size <= maxRowBytes else {
                throw error(
                    "begins a row of more than \(maxRowBytes) bytes",
                    fix: "A quote may be missing; or raise --max-line-bytes.")
            }
            if byte == 0x0A { nextLine += 1 }
            switch (state, byte) {
            case (.fieldStart, UInt8(ascii: "\"")): state = .quoted
            case (.quoted, UInt8(ascii: "\"")): state = .afterQuote
            case (.quoted, _): field.append(byte)
            case (.afterQuote, UInt8(ascii: "\"")):
                field.append(byte)
                state = .quoted
            case (_, separator):
                fields.append(try text(field))
                field.removeAll(keepingCapacity: true)
                state = .fieldStart
            case (_, 0x0A):
                if field.last == 0x0D, state != .afterQuote { field.removeLast() }
                fields.append(try text(field))
                return fields
            case (.afterQuote, 0x0D): continue
            case (.afterQuote, _):
                throw error("has text after a closing quote", fix: "Double the quotes inside a quoted field.")
            case (.fieldStart, _), (.plain, _):
                field.append(byte)
                state = .plain
            }
        }
    }

    private func nextByte() throws(RankingError) -> UInt8? {
        if let byte = buffer.popFirst() { return byte }
        buffer = try stream.next()
        return buffer.popFirst()
    }

    private func text(_ bytes: [UInt8]) throws(RankingError) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw error("is not valid UTF-8", fix: "Convert it, for example with: iconv -f LATIN1 -t UTF-8.")
        }
        return text
    }

    package func error(_ problem: String, fix: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\(name), line \(line): the row \(problem).",
            why: "The file is read as a table with \(separator == 0x09 ? "tabs" : "commas") between its fields.",
            fix: fix)
    }
}
