// The owners of raw memory. They are `@unchecked Sendable` because what they hold never changes after `init`
// (MappedFile, ConstantBytes), or is written by one thread before others read it (FloatBuffer, ByteBuffer).

package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file mapped read-only into memory. Pages are shared with other processes and read on first use.
///
/// The file must not shrink while it is mapped: replace model files by renaming a new one over them.
package final class MappedFile: @unchecked Sendable {
    package let path: String
    package let bytes: UnsafeRawBufferPointer
    /// Device, number, size and the times of the last changes: a file that was written since has another one.
    package let identity: String

    package init(path: String) throws(RankingError) {
        self.path = path
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw MappedFile.unreadable(path, reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else {
            throw MappedFile.unreadable(path, reason: String(cString: strerror(errno)))
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw MappedFile.unreadable(path, reason: "Not a regular file")
        }
        let count = Int(status.st_size)
        #if canImport(Darwin)
            let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
        #else
            let (modified, changed) = (status.st_mtim, status.st_ctim)
        #endif
        identity =
            "\(status.st_dev) \(status.st_ino) \(count) \(modified.tv_sec).\(modified.tv_nsec)"
            + " \(changed.tv_sec).\(changed.tv_nsec)"
        if count == 0 {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        guard let address = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), address != MAP_FAILED else {
            throw MappedFile.unreadable(path, reason: String(cString: strerror(errno)))
        }
        bytes = UnsafeRawBufferPointer(start: address, count: count)
    }

    deinit {
        if let address = bytes.baseAddress {
            munmap(UnsafeMutableRawPointer(mutating: address), bytes.count)
        }
    }

    /// Lets the system have the memory of these bytes back; when they are used next, they are read again.
    package func releasePages(of range: Range<Int>) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let (start, end) = ((range.lowerBound + page - 1) / page * page, range.upperBound / page * page)
        guard start < end, let base = bytes.baseAddress else { return }
        // Advice: what comes of it changes nothing but the memory in use.
        _ = madvise(UnsafeMutableRawPointer(mutating: base + start), end - start, MADV_DONTNEED)
    }

    private static func unreadable(_ path: String, reason: String) -> RankingError {
        RankingError(
            .notFound, what: "\(path) cannot be read.", why: "\(reason).",
            fix: "Check the path and its permissions.")
    }
}

/// A block of floats on a 64-byte boundary, for the widest vector registers.
///
/// The boundary is found inside a plain allocation: glibc before 2.38 does not reuse freed aligned blocks, so that
/// repeated aligned allocations of tens of megabytes grow the process.
package final class FloatBuffer: @unchecked Sendable {
    private let allocation: UnsafeMutableRawPointer
    /// The values, uninitialized at first.
    package let writable: UnsafeMutablePointer<Float>
    package let count: Int

    package var base: UnsafePointer<Float> { UnsafePointer(writable) }

    package init(count: Int) {
        self.count = count
        let boundary = 64
        allocation = .allocate(byteCount: count * MemoryLayout<Float>.stride + boundary, alignment: 16)
        writable = allocation.alignedUp(toMultipleOf: boundary).bindMemory(to: Float.self, capacity: count)
    }

    package convenience init(_ values: [Float]) {
        self.init(count: values.count)
        values.withUnsafeBufferPointer { source in
            if let start = source.baseAddress { writable.initialize(from: start, count: source.count) }
        }
    }

    deinit { allocation.deallocate() }
}

/// A block of bytes on a 64-byte boundary, zero at first; for operands that are no floats.
package final class ByteBuffer: @unchecked Sendable {
    private let block: FloatBuffer
    package let writable: UnsafeMutableRawPointer
    package let count: Int

    package init(count: Int) {
        self.count = count
        let floats = (count + MemoryLayout<Float>.stride - 1) / MemoryLayout<Float>.stride
        block = FloatBuffer(count: floats)
        block.writable.initialize(repeating: 0, count: floats)
        writable = UnsafeMutableRawPointer(block.writable)
    }
}

/// Bytes on a 64-byte boundary that never change any more: a buffer's, or some of a mapped file's, which they keep.
package struct ConstantBytes: @unchecked Sendable {
    package let start: UnsafeRawPointer
    package let count: Int
    private let owner: AnyObject

    package init(_ buffer: ByteBuffer) {
        start = UnsafeRawPointer(buffer.writable)
        count = buffer.count
        owner = buffer
    }

    /// Nil where the range does not start on the boundary.
    package init?(_ file: MappedFile, _ range: Range<Int>) {
        guard let base = file.bytes.baseAddress, range.upperBound <= file.bytes.count else { return nil }
        start = base + range.lowerBound
        guard Int(bitPattern: start) % 64 == 0 else { return nil }
        count = range.count
        owner = file
    }

    package var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: count) }
}
