import GRDB
import Inference
public import Ranking
public import Reranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Scores in a file, which survive the process and which processes of one machine share.
///
/// An SQLite database in WAL mode: whatever kills a process, the file is whole, and readers never wait for who writes.
/// Reading writes nothing: when a score was used last is noted to the nearest `useInterval`, with the next scores that are
/// stored. What was used longest ago makes place. Whatever goes wrong after opening is a miss, counted by its kind; a file
/// that turns out to be damaged is moved aside, to `PATH.damaged`, and a new one is begun.
public final class SQLiteScoreCache: ScoreCache {
    public struct Settings: Sendable {
        public var path: String
        /// What keys, values and their index entries may take. The file is about as large, and does not shrink.
        public var maxBytes: Int
        /// How long a score is kept; nil for as long as there is place.
        public var timeToLive: Duration?

        public init(path: String, maxBytes: Int = 1 << 30, timeToLive: Duration? = nil) {
            self.path = path
            self.maxBytes = maxBytes
            self.timeToLive = timeToLive
        }
    }

    /// Seconds.
    static let useInterval: Int64 = 600
    private static let mostUsesWaiting = 4_096

    private struct State {
        /// Nil after `close`, and where a damaged file could not be replaced.
        var database: DatabasePool?
        /// Of the file that is open (see `ScoreFile.identity`).
        var identity: [UInt64]?
        /// Keys that were used and not noted yet.
        var used: Set<ScoreKey> = []
    }

    private let settings: Settings
    private let now: @Sendable () -> Int64
    private let state = Monitor(State())
    private let counts = TierCounts("sqlite")
    /// Nil until `init` is done; its closure refers to the cache.
    private let writer = Monitor<BackgroundWriter?>(nil)

    /// Opens the file, or makes it.
    ///
    /// Throws `corruptFile` where it is another program's file, or of another version of this one's; `storage` where it
    /// cannot be opened or made; `busy` where another process holds it.
    public convenience init(_ settings: Settings) throws(RankingError) {
        try self.init(settings, now: { Int64(Date().timeIntervalSince1970) })
    }

    /// - Parameter now: Seconds since 1970.
    package init(_ settings: Settings, now: @escaping @Sendable () -> Int64) throws(RankingError) {
        self.settings = settings
        self.now = now
        let opened: DatabasePool
        do {
            opened = try ScoreFile.open(settings.path)
        } catch {
            guard error.isDamage, ScoreFile.isOurs(settings.path) else { throw error }
            try ScoreFile.moveAside(settings.path)
            counts.count(.damaged)
            opened = try ScoreFile.open(settings.path)
        }
        begin(opened)
        // The writer ends with the cache: what nobody can ask for need not be written.
        writer.withLock { writer in
            writer = BackgroundWriter { [weak self] entries in await self?.write(entries) }
        }
    }

    private func begin(_ database: DatabasePool) {
        let identity = ScoreFile.identity(settings.path)
        state.withLock { state in
            state.database = database
            state.identity = identity
        }
        // Without them they are known after the first write.
        note(try? database.read { db in try ScoreFile.totals(db) })
    }

    public var tiers: [CacheTierStatistics] { [counts.statistics] }

    // MARK: Reading

    public func values(for keys: [ScoreKey]) async -> [StoredScore?] {
        guard !keys.isEmpty else { return [] }
        var found = [StoredScore?](repeating: nil, count: keys.count)
        guard let database = state.withLock({ $0.database }) else {
            counts.count(found: found)
            return found
        }
        let time = now()
        do {
            let rows = try await database.read { db in try ScoreFile.rows(of: keys, db) }
            var damaged = 0
            var stale: [ScoreKey] = []
            for (index, row) in rows.enumerated() {
                guard let row, row.expires ?? .max > time else { continue }
                found[index] = StoredScoreCoding.score(from: row.value, key: keys[index])
                if found[index] == nil { damaged += 1 }
                if row.used <= time - SQLiteScoreCache.useInterval { stale.append(keys[index]) }
            }
            counts.count(.damaged, damaged)
            state.withLock { state in
                if state.used.count < SQLiteScoreCache.mostUsesWaiting { state.used.formUnion(stale) }
            }
        } catch {
            fail(error, of: database)
        }
        counts.count(found: found)
        return found
    }

    // MARK: Writing

    public func store(_ entries: [(key: ScoreKey, value: StoredScore)]) async {
        guard let writer = writer.withLock({ $0 }) else { return }
        counts.count(.dropped, writer.add(entries))
    }

    /// Returns when everything that was stored is in the file, or was given up.
    package func flush() async { await writer.withLock { $0 }?.flush() }

    public func close() async {
        await writer.withLock { $0 }?.finish()
        if !state.withLock({ $0.used.isEmpty }) { await write([]) }
        let database = state.withLock { state in
            defer { state.database = nil }
            return state.database
        }
        // What is in the log goes into the file, unless another process is using it; the log is part of the file if not.
        _ = try? await database?.writeWithoutTransaction { db in try db.checkpoint(.truncate) }
        do {
            try database?.close()
        } catch {
            // A read that is still going on closes it when it ends.
        }
    }

    private func write(_ entries: [BackgroundWriter.Entry]) async {
        let (database, used) = state.withLock { state in
            defer { state.used = [] }
            return (state.database, state.used)
        }
        guard let database else { return }
        let time = now()
        let expires = settings.timeToLive.map { time + max(1, $0.components.seconds) }
        let encoded = entries.compactMap { key, value in
            StoredScoreCoding.bytes(of: value, key: key).map { (key: key, value: $0) }
        }
        counts.count(.dropped, entries.count - encoded.count)
        let maxBytes = settings.maxBytes
        do {
            let (totals, evicted) = try await database.write { db in
                try ScoreFile.use(used, at: time, db)
                for (key, value) in encoded {
                    try ScoreFile.store(value, for: key, used: time, expires: expires, db)
                }
                return try ScoreFile.makePlace(maxBytes: maxBytes, at: time, db)
            }
            note(totals)
            counts.change {
                $0.stored += encoded.count
                $0.evictions += evicted
            }
        } catch {
            fail(error, of: database)
        }
    }

    private func note(_ totals: ScoreFile.Totals?) {
        guard let totals else { return }
        counts.change {
            $0.entries = totals.entries
            $0.bytes = totals.bytes
        }
    }

    // MARK: Failures

    private func fail(_ error: any Error, of database: DatabasePool) {
        guard let error = error as? DatabaseError else {
            // The caller was cancelled, and reads no answer.
            if !(error is CancellationError) { counts.count(.storage) }
            return
        }
        switch error.resultCode {
        case .SQLITE_INTERRUPT, .SQLITE_ABORT: break
        case .SQLITE_BUSY, .SQLITE_LOCKED: counts.count(.busy)
        case .SQLITE_FULL: counts.count(.full)
        case .SQLITE_READONLY, .SQLITE_PERM, .SQLITE_AUTH: counts.count(.authentication)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            counts.count(.damaged)
            replace(database)
        default: counts.count(.storage)
        }
    }

    /// Moves a damaged file aside and begins a new one; if that fails there is no cache any more, and every key is a miss.
    private func replace(_ database: DatabasePool) {
        let (isFirst, identity) = state.withLock { state in
            guard state.database === database else { return (false, state.identity) }
            state.database = nil
            return (true, state.identity)
        }
        guard isFirst else { return }
        do {
            // Another process may have replaced it already.
            if ScoreFile.identity(settings.path) == identity { try ScoreFile.moveAside(settings.path) }
            begin(try ScoreFile.open(settings.path))
        } catch {
            counts.count(.storage)
        }
    }
}

extension RankingError {
    /// SQLite says that the file is broken; a file of another program or version is whole.
    fileprivate var isDamage: Bool {
        guard let error = cause as? DatabaseError else { return false }
        return [.SQLITE_CORRUPT, .SQLITE_NOTADB].contains(error.resultCode)
    }
}
