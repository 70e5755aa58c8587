package import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What the file system knows of a path, links followed.
package struct FileEntry {
    package let bytes: Int
    /// Seconds since 1970, UTC.
    package let modified: Int
    /// Of that second.
    package let modifiedNanoseconds: Int
    package let identity: Identity
    private let kind: mode_t

    /// The same for two paths that lead to one file.
    package struct Identity: Hashable {
        package var device: UInt64
        package var inode: UInt64
    }

    package var isDirectory: Bool { kind == S_IFDIR }
    package var isRegular: Bool { kind == S_IFREG }

    package init(path: String) throws(RankingError) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw FileEntry.unreadable(path) }
        bytes = Int(status.st_size)
        #if canImport(Darwin)
            (modified, modifiedNanoseconds) = (status.st_mtimespec.tv_sec, status.st_mtimespec.tv_nsec)
        #else
            (modified, modifiedNanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        #endif
        kind = status.st_mode & S_IFMT
        identity = Identity(
            device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(truncatingIfNeeded: status.st_ino))
    }

    /// ISO 8601, in UTC.
    package var modifiedDate: String {
        var seconds = time_t(modified)
        var parts = tm()
        guard gmtime_r(&seconds, &parts) != nil else { return "" }
        func padded(_ value: Int32, _ width: Int = 2) -> String {
            let digits = String(value)
            return String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        return "\(padded(parts.tm_year &+ 1900, 4))-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))"
            + "T\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))Z"
    }

    /// The names in a directory, "." and ".." left out, in no order.
    ///
    /// Throws `notFound` where it cannot be read, and `invalidInput` for a name that is not UTF-8.
    package static func names(inDirectory path: String) throws(RankingError) -> [String] {
        guard let directory = opendir(path) else { throw unreadable(path) }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                guard errno == 0 else { throw unreadable(path) }
                return names
            }
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            guard let name = String(validating: bytes, as: UTF8.self) else {
                throw RankingError(
                    .invalidInput,
                    what: "\(path) has a file whose name is not UTF-8: \(String(decoding: bytes, as: UTF8.self)).",
                    why: "A file's path is its document's id, which is text.", fix: "Rename the file.")
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    private static func unreadable(_ path: String) -> RankingError {
        RankingError(
            .notFound, what: "\(path) cannot be read.", why: "\(String(cString: strerror(errno))).",
            fix: "Check the path and its permissions.")
    }
}
