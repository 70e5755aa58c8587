public import Ranking
import TextFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension RunReader {
    /// Reads a run of any size in the memory of a `CompactRun`; standard input where the path is "-". Formats and errors
    /// are those of `run(in:)`, and `notFound`.
    public func compactRun(path: String) throws(RankingError) -> CompactRun {
        let stream = try ByteStream(path: path)
        var reader = CompactRunReader(name: stream.name)
        var rest: [UInt8] = []
        while true {
            var count = 0
            var failed: RankingError?
            let block = [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, initialized in
                do throws(RankingError) {
                    count = try stream.read(into: UnsafeMutableRawBufferPointer(buffer))
                } catch {
                    failed = error
                }
                initialized = count
            }
            if let failed { throw failed }
            if count == 0 { break }
            rest += block
            rest.removeFirst(try reader.read(rest))
        }
        if !rest.isEmpty { _ = try reader.read(rest + [0x0A]) }
        return try reader.finish()
    }
}

/// Parses lines as they come. Those that are not six plain columns go through `RunReader.entry`, and its errors.
struct CompactRunReader {
    private let input: InputBytes
    private var run = CompactRun()
    private var line = 0
    private var isJSON: Bool?
    /// The query of the last line, and its place: lines of one query mostly follow each other.
    private var query: [UInt8] = []
    private var place = 0
    private static let maxLineBytes = 1 << 20

    init(name: String) { input = InputBytes(name: name, bytes: []) }

    /// Reads the whole lines; returns how many bytes these are.
    mutating func read(_ bytes: [UInt8]) throws(RankingError) -> Int {
        var start = 0
        var failed: RankingError?
        bytes.withUnsafeBufferPointer { buffer in
            do throws(RankingError) {
                while let base = buffer.baseAddress, start < buffer.count,
                    let newline = memchr(base + start, 0x0A, buffer.count - start)
                {
                    let end = UnsafeRawPointer(newline) - UnsafeRawPointer(base)
                    try read(buffer, start..<end, bytes)
                    start = end + 1
                }
            } catch {
                failed = error
            }
        }
        if let failed { throw failed }
        guard bytes.count - start <= CompactRunReader.maxLineBytes else { throw tooLong() }
        return start
    }

    private func tooLong() -> RankingError {
        input.error(
            line: line + 1, "is longer than \(CompactRunReader.maxLineBytes) bytes",
            why: "So long a line is no line of a run.", fix: "Check the input format.")
    }

    private mutating func read(
        _ buffer: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ bytes: [UInt8]
    ) throws(RankingError) {
        line += 1
        var range = range
        if line == 1, buffer[range].starts(with: [0xEF, 0xBB, 0xBF]) {
            range = range.lowerBound + 3..<range.upperBound
        }
        if let last = range.last, buffer[last] == 0x0D { range = range.lowerBound..<last }
        guard let first = range.first(where: { buffer[$0] != 0x20 && buffer[$0] != 0x09 }) else { return }
        if buffer[range.lowerBound] == UInt8(ascii: "#") { return }
        let isJSON = self.isJSON ?? (buffer[first] == UInt8(ascii: "{"))
        self.isJSON = isJSON
        if !isJSON, readPlain(buffer, range) { return }
        guard range.count <= CompactRunReader.maxLineBytes else { throw tooLong() }
        let text = InputBytes.Line(number: line, bytes: bytes[range])
        let (query, document, score) = try isJSON ? JSONLinesRun.entry(text, of: input) : entry(text)
        self.query = Array(query.utf8)
        place = run.place(of: query)
        let id = Array(document.utf8)
        id.withUnsafeBufferPointer { append($0, score) }
    }

    private func entry(
        _ line: InputBytes.Line
    ) throws(RankingError) -> (query: String, document: String, score: Double) {
        try RunReader().entry(line, of: input)
    }

    private mutating func append(_ id: UnsafeBufferPointer<UInt8>, _ score: Double) {
        run.rankings[place].ids.append(contentsOf: id)
        run.rankings[place].ends.append(UInt32(truncatingIfNeeded: run.rankings[place].ids.count))
        run.rankings[place].scores.append(score)
        run.rankings[place].lines.append(UInt32(truncatingIfNeeded: line))
    }

    /// A line of six columns in ASCII, whose score is a plain decimal number. False for any other, which is left alone.
    private mutating func readPlain(_ buffer: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Bool {
        var (queryEnd, idStart, idEnd, scoreStart, scoreEnd) = (0, 0, 0, 0, 0)
        var queryStart = range.lowerBound
        var field = 0
        var position = range.lowerBound
        var seen: UInt8 = 0
        while position < range.upperBound {
            while position < range.upperBound, CompactRunReader.isSpace(buffer[position]) { position += 1 }
            if position == range.upperBound { break }
            let start = position
            while position < range.upperBound, !CompactRunReader.isSpace(buffer[position]) {
                seen |= buffer[position]
                position += 1
            }
            switch field {
            case 0: (queryStart, queryEnd) = (start, position)
            case 2: (idStart, idEnd) = (start, position)
            case 4: (scoreStart, scoreEnd) = (start, position)
            default: break
            }
            field += 1
        }
        guard field == 6, seen < 0x80,
            let score = PlainDecimal.value(UnsafeBufferPointer(rebasing: buffer[scoreStart..<scoreEnd]))
        else { return false }
        let id = UnsafeBufferPointer(rebasing: buffer[queryStart..<queryEnd])
        if run.rankings.isEmpty || id.count != query.count || !id.elementsEqual(query) {
            query = Array(id)
            place = run.place(of: String(decoding: id, as: UTF8.self))
        }
        append(UnsafeBufferPointer(rebasing: buffer[idStart..<idEnd]), score)
        return true
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

    func finish() throws(RankingError) -> CompactRun {
        guard !run.rankings.isEmpty else { throw RunReader.noRankings(input.name) }
        try run.checkDocuments(of: input.name)
        return run
    }
}

/// Decimal numbers that are exact to compute: the nearest double, as a full parser gives it.
enum PlainDecimal {
    private static let powers: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
    ]

    /// Nil for what has an exponent, over 15 digits, or is no number. Both parts are then exact doubles, and one division
    /// rounds once (Clinger, How to read floating point numbers accurately, PLDI 1990).
    static func value(_ bytes: UnsafeBufferPointer<UInt8>) -> Double? {
        var position = 0
        let isNegative = bytes.first == UInt8(ascii: "-")
        if isNegative { position = 1 }
        var (mantissa, digits, decimals, hasPoint) = (UInt64(0), 0, 0, false)
        while position < bytes.count {
            let byte = bytes[position]
            if byte >= 0x30, byte <= 0x39 {
                mantissa = mantissa &* 10 &+ UInt64(byte - 0x30)
                digits += 1
                if hasPoint { decimals += 1 }
            } else if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                return nil
            }
            position += 1
        }
        guard digits > 0, digits <= 15, bytes.last != UInt8(ascii: ".") else { return nil }
        let value = Double(mantissa) / powers[decimals]
        return isNegative ? -value : value
    }
}
