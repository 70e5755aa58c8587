import CZlib

/// Decompresses gzip (RFC 1952): any number of members one after the other, as `cat a.gz b.gz` and bgzip write them.
///
/// What follows the last member has to be zero bytes (tapes and block devices pad with them) or another member;
/// anything else is damage, since passing over it would lose documents without a word.
final class GzipInflater {
    enum Problem: Error { case damaged(String) }

    /// On the heap, because zlib keeps a pointer from its own state back to this structure.
    private let stream: UnsafeMutablePointer<z_stream>
    private var isBetweenMembers = true
    private var isPadding = false

    /// True where the input may end: after a whole member.
    var isComplete: Bool { isBetweenMembers }

    /// nil where zlib has no memory.
    init?() {
        stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window, and 16 for "a gzip header is required".
        let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { return nil }
    }

    deinit {
        inflateEnd(stream)
        stream.deinitialize(count: 1)
        stream.deallocate()
    }

    /// Decompresses from `input` into `output`, and says how many bytes of each were used.
    func inflate(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Problem) -> (read: Int, written: Int) {
        var read = 0
        var written = 0
        while read < input.count, written < output.count {
            if isPadding {
                guard input[read...].allSatisfy({ $0 == 0 }) else { throw .damaged("there is more after its end") }
                return (input.count, written)
            }
            if isBetweenMembers {
                if input[read] == 0, stream.pointee.total_in > 0 {
                    isPadding = true
                    continue
                }
                inflateReset(stream)
                isBetweenMembers = false
            }
            let (used, made) = try step(input[read...], output[written...])
            read += used
            written += made
            if used == 0, made == 0, !isBetweenMembers { break }
        }
        return (read, written)
    }

    private func step(
        _ input: Slice<UnsafeRawBufferPointer>, _ output: Slice<UnsafeMutableRawBufferPointer>
    ) throws(Problem) -> (Int, Int) {
        let input = UnsafeRawBufferPointer(rebasing: input)
        let output = UnsafeMutableRawBufferPointer(rebasing: output)
        // zlib counts in 32 bits.
        let inputCount = UInt32(clamping: input.count)
        let outputCount = UInt32(clamping: output.count)
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = inputCount
        stream.pointee.next_out = output.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = outputCount
        let status = CZlib.inflate(stream, Z_NO_FLUSH)
        let used = Int(inputCount - stream.pointee.avail_in)
        let made = Int(outputCount - stream.pointee.avail_out)
        switch status {
        case Z_STREAM_END: isBetweenMembers = true
        case Z_OK, Z_BUF_ERROR: break
        default:
            throw .damaged(stream.pointee.msg.map { String(cString: $0) } ?? "zlib reports \(status)")
        }
        return (used, made)
    }
}
