package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The bytes of a file or of standard input, block by block, decompressed where they are gzip.
///
/// Gzip is recognised by its first two bytes, not by the name. Memory is two blocks, whatever the size of the file.
package final class ByteStream {
    /// The path, or "standard input".
    package let name: String
    /// Of a regular file: its size on disk. Nil for standard input and pipes.
    package let totalBytes: Int?
    /// Bytes taken from the file so far, before decompression.
    package private(set) var bytesRead = 0

    private let descriptor: Int32
    private let closesDescriptor: Bool
    private var inflater: GzipInflater?
    /// Bytes of the file that were read and not passed on yet: `waiting` of `block`.
    private var block: [UInt8]
    private var waiting = 0..<0
    private var hasReachedEnd = false

    package static let blockBytes = 1 << 18

    /// Opens a file, or standard input where the path is "-".
    package init(path: String) throws(RankingError) {
        closesDescriptor = path != "-"
        name = closesDescriptor ? path : "standard input"
        descriptor = closesDescriptor ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO
        guard descriptor >= 0 else { throw ByteStream.unreadable(name) }
        totalBytes = ByteStream.size(of: descriptor)
        block = [UInt8](repeating: 0, count: ByteStream.blockBytes)
        try fill()
        // A pipe may hand over a single byte first.
        if waiting.count == 1, block[0] == 0x1F { try fill() }
        if block[waiting].starts(with: [0x1F, 0x8B]) {
            guard let inflater = GzipInflater() else {
                throw RankingError(
                    .invalidInput, what: "\(name) cannot be decompressed.", why: "zlib has no memory.",
                    fix: "Free some memory and try again.")
            }
            self.inflater = inflater
        }
    }

    deinit { if closesDescriptor { close(descriptor) } }

    /// Puts the next bytes into `buffer` and returns how many; 0 at the end, and only there.
    ///
    /// Throws `notFound` where reading fails, and `corruptFile` for gzip data that are damaged or cut off.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws(RankingError) -> Int {
        guard !buffer.isEmpty else { return 0 }
        while true {
            if waiting.isEmpty { try fill() }
            if waiting.isEmpty {
                guard inflater?.isComplete ?? true else {
                    throw damaged("is cut off: the gzip data end in the middle", after: bytesRead)
                }
                return 0
            }
            let count = inflater == nil ? copy(into: buffer) : try decompress(into: buffer)
            if count > 0 { return count }
        }
    }

    private func copy(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, waiting.count)
        block.withUnsafeBytes { bytes in
            buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[waiting.lowerBound..<waiting.lowerBound + count]))
        }
        waiting = waiting.lowerBound + count..<waiting.upperBound
        return count
    }

    private func decompress(into buffer: UnsafeMutableRawBufferPointer) throws(RankingError) -> Int {
        guard let inflater else { return 0 }
        let result = block.withUnsafeBytes { bytes in
            Result { () throws(GzipInflater.Problem) in
                try inflater.inflate(UnsafeRawBufferPointer(rebasing: bytes[waiting]), into: buffer)
            }
        }
        switch result {
        case .success((let read, let written)):
            waiting = waiting.lowerBound + read..<waiting.upperBound
            return written
        case .failure(.damaged(let message)):
            throw damaged("has damaged gzip data (\(message))", after: bytesRead - waiting.count)
        }
    }

    /// Appends what the file gives next to the bytes that wait.
    private func fill() throws(RankingError) {
        if waiting.isEmpty { waiting = 0..<0 }
        let free = waiting.upperBound..<block.count
        guard !hasReachedEnd, !free.isEmpty else { return }
        let count = block.withUnsafeMutableBytes { bytes in
            readOnce(descriptor, into: UnsafeMutableRawBufferPointer(rebasing: bytes[free]))
        }
        guard count >= 0 else { throw ByteStream.unreadable(name) }
        hasReachedEnd = count == 0
        bytesRead += count
        waiting = waiting.lowerBound..<waiting.upperBound + count
    }

    private func damaged(_ problem: String, after byte: Int) -> RankingError {
        RankingError(
            .corruptFile, what: "\(name) \(problem), near byte \(byte) of the compressed file.",
            why: "The file was not written or copied to its end, or was changed on the way.",
            fix: "Check it with gunzip -t, and copy or download it again.")
    }

    /// The size of a regular file; nil for everything else.
    private static func size(of descriptor: Int32) -> Int? {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return nil }
        return Int(status.st_size)
    }

    static func unreadable(_ name: String) -> RankingError {
        RankingError(
            .notFound, what: "\(name) cannot be read.", why: "\(String(cString: strerror(errno))).",
            fix: "Check the path and its permissions.")
    }
}

/// read(2), again where a signal interrupted it.
private func readOnce(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    var count = 0
    repeat { count = read(descriptor, buffer.baseAddress, buffer.count) } while count < 0 && errno == EINTR
    return count
}
