package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The lines of a file or of standard input, one at a time. Memory is a block and the longest line.
///
/// A byte order mark in front is no part of the first line.
package final class LineStream {
    package let bytes: ByteStream
    /// Of the line that `next` gave last, from 1.
    package private(set) var lineNumber = 0
    private let maxLineBytes: Int
    private var buffer: [UInt8]
    /// The part of `buffer` that was read and not given yet.
    private var waiting = 0..<0
    private var hasReachedEnd = false

    package var name: String { bytes.name }

    package init(_ bytes: ByteStream, maxLineBytes: Int) throws(RankingError) {
        self.bytes = bytes
        self.maxLineBytes = max(1, maxLineBytes)
        buffer = [UInt8](repeating: 0, count: ByteStream.blockBytes)
        while waiting.count < 3, !hasReachedEnd { try fill() }
        if buffer[waiting].starts(with: [0xEF, 0xBB, 0xBF]) { waiting = waiting.lowerBound + 3..<waiting.upperBound }
    }

    /// Calls `body` with the next line, its ending (LF or CR LF) included where there is one; nil after the last line.
    ///
    /// The bytes are valid during the call only. Throws what `body` throws, `invalidInput` for a line that is too
    /// long, and what ByteStream throws.
    package func next<Value>(
        _ body: (UnsafeRawBufferPointer) throws(RankingError) -> Value
    ) throws(RankingError) -> Value? {
        guard let line = try nextRange() else { return nil }
        lineNumber += 1
        return try buffer.withUnsafeBytes { bytes in
            Result { () throws(RankingError) in try body(UnsafeRawBufferPointer(rebasing: bytes[line])) }
        }.get()
    }

    /// The bytes that come next, whatever lines they belong to; nil at the end. Line numbers are not kept.
    package func nextBlock() throws(RankingError) -> [UInt8]? {
        if waiting.isEmpty { try fill() }
        guard !waiting.isEmpty else { return nil }
        let block = Array(buffer[waiting])
        waiting = waiting.upperBound..<waiting.upperBound
        return block
    }

    /// The first byte that is not white space, without taking anything; nil where there is none in the first block.
    package func firstByte() throws(RankingError) -> UInt8? {
        while true {
            if let byte = buffer[waiting].first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) { return byte }
            guard !hasReachedEnd, waiting.count < ByteStream.blockBytes else { return nil }
            try fill()
        }
    }

    private func nextRange() throws(RankingError) -> Range<Int>? {
        var searched = 0
        while true {
            if let end = lineEnd(after: waiting.lowerBound + searched) {
                let line = waiting.lowerBound..<end
                try check(line.count)
                waiting = end..<waiting.upperBound
                return line
            }
            try check(waiting.count)
            if hasReachedEnd {
                let line = waiting
                waiting = waiting.upperBound..<waiting.upperBound
                return line.isEmpty ? nil : line
            }
            searched = waiting.count
            try fill()
        }
    }

    /// The position behind the next line feed.
    private func lineEnd(after start: Int) -> Int? {
        let end = waiting.upperBound
        return buffer.withUnsafeBytes { bytes in
            guard start < end, let base = bytes.baseAddress, let found = memchr(base + start, 0x0A, end - start) else {
                return nil
            }
            return UnsafeRawPointer(found) - base + 1
        }
    }

    private func check(_ count: Int) throws(RankingError) {
        // The ending, two bytes at most, is no part of the line.
        guard count <= maxLineBytes + 2 else {
            throw RankingError(
                .invalidInput, what: "\(name), line \(lineNumber + 1): the line is longer than \(maxLineBytes) bytes.",
                why: "Lines so long are a file in another format more often than a document.",
                fix: "Check the input format, cut the line, or raise --max-line-bytes.")
        }
    }

    private func fill() throws(RankingError) {
        makeRoom()
        let free = waiting.upperBound..<buffer.count
        let count = try buffer.withUnsafeMutableBytes { target in
            Result { () throws(RankingError) in
                try bytes.read(into: UnsafeMutableRawBufferPointer(rebasing: target[free]))
            }
        }.get()
        hasReachedEnd = count == 0
        waiting = waiting.lowerBound..<waiting.upperBound + count
    }

    /// Moves what waits to the front; doubles the buffer where a line fills more than half of it.
    private func makeRoom() {
        if waiting.lowerBound > 0 {
            let rest = waiting
            buffer.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress, !rest.isEmpty else { return }
                memmove(base, base + rest.lowerBound, rest.count)
            }
            waiting = 0..<rest.count
        }
        if waiting.count > buffer.count / 2 { buffer += [UInt8](repeating: 0, count: buffer.count) }
    }
}

extension UnsafeRawBufferPointer {
    /// A line without its LF or CR LF.
    package var withoutLineEnding: UnsafeRawBufferPointer {
        var end = count
        if end > 0, self[end - 1] == 0x0A {
            end -= 1
            if end > 0, self[end - 1] == 0x0D { end -= 1 }
        } else if end > 0, self[end - 1] == 0x0D {
            end -= 1
        }
        return UnsafeRawBufferPointer(rebasing: self[..<end])
    }

    /// True for spaces and tabs only.
    package var isBlank: Bool { allSatisfy { $0 == 0x20 || $0 == 0x09 } }
}
