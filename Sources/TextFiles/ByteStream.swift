import CZlib
package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The bytes of a file or of standard input, a block at a time; what is compressed with gzip is expanded.
///
/// Gzip is recognised by its first two bytes, whatever the file is called, and may have several members. Not for several
/// threads.
package final class ByteStream {
    /// The path, or "standard input".
    package let name: String
    /// Of the file as it is stored; nil for a pipe.
    package let totalBytes: Int?
    /// How many of these were read.
    package private(set) var readBytes = 0

    private static let blockSize = 1 << 18

    private let descriptor: Int32
    private let ownsDescriptor: Bool
    /// What was read and not expanded yet.
    private var stored: [UInt8] = []
    private var storedOffset = 0
    private var isAtEnd = false
    private var inflater: Inflater?
    private var isStarted = false

    /// Opens a file, or standard input where the path is "-". Throws `notFound`.
    package init(path: String) throws(RankingError) {
        let isStandardInput = path == "-"
        name = isStandardInput ? "standard input" : path
        descriptor = isStandardInput ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
        ownsDescriptor = !isStandardInput
        var status = stat()
        guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
            throw ByteStream.unreadable(name)
        }
        totalBytes = status.st_mode & S_IFMT == S_IFREG ? Int(status.st_size) : nil
    }

    deinit { if ownsDescriptor, descriptor >= 0 { close(descriptor) } }

    /// The next bytes; none at the end. Throws `notFound` where the file cannot be read, `corruptFile` where the gzip
    /// data is damaged or ends too early.
    package func next() throws(RankingError) -> ArraySlice<UInt8> {
        if !isStarted {
            isStarted = true
            // Two bytes tell; a pipe may give them one at a time.
            while stored.count < 2, try refill() {}
            if stored.starts(with: [0x1F, 0x8B]) { inflater = try Inflater(name) }
        }
        guard let inflater else {
            if stored.isEmpty, try !refill() { return [] }
            defer { stored = [] }
            return stored[...]
        }
        while true {
            // zlib can hold output back that did not fit, with all input taken.
            if storedOffset == stored.count, !inflater.hasMoreOutput {
                (stored, storedOffset) = ([], 0)
                if try !refill() {
                    guard inflater.isBetweenMembers else { throw inflater.damaged(at: readBytes, "ends too early") }
                    return []
                }
            }
            let (expanded, used) = try inflater.expand(stored[storedOffset...], position: readBytes)
            storedOffset += used
            if !expanded.isEmpty { return expanded[...] }
        }
    }

    /// Appends a block of the file to `stored`; false at its end.
    private func refill() throws(RankingError) -> Bool {
        guard !isAtEnd else { return false }
        var count = 0
        let block = [UInt8](unsafeUninitializedCapacity: ByteStream.blockSize) { buffer, initialized in
            repeat { count = read(descriptor, buffer.baseAddress, buffer.count) } while count < 0 && errno == EINTR
            initialized = max(0, count)
        }
        guard count >= 0 else { throw ByteStream.unreadable(name) }
        isAtEnd = count == 0
        readBytes += count
        stored += block
        return count > 0
    }

    private static func unreadable(_ name: String) -> RankingError {
        RankingError(
            .notFound, what: "\(name) cannot be read.", why: "\(String(cString: strerror(errno))).",
            fix: "Check the path and its permissions.")
    }
}

/// zlib's inflate over members of a gzip file.
private final class Inflater {
    private let name: String
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    /// True at the start, and after the last byte of a member.
    private(set) var isBetweenMembers = true
    /// True where the last output filled its room.
    private(set) var hasMoreOutput = false
    private static let outputSize = 1 << 19

    init(_ name: String) throws(RankingError) {
        self.name = name
        stream.initialize(to: z_stream())
        guard resift_inflate_init(stream) == Z_OK else {
            throw RankingError(
                .storage, what: "\(name) cannot be expanded.", why: "zlib has no memory.", fix: "Free some memory.")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Expands some of the input; returns what came out, and how many bytes of the input it took.
    func expand(
        _ input: ArraySlice<UInt8>, position: Int
    ) throws(RankingError) -> (output: [UInt8], used: Int) {
        var status = Z_OK
        var used = 0
        var problem: String?
        // Some programs fill a file up with zeros after the last member.
        if isBetweenMembers, input.allSatisfy({ $0 == 0 }) { return ([], input.count) }
        let output = [UInt8](unsafeUninitializedCapacity: Inflater.outputSize) { buffer, initialized in
            input.withUnsafeBufferPointer { bytes in
                stream.pointee.next_in = UnsafeMutablePointer(mutating: bytes.baseAddress)
                stream.pointee.avail_in = UInt32(bytes.count)
                stream.pointee.next_out = buffer.baseAddress
                stream.pointee.avail_out = UInt32(buffer.count)
                status = inflate(stream, Z_NO_FLUSH)
                used = bytes.count - Int(stream.pointee.avail_in)
                initialized = buffer.count - Int(stream.pointee.avail_out)
                problem = stream.pointee.msg.map { String(cString: $0) }
            }
        }
        hasMoreOutput = output.count == Inflater.outputSize && status == Z_OK
        switch status {
        case Z_OK, Z_BUF_ERROR: isBetweenMembers = false
        case Z_STREAM_END:
            isBetweenMembers = true
            inflateReset(stream)
        default: throw damaged(at: position - input.count + used, "is damaged: \(problem ?? "zlib error \(status)")")
        }
        return (output, used)
    }

    func damaged(at byte: Int, _ fact: String) -> RankingError {
        RankingError(
            .corruptFile, what: "\(name), byte \(byte): the gzip data \(fact).",
            why: "The file was not copied or written as a whole.", fix: "Copy it again; gzip -t FILE checks it.")
    }
}
