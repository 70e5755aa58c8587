import GRDB
import Inference
import Ranking
import Reranking

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

/// The tables of a score cache's file, and what SQLite's errors mean.
///
/// `score` has a row for each key: the value (`StoredScoreCoding`), when it was used last and when it expires, in seconds
/// since 1970. `total` counts rows and bytes; triggers keep it, whichever process writes.
enum ScoreFile {
    struct Row: Sendable {
        var value: [UInt8]
        var used: Int64
        var expires: Int64?
    }

    struct Totals: Sendable, Equatable {
        var entries: Int
        var bytes: Int
    }

    /// "RsSc", in the file's header.
    private static let applicationID: Int64 = 0x5273_5363
    private static let version: Int64 = 1
    /// Of a row beside its value, as measured: its key in the table and in the index of uses, and pages that are not full.
    static let rowBytes = 192
    /// What is left after place was made, so that it is not made for every score.
    private static let keptShare = 0.9

    // MARK: Opening

    private static let openingAttempts = 5

    /// Throws `corruptFile`, `busy` or `storage`.
    static func open(_ path: String) throws(RankingError) -> DatabasePool {
        for _ in 1..<openingAttempts {
            do {
                return try openOnce(path)
            } catch {
                guard error.code == .busy else { throw error }
                // While another process turns a new file into one with a log, SQLite does not wait by itself.
                usleep(50_000)
            }
        }
        return try openOnce(path)
    }

    private static func openOnce(_ path: String) throws(RankingError) -> DatabasePool {
        let result = Result { () throws -> DatabasePool in
            var configuration = Configuration()
            // Two processes that make the file at the same time wait for each other.
            configuration.busyMode = .timeout(2)
            configuration.maximumReaderCount = 4
            try checkOwner(of: path)
            let database = try DatabasePool(path: path, configuration: configuration)
            try database.writeWithoutTransaction { db in
                try db.execute(sql: "PRAGMA journal_size_limit = 67108864; PRAGMA secure_delete = OFF")
                guard try !isCurrent(db, path) else { return }
                try db.inTransaction(.immediate) {
                    // Another process may have been faster.
                    if try !isCurrent(db, path) { try create(db) }
                    return .commit
                }
            }
            return database
        }
        switch result {
        case .success(let database): return database
        case .failure(let error): throw opening(path, error)
        }
    }

    /// Throws for a file of another program, before a pool changes so much as its journal.
    private static func checkOwner(of path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0, status.st_size > 0 else { return }
        var configuration = Configuration()
        configuration.readonly = true
        configuration.busyMode = .timeout(2)
        let database = try DatabaseQueue(path: path, configuration: configuration)
        try database.read { db in _ = try isCurrent(db, path) }
        try database.close()
    }

    /// False for a new file. Throws for one of somebody else.
    private static func isCurrent(_ db: Database, _ path: String) throws -> Bool {
        let application = try Int64.fetchOne(db, sql: "PRAGMA application_id") ?? 0
        let version = try Int64.fetchOne(db, sql: "PRAGMA user_version") ?? 0
        let tables = try Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") ?? 0
        if application == 0, version == 0, tables == 0 { return false }
        guard application == applicationID else {
            throw RankingError(
                .corruptFile, what: "\(path) is no score cache.", why: "It is the database of another program.",
                fix: "Name another file, which will be made.")
        }
        guard version == ScoreFile.version else {
            throw RankingError(
                .corruptFile, what: "\(path) is a score cache of version \(version).",
                why: "This Resift reads and writes version \(ScoreFile.version).",
                fix: "Name another file, or delete this one: scores are computed again.")
        }
        return true
    }

    private static func create(_ db: Database) throws {
        try db.execute(
            sql: """
                CREATE TABLE score (
                    key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL, used INTEGER NOT NULL, expires INTEGER
                ) WITHOUT ROWID;
                CREATE INDEX score_used ON score (used);
                CREATE INDEX score_expires ON score (expires) WHERE expires IS NOT NULL;
                CREATE TABLE total (
                    id INTEGER PRIMARY KEY CHECK (id = 1), entries INTEGER NOT NULL, bytes INTEGER NOT NULL
                );
                INSERT INTO total VALUES (1, 0, 0);
                CREATE TRIGGER score_added AFTER INSERT ON score BEGIN
                    UPDATE total SET entries = entries + 1, bytes = bytes + length(new.value) + \(rowBytes);
                END;
                CREATE TRIGGER score_removed AFTER DELETE ON score BEGIN
                    UPDATE total SET entries = entries - 1, bytes = bytes - length(old.value) - \(rowBytes);
                END;
                CREATE TRIGGER score_replaced AFTER UPDATE OF value ON score BEGIN
                    UPDATE total SET bytes = bytes + length(new.value) - length(old.value);
                END;
                PRAGMA application_id = \(applicationID);
                PRAGMA user_version = \(version);
                """)
    }

    private static func opening(_ path: String, _ error: any Error) -> RankingError {
        if let error = error as? RankingError { return error }
        guard let error = error as? DatabaseError else {
            return RankingError(
                .storage, what: "The score cache \(path) cannot be opened.", why: "\(error)",
                fix: "Check the path and its permissions.", cause: error)
        }
        let why = error.message ?? "\(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            return RankingError(
                .busy, what: "The score cache \(path) is locked.", why: "Another process holds it: \(why).",
                fix: "Try again, or name another file.", cause: error)
        case .SQLITE_NOTADB, .SQLITE_CORRUPT:
            return RankingError(
                .corruptFile, what: "\(path) cannot be read as a score cache.", why: "\(why).",
                fix: "Name another file, or delete this one if it was a cache: scores are computed again.",
                cause: error)
        default:
            return RankingError(
                .storage, what: "The score cache \(path) cannot be opened.", why: "\(why).",
                fix: "Check that its folder exists and can be written, and that the disk has room.", cause: error)
        }
    }

    // MARK: Damaged files

    /// True where the file's header has our number: what else is in it may be broken.
    static func isOurs(_ path: String) -> Bool {
        // Nobody has this file open through SQLite in this process: opening it just failed.
        guard let file = try? MappedFile(path: path) else { return false }
        // A copy: the bytes end with the file.
        let header = withExtendedLifetime(file) { Array(file.bytes.prefix(72)) }
        guard header.count == 72 else { return false }
        return header.starts(with: Array("SQLite format 3\u{0}".utf8))
            && header.suffix(4).reduce(0) { $0 << 8 | Int64($1) } == applicationID
    }

    /// Renames the file to PATH.damaged, in the place of one that is there, and forgets its log.
    static func moveAside(_ path: String) throws(RankingError) {
        guard rename(path, path + ".damaged") == 0 else {
            throw RankingError(
                .storage, what: "The damaged score cache \(path) cannot be moved aside.",
                why: "\(String(cString: strerror(errno))).", fix: "Delete it: scores are computed again.")
        }
        for suffix in ["-wal", "-shm"] { unlink(path + suffix) }
    }

    /// Device and number of the file that a path leads to; nil where there is none.
    static func identity(_ path: String) -> [UInt64]? {
        var status = stat()
        return stat(path, &status) == 0 ? [UInt64(status.st_dev), UInt64(status.st_ino)] : nil
    }

    // MARK: Rows

    static func rows(of keys: [ScoreKey], _ db: Database) throws -> [Row?] {
        let statement = try db.cachedStatement(sql: "SELECT value, used, expires FROM score WHERE key = ?")
        return try keys.map { key in
            try GRDB.Row.fetchOne(statement, arguments: [Data(key.bytes)]).map { row in
                Row(value: try row.bytes(0), used: try row.integer(1), expires: try row.integerIfAny(2))
            }
        }
    }

    static func store(
        _ value: [UInt8], for key: ScoreKey, used: Int64, expires: Int64?, _ db: Database
    ) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO score VALUES (?, ?, ?, ?)
                ON CONFLICT (key) DO UPDATE SET value = excluded.value, used = excluded.used, expires = excluded.expires
                """
        ).execute(arguments: [Data(key.bytes), Data(value), used, expires])
    }

    static func use(_ keys: Set<ScoreKey>, at time: Int64, _ db: Database) throws {
        let statement = try db.cachedStatement(sql: "UPDATE score SET used = ? WHERE key = ?")
        for key in keys { try statement.execute(arguments: [time, Data(key.bytes)]) }
    }

    static func totals(_ db: Database) throws -> Totals {
        guard let row = try GRDB.Row.fetchOne(db, sql: "SELECT entries, bytes FROM total") else {
            throw DatabaseError(resultCode: .SQLITE_CORRUPT, message: "The table of totals is empty.")
        }
        let totals = Totals(entries: Int(try row.integer(0)), bytes: Int(try row.integer(1)))
        guard totals.entries >= 0, totals.bytes >= 0 else { throw GRDB.Row.damaged }
        return totals
    }

    /// Removes what has expired, and where that is not enough what was used longest ago. Returns how many were removed.
    static func makePlace(maxBytes: Int, at time: Int64, _ db: Database) throws -> (totals: Totals, evicted: Int) {
        var totals = try totals(db)
        guard totals.bytes > maxBytes else { return (totals, 0) }
        let before = totals.entries
        try db.execute(sql: "DELETE FROM score WHERE expires <= ?", arguments: [time])
        totals = try ScoreFile.totals(db)
        let most = Int(Double(maxBytes) * keptShare)
        while totals.bytes > most, totals.entries > 0 {
            let each = max(1, totals.bytes / totals.entries)
            try db.execute(
                sql: "DELETE FROM score WHERE key IN (SELECT key FROM score ORDER BY used, key LIMIT ?)",
                arguments: [(totals.bytes - most) / each + 1])
            let now = try ScoreFile.totals(db)
            guard now.entries < totals.entries else { break }
            totals = now
        }
        return (totals, before - totals.entries)
    }
}

/// Columns of a file that anybody may have changed: GRDB's own subscripts end the process where a type is another one.
extension GRDB.Row {
    fileprivate static var damaged: DatabaseError {
        DatabaseError(resultCode: .SQLITE_CORRUPT, message: "A row has a value that no score cache writes.")
    }

    fileprivate func integer(_ column: Int) throws -> Int64 {
        guard let number = try integerIfAny(column) else { throw GRDB.Row.damaged }
        return number
    }

    /// Nil for NULL.
    fileprivate func integerIfAny(_ column: Int) throws -> Int64? {
        switch (self[column] as DatabaseValue).storage {
        case .int64(let number): return number
        case .null: return nil
        default: throw GRDB.Row.damaged
        }
    }

    fileprivate func bytes(_ column: Int) throws -> [UInt8] {
        guard case .blob(let data) = (self[column] as DatabaseValue).storage else { throw GRDB.Row.damaged }
        return Array(data)
    }
}
