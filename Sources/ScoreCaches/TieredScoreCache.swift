public import Reranking

/// Several caches, the fastest first: memory in front of a file in front of a server.
///
/// A key is looked for in one tier after the other; what a slower tier has is put into the faster ones. What is computed
/// goes into all of them.
public final class TieredScoreCache: ScoreCache {
    private let caches: [any ScoreCache]

    public init(_ caches: [any ScoreCache]) { self.caches = caches }

    public var tiers: [CacheTierStatistics] { caches.flatMap(\.tiers) }

    public func values(for keys: [ScoreKey]) async -> [StoredScore?] {
        var values = [StoredScore?](repeating: nil, count: keys.count)
        var missing = Array(keys.indices)
        for (tier, cache) in caches.enumerated() where !missing.isEmpty && !Task.isCancelled {
            let found = await cache.values(for: missing.map { keys[$0] })
            var entries: [(key: ScoreKey, value: StoredScore)] = []
            for (index, value) in zip(missing, found) {
                guard let value else { continue }
                values[index] = value
                entries.append((keys[index], value))
            }
            missing = missing.filter { values[$0] == nil }
            guard !entries.isEmpty else { continue }
            for faster in caches.prefix(tier) { await faster.store(entries) }
        }
        return values
    }

    public func store(_ entries: [(key: ScoreKey, value: StoredScore)]) async {
        for cache in caches { await cache.store(entries) }
    }

    public func close() async {
        for cache in caches { await cache.close() }
    }
}
