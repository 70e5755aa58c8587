import Inference

/// Scores in memory: what was used longest ago makes place for what is new.
public final class MemoryScoreCache: ScoreCache {
    /// What a cache holds, and what it was asked for.
    public struct Statistics: Sendable, Equatable {
        public var entries = 0
        /// As far as it is counted: keys, values, and their places in the tables.
        public var bytes = 0
        public var hits = 0
        public var misses = 0
        /// Entries that were taken in, replaced ones included.
        public var stored = 0
        /// Entries that made place.
        public var evictions = 0
    }

    fileprivate struct Entry {
        var key: ScoreKey
        var value: StoredScore
        var bytes: Int
        /// Neighbours in the order of use; -1 at the ends.
        var newer = -1
        var older = -1
    }

    fileprivate struct State {
        var places: [ScoreKey: Int] = [:]
        var entries: [Entry?] = []
        var free: [Int] = []
        var newest = -1
        var oldest = -1
        var statistics = Statistics()
    }

    public let maxBytes: Int
    private let state = Monitor(State())

    public init(maxBytes: Int) { self.maxBytes = maxBytes }

    public var statistics: Statistics { state.withLock { $0.statistics } }

    public var tiers: [CacheTierStatistics] {
        let statistics = statistics
        return [
            CacheTierStatistics(
                tier: "memory", hits: statistics.hits, misses: statistics.misses, stored: statistics.stored,
                evictions: statistics.evictions, entries: statistics.entries, bytes: statistics.bytes)
        ]
    }

    public func values(for keys: [ScoreKey]) async -> [StoredScore?] {
        state.withLock { state in
            keys.map { key -> StoredScore? in
                guard let place = state.places[key], let value = state.entries[place]?.value else {
                    state.statistics.misses += 1
                    return nil
                }
                state.statistics.hits += 1
                state.unlink(place)
                state.linkAsNewest(place)
                return value
            }
        }
    }

    public func store(_ entries: [(key: ScoreKey, value: StoredScore)]) async {
        state.withLock { state in
            for (key, value) in entries {
                let bytes = MemoryScoreCache.bytes(of: value)
                guard bytes <= maxBytes else { continue }
                if let place = state.places[key] { state.remove(place) }
                while state.statistics.bytes + bytes > maxBytes, state.oldest >= 0 {
                    state.remove(state.oldest)
                    state.statistics.evictions += 1
                }
                state.insert(Entry(key: key, value: value, bytes: bytes))
                state.statistics.stored += 1
            }
        }
    }

    /// Array headers are 32 bytes; a key is one array, and stands in the table and in its entry.
    static func bytes(of value: StoredScore) -> Int {
        let logits = value.logits.reduce(32) { $0 + 40 + 4 * $1.count }
        let passages = value.passages.isEmpty ? 0 : 32 + 16 * value.passages.count
        return 64 + 24 + MemoryLayout<Entry?>.stride + logits + passages
    }
}

extension MemoryScoreCache.State {
    fileprivate mutating func insert(_ entry: MemoryScoreCache.Entry) {
        let place = free.popLast() ?? entries.count
        if place == entries.count { entries.append(entry) } else { entries[place] = entry }
        places[entry.key] = place
        linkAsNewest(place)
        statistics.entries += 1
        statistics.bytes += entry.bytes
    }

    fileprivate mutating func remove(_ place: Int) {
        unlink(place)
        guard let entry = entries[place] else { return }
        places[entry.key] = nil
        entries[place] = nil
        free.append(place)
        statistics.entries -= 1
        statistics.bytes -= entry.bytes
    }

    fileprivate mutating func linkAsNewest(_ place: Int) {
        entries[place]?.newer = -1
        entries[place]?.older = newest
        if newest >= 0 { entries[newest]?.newer = place } else { oldest = place }
        newest = place
    }

    fileprivate mutating func unlink(_ place: Int) {
        guard let entry = entries[place] else { return }
        if entry.newer >= 0 { entries[entry.newer]?.older = entry.older } else { newest = entry.older }
        if entry.older >= 0 { entries[entry.older]?.newer = entry.newer } else { oldest = entry.newer }
    }
}
