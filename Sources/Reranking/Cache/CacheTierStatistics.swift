/// What one tier of a cache was asked for, and what came of it.
public struct CacheTierStatistics: Sendable, Equatable {
    /// Why a tier did not do what it was asked.
    public enum Failure: String, Sendable, CaseIterable, Comparable {
        /// No answer in the time that was allowed.
        case timeout
        /// The server cannot be reached, or hung up.
        case connection
        /// The server, or the file's permissions, refuse this user.
        case authentication
        /// No place for more: the server's memory, or the disk.
        case full
        /// The server answered by an error of another kind.
        case refused
        /// What the server sent breaks its protocol.
        case malformed
        /// A value that is not what was stored, or a damaged file.
        case damaged
        /// Another process held the file for too long.
        case busy
        /// The file cannot be read or written.
        case storage
        /// Entries that came faster than the tier could keep them.
        case dropped

        public static func < (a: Failure, b: Failure) -> Bool { a.rawValue < b.rawValue }
    }

    /// "memory", "sqlite" or "redis".
    public var tier: String
    /// Keys.
    public var hits: Int
    /// Keys, those among them that a failure left without an answer.
    public var misses: Int
    /// Entries that were kept.
    public var stored: Int
    /// Entries that made place, where it is this tier that decides.
    public var evictions: Int
    /// How often a request to the tier failed; of `damaged` and `dropped`, entries.
    public var failures: [Failure: Int]
    /// Nil where only the server knows.
    public var entries: Int?
    public var bytes: Int?

    public init(
        tier: String, hits: Int = 0, misses: Int = 0, stored: Int = 0, evictions: Int = 0,
        failures: [Failure: Int] = [:], entries: Int? = nil, bytes: Int? = nil
    ) {
        self.tier = tier
        self.hits = hits
        self.misses = misses
        self.stored = stored
        self.evictions = evictions
        self.failures = failures
        self.entries = entries
        self.bytes = bytes
    }

    package mutating func count(_ failure: Failure, _ times: Int = 1) { failures[failure, default: 0] += times }
}
