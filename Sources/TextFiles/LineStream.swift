public import Ranking

/// The lines of a file or of standard input, one at a time, in the memory of one line; gzip is expanded.
public final class LineStream {
    /// The path, or "standard input".
    public var name: String { stream.name }
    /// The number of the line that `next` gave last, from 1.
    public private(set) var number = 0
    public let maxLineBytes: Int
    private let stream: ByteStream
    private var buffer: [UInt8] = []
    private var offset = 0
    private var isAtEnd = false

    /// Throws `notFound` where the file cannot be opened.
    public init(path: String, maxLineBytes: Int = InputBytes.defaultMaxLineBytes) throws(RankingError) {
        stream = try ByteStream(path: path)
        self.maxLineBytes = maxLineBytes
    }

    /// The share of the file that was read; nil for a pipe.
    public var progress: Double? {
        stream.totalBytes.map { $0 == 0 ? 1 : min(1, Double(stream.readBytes) / Double($0)) }
    }

    /// The next line without its ending, LF or CR LF; nil at the end. A byte order mark is no part of the first line.
    ///
    /// Throws `invalidInput` for a line that is too long, and what `ByteStream` throws.
    package func next() throws(RankingError) -> InputBytes.Line? {
        var searched = offset
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) { return try line(upTo: end, next: end + 1) }
            searched = buffer.count
            if searched - offset > maxLineBytes { throw tooLong(line: number + 1) }
            if isAtEnd { return offset < buffer.count ? try line(upTo: buffer.count, next: buffer.count) : nil }
            // What was given out is dropped before more is read.
            buffer.removeFirst(offset)
            searched -= offset
            offset = 0
            let block = try stream.next()
            isAtEnd = block.isEmpty
            buffer += block
            if number == 0, buffer.starts(with: [0xEF, 0xBB, 0xBF]) { offset = 3 }
            searched = max(searched, offset)
        }
    }

    private func line(upTo end: Int, next: Int) throws(RankingError) -> InputBytes.Line {
        number += 1
        guard end - offset <= maxLineBytes else { throw tooLong(line: number) }
        let isCRLF = end > offset && buffer[end - 1] == 0x0D
        let bytes = buffer[offset..<(isCRLF ? end - 1 : end)]
        offset = next
        return InputBytes.Line(number: number, bytes: bytes)
    }

    private func tooLong(line: Int) -> RankingError {
        RankingError(
            .invalidInput, what: "\(name), line \(line): the line is longer than \(maxLineBytes) bytes.",
            why: "So long a line is a file in another format more often than a document.",
            fix: "Check the input format, cut the line, or raise --max-line-bytes.")
    }
}
