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
    static func writable(path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        // A transaction of many steps: documents are embedded between its writes.
        configuration.allowsUnsafeTransactions = true
        configuration.busyMode = .timeout(2)
        configuration.prepareDatabase { db in
            // The page size counts for a new file only. A commit is on the disk when it returns.
            try db.execute(
                sql: """
                    PRAGMA page_size = 16384; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
                    PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;
                    """)
        }
        return try DatabaseQueue(path: path, configuration: configuration)
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

    /// Throws unless there is a file that begins as SQLite's do.
    static func checkIsIndex(path: String) throws(RankingError) {
        guard let file = fopen(path, "rb") else {
            throw RankingError(
                .notFound, what: "There is no index \(path), or it cannot be read.",
                why: "\(String(cString: strerror(errno))).", fix: "Check the path, or build it: resift index build.")
        }
        defer { fclose(file) }
        let magic = Array("SQLite format 3\0".utf8)
        var start = [UInt8](repeating: 0, count: magic.count)
        guard fread(&start, 1, start.count, file) == start.count, start == magic else {
            throw RankingError(
                .corruptFile, what: "\(path) is not an index.", why: "It does not begin as a Resift index does.",
                fix: "Name a file that `resift index build` wrote.")
        }
    }

    static func checkSchema(_ db: Database, path: String) throws {
        guard try Int.fetchOne(db, sql: "PRAGMA application_id") == IndexSchema.applicationID else {
            throw RankingError(
                .corruptFile, what: "\(path) is not an index.",
                why: "It is an SQLite database of another program.", fix: "Name a file that `resift index build` wrote."
            )
        }
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
        case .SQLITE_CORRUPT, .SQLITE_NOTADB, .SQLITE_FORMAT:
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
