import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One file on its way from the hub to its blob.
///
/// The bytes go to BLOB.incomplete, which a later attempt goes on from, of this process or another. The whole is
/// compared with its hash, and then has its name.
struct FileDownload: Sendable {
    let client: HubClient
    let cache: HubCache
    let file: RemoteFile
    let commit: String
    let progress: DownloadProgress

    private var blob: String { cache.blob(file, of: client.model) }
    private var incomplete: String { blob + ".incomplete" }

    /// True where the cache has the file. Its size is compared; its hash was when it got its name.
    var isCached: Bool {
        guard let size = HubCache.size(blob) else { return false }
        return file.size.map { $0 == size } ?? true
    }

    /// Throws RankingError or CancellationError.
    func run() async throws {
        let lock = try await FileLock(path: cache.lock(file, of: client.model)) { progress.waiting(for: file.name) }
        defer { withExtendedLifetime(lock) {} }
        // Another process may have brought it while this one waited.
        if isCached { return progress.add(file.size ?? 0) }
        try HubCache.makeFolder(of: blob)
        let wasBegun = (HubCache.size(incomplete) ?? 0) > 0
        if try await transfer() { return }
        // The part that was there may be of something else; a file that came in one piece has no excuse.
        if wasBegun, try await transfer() { return }
        throw RankingError(
            .corruptFile, what: "\(file.name) of \(client.model) does not have the hash that the hub gives.",
            why: "It was damaged on the way, or a mirror holds another file. What came was removed.",
            fix: "Run the command again; if it stays so, leave out HF_ENDPOINT, or report it to the hub.")
    }

    /// Downloads what is missing; false, and nothing left, if the whole has another hash.
    private func transfer() async throws -> Bool {
        let output = try await NIOThreadPool.singleton.runIfActive { try PartialFile(path: incomplete) }
        let begin = try await output.length
        progress.add(begin)
        try await client.retrying { try await attempt(output) }
        let path = incomplete
        return try await NIOThreadPool.singleton.runIfActive { [file, blob] in
            guard try file.hash.matches(path) else {
                progress.add(-(HubCache.size(path) ?? 0))
                unlink(path)
                return false
            }
            try PartialFile.finish(path, as: blob)
            return true
        }
    }

    /// One connection. Throws PassingFailure where it broke off; what came by then is in the file.
    private func attempt(_ output: PartialFile) async throws {
        var start = try await output.length
        if let size = file.size, start == size { return }
        if let size = file.size, start > size {
            try await restart(output, from: start)
            start = 0
        }
        let response = try await client.bytes(of: file, commit: commit, from: start)
        switch response.status {
        case .partialContent:
            guard response.headers.first(name: "Content-Range")?.hasPrefix("bytes \(start)-") == true else {
                throw client.unexpected("about \(file.name) has another part than the one asked for")
            }
        case .rangeNotSatisfiable:
            // Without a size from the hub this is how the end shows; the hash decides.
            return
        default:
            // The server gives the whole file, whatever was asked for.
            if start > 0 { try await restart(output, from: start) }
        }
        var received: Int64 = 0
        do {
            var chunks = response.body.makeAsyncIterator()
            while let chunk = try await client.passing({ try await chunks.next() }) {
                try await output.append(chunk)
                received += Int64(chunk.readableBytes)
                progress.add(Int64(chunk.readableBytes), transferred: Int64(chunk.readableBytes))
            }
        } catch var failure as PassingFailure {
            failure.madeProgress = received > 0
            throw failure
        }
        if let size = file.size, try await output.length < size {
            var failure = PassingFailure(error: client.unexpected("ends in the middle of \(file.name)"))
            failure.madeProgress = received > 0
            throw failure
        }
    }

    private func restart(_ output: PartialFile, from start: Int64) async throws {
        try await output.clear()
        progress.add(-start)
    }
}

/// A file that grows. Every call that touches the disk runs on a thread that may wait for it.
final class PartialFile: Sendable {
    private let path: String
    private let descriptor: Int32

    init(path: String) throws(RankingError) {
        descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o666)
        self.path = path
        guard descriptor >= 0 else { throw storageError(path, errno) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    var length: Int64 {
        get async throws {
            try await onDisk { [descriptor, path] in
                var status = stat()
                guard fstat(descriptor, &status) == 0 else { throw storageError(path, errno) }
                return Int64(status.st_size)
            }
        }
    }

    func clear() async throws {
        try await onDisk { [descriptor, path] in
            guard ftruncate(descriptor, 0) == 0 else { throw storageError(path, errno) }
        }
    }

    func append(_ chunk: ByteBuffer) async throws {
        try await onDisk { [descriptor, path] in
            var rest = chunk
            while rest.readableBytes > 0 {
                let count = rest.withUnsafeReadableBytes { write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { throw storageError(path, errno) }
                rest.moveReaderIndex(forwardBy: count)
            }
        }
    }

    /// Gives a complete file its name, after it is on the disk for good.
    static func finish(_ path: String, as name: String) throws(RankingError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw storageError(path, errno) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0, rename(path, name) == 0 else { throw storageError(name, errno) }
    }

    private func onDisk<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await NIOThreadPool.singleton.runIfActive(body)
    }
}
