import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A file that one process at a time holds, in the way of other Hugging Face tools (flock).
///
/// The system lets go of it when the process ends, however it ends.
final class FileLock: Sendable {
    private let descriptor: Int32

    /// Waits until nobody else holds the lock.
    ///
    /// - Parameter waiting: Called once, if somebody does.
    ///
    /// Throws RankingError `storage` where the file system has no locks, or CancellationError.
    init(path: String, waiting: () -> Void) async throws {
        try HubCache.makeFolder(of: path)
        var waits = 0
        while true {
            let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o664)
            guard descriptor >= 0 else { throw storageError(path, errno) }
            if flock(descriptor, LOCK_EX | LOCK_NB) == 0 {
                // Who held it before may have removed the file: then the lock is on what nobody else will find.
                if FileLock.isFile(at: path, descriptor) {
                    self.descriptor = descriptor
                    return
                }
                close(descriptor)
                continue
            }
            let reason = errno
            close(descriptor)
            guard reason == EWOULDBLOCK || reason == EINTR else { throw storageError(path, reason) }
            if waits == 0 { waiting() }
            waits += 1
            try await Task.sleep(for: .milliseconds(min(25 * waits, 250)))
        }
    }

    deinit { close(descriptor) }

    private static func isFile(at path: String, _ descriptor: Int32) -> Bool {
        var named = stat()
        var held = stat()
        return stat(path, &named) == 0 && fstat(descriptor, &held) == 0 && named.st_ino == held.st_ino
            && named.st_dev == held.st_dev
    }
}
