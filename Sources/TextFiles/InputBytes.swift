public import Ranking

/// The whole of a file or of standard input, decompressed where it is gzip, and its lines.
public struct InputBytes: Sendable {
    /// The path, or "standard input".
    public let name: String
    public let bytes: [UInt8]

    /// Longer lines are refused: they are a file in another format more often than a document.
    public static let defaultMaxLineBytes = 64 << 20

    public init(name: String, bytes: [UInt8]) {
        self.name = name
        // A byte order mark is no part of the first line.
        self.bytes = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    }

    /// Reads a file, or standard input where the path is "-". Gzip is recognised by its first bytes and decompressed.
    public static func read(path: String) throws(RankingError) -> InputBytes {
        let stream = try ByteStream(path: path)
        var bytes: [UInt8] = []
        var count = 1
        while count > 0 {
            let block = try block(from: stream)
            count = block.count
            bytes += block
        }
        return InputBytes(name: stream.name, bytes: bytes)
    }

    private static func block(from stream: ByteStream) throws(RankingError) -> [UInt8] {
        var block = [UInt8](repeating: 0, count: 1 << 20)
        let count = try block.withUnsafeMutableBytes { buffer in
            Result { () throws(RankingError) in try stream.read(into: buffer) }
        }.get()
        block.removeSubrange(count...)
        return block
    }

    /// A line without its ending, and its number from 1.
    package struct Line {
        package var number: Int
        package var bytes: ArraySlice<UInt8>

        package init(number: Int, bytes: ArraySlice<UInt8>) {
            self.number = number
            self.bytes = bytes
        }

        package var isBlank: Bool { bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 } }
    }

    /// Lines end with LF or CR LF; the end of the file needs none.
    package func lines(maxBytes: Int) throws(RankingError) -> [Line] {
        var lines: [Line] = []
        var start = 0
        while start < bytes.count {
            var end = bytes[start...].firstIndex(of: 0x0A) ?? bytes.count
            let next = end + 1
            guard end - start <= maxBytes else {
                throw error(
                    line: lines.count + 1, "is \(end - start) bytes long",
                    why: "The limit is \(maxBytes) bytes a line.",
                    fix: "Check the input format, cut the line, or raise --max-line-bytes.")
            }
            if end > start, bytes[end - 1] == 0x0D { end -= 1 }
            lines.append(Line(number: lines.count + 1, bytes: bytes[start..<end]))
            start = next
        }
        return lines
    }

    /// The texts of all lines. Throws `invalidInput` for a line that is too long or not UTF-8.
    public func textLines(maxBytes: Int = defaultMaxLineBytes) throws(RankingError) -> [String] {
        var texts: [String] = []
        for line in try lines(maxBytes: maxBytes) { texts.append(try text(line)) }
        return texts
    }

    /// The text of a line, which has to be UTF-8.
    package func text(_ line: Line) throws(RankingError) -> String {
        guard let text = String(validating: line.bytes, as: UTF8.self) else {
            throw error(
                line: line.number, "is not valid UTF-8", why: "The file is in another encoding, or not text.",
                fix: "Convert it, for example with: iconv -f LATIN1 -t UTF-8.")
        }
        return text
    }

    package func error(
        line: Int, _ problem: String, why: String, fix: String, cause: (any Error)? = nil
    ) -> RankingError {
        RankingError(
            .invalidInput, what: "\(name), line \(line): the line \(problem).", why: why, fix: fix, cause: cause)
    }
}
