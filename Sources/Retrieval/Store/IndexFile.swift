import GRDB
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Opens index files, checks that they are ours, and says what SQLite's errors mean.
enum IndexFile {
    /// One connection that may write. Other processes can read meanwhile; one writes at a time.
    ///
    /// Throws `corruptFile`, and leaves the file as it is, where it is another program's; unless it is new.
    static func writable(path: String, isNew: Bool = false) throws -> DatabaseQueue {
        var configuration = Configuration()
        // A transaction of many steps: documents are embedded between its writes.
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { db in
            // The journal mode is written into the file.
            if !isNew { try checkApplication(db, path: path) }
            // The page size counts for a new file only. A commit is on the disk when it returns.
            try db.execute(
                sql: """
                    PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                    PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;
                    """)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// Gives free space back to the file system. The copy that SQLite makes on the way is a file, not in memory.
    ///
    /// Throws `storage` where there is no room for it; the index is what it was before.
    static func vacuum(_ db: Database, path: String) throws {
        do {
            try db.execute(sql: "PRAGMA temp_store = DEFAULT; VACUUM; PRAGMA temp_store = MEMORY")
        } catch let error as DatabaseError where error.resultCode == .SQLITE_FULL {
            throw RankingError(
                .storage, what: "There is no room to give back the free space of \(path).",
                why: "SQLite writes a copy of the index beside it and into /var/tmp, or where SQLITE_TMPDIR says.",
                fix: "Make room there and run the command again. What was committed before is intact.", cause: error)
        }
    }

    /// Connections that only read, several at a time; each read sees one commit.
    static func readable(path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        configuration.maximumReaderCount = 16
        configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA mmap_size = 0; PRAGMA cache_size = -16384") }
        return try DatabasePool(path: path, configuration: configuration)
    }

    /// Throws unless there is a file that can be read and is not empty.
    ///
    /// Only SQLite may open it: the locks that a process has on a file are gone when it closes any descriptor of it, and
    /// other processes would then take away the write-ahead log that this one still reads.
    static func checkIsThere(path: String) throws(RankingError) {
        var status = stat()
        guard stat(path, &status) == 0, access(path, R_OK) == 0 else {
            throw RankingError(
                .notFound, what: "There is no index \(path), or it cannot be read.",
                why: "\(String(cString: strerror(errno))).", fix: "Check the path, or build it: resift index build.")
        }
        if status.st_mode & S_IFMT == S_IFDIR { throw notAnIndex(path, why: "It is a directory.") }
        if status.st_size == 0 { throw notAnIndex(path, why: "It is empty.") }
    }

    private static func notAnIndex(_ path: String, why: String, cause: (any Error)? = nil) -> RankingError {
        RankingError(
            .corruptFile, what: "\(path) is not an index.", why: why,
            fix: "Name a file that `resift index build` wrote.", cause: cause)
    }

    /// Throws `corruptFile` for another program's file; an index of any version passes.
    static func checkIsIndex(path: String) throws(RankingError) {
        try checkIsThere(path: path)
        try reporting(path) {
            let pool = try readable(path: path)
            try pool.read { db in try checkApplication(db, path: path) }
            try pool.close()
        }
    }

    private static func checkApplication(_ db: Database, path: String) throws {
        guard try Int.fetchOne(db, sql: "PRAGMA application_id") == IndexSchema.applicationID else {
            throw notAnIndex(path, why: "It is an SQLite database of another program.")
        }
    }

    static func checkSchema(_ db: Database, path: String) throws {
        try checkApplication(db, path: path)
        let version = try Int.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        guard version == IndexSchema.version else {
            throw RankingError(
                .corruptFile,
                what: "\(path) has the format version \(version); this program knows \(IndexSchema.version).",
                why: version > IndexSchema.version
                    ? "A newer version of Resift wrote it." : "An older version of Resift wrote it.",
                fix: version > IndexSchema.version ? "Update Resift." : "Build the index again.")
        }
    }

    /// Runs `body` and turns SQLite's errors into ours.
    static func reporting<Result>(_ path: String, _ body: () throws -> Result) throws(RankingError) -> Result {
        do {
            return try body()
        } catch let error as RankingError {
            throw error
        } catch let error as DatabaseError {
            throw IndexFile.error(error, path: path)
        } catch let error as RowDecodingError {
            throw IndexFile.error(error)
        } catch {
            throw RankingError(
                .storage, what: "\(path) cannot be used.", why: "\(error)", fix: "Check the file and its disk.",
                cause: error)
        }
    }

    static func error(_ error: RowDecodingError) -> RankingError {
        var corrupt = IndexProperty.corrupt("has a value of another type than belongs there")
        corrupt.cause = error
        return corrupt
    }

    static func error(_ error: DatabaseError, path: String) -> RankingError {
        let reason = "SQLite says: \(error.message ?? "no more") (\(error.extendedResultCode.rawValue))."
        switch error.resultCode {
        case .SQLITE_NOTADB:
            return notAnIndex(path, why: "It does not begin as one does. \(reason)", cause: error)
        case .SQLITE_CORRUPT, .SQLITE_FORMAT:
            return RankingError(
                .corruptFile, what: "\(path) is damaged.", why: reason,
                fix: "Restore it from a copy, or build it again.", cause: error)
        case .SQLITE_FULL:
            return RankingError(
                .storage, what: "The disk of \(path) is full.", why: reason,
                fix: "Make room and run the command again. What was committed before is intact.", cause: error)
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return RankingError(
                .busy, what: "\(path) is in use by another process.", why: reason,
                fix: "Wait until it has finished. One process writes at a time.", cause: error)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH:
            return RankingError(
                .storage, what: "\(path) cannot be written.", why: reason,
                fix: "Check the permissions of the file and of its folder.", cause: error)
        case .SQLITE_CANTOPEN:
            return RankingError(
                .notFound, what: "\(path) cannot be opened.", why: reason,
                fix: "Check the path, and the permissions of the file and of its folder.", cause: error)
        case .SQLITE_IOERR:
            return RankingError(
                .storage, what: "\(path) cannot be read or written.", why: reason,
                fix: "Check the disk: it may be full or failing. What was committed before is intact.", cause: error)
        case .SQLITE_NOMEM:
            return RankingError(
                .storage, what: "There is not enough memory to use \(path).", why: reason, fix: "Free some memory.",
                cause: error)
        default:
            return RankingError(
                .corruptFile, what: "\(path) cannot be used.", why: reason,
                fix: "Check it with `resift index verify`, or build it again.", cause: error)
        }
    }
}
