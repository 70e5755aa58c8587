import Inference
import Reranking

/// What a tier counts, from any thread.
final class TierCounts: Sendable {
    private let state: Monitor<CacheTierStatistics>

    init(_ tier: String) { state = Monitor(CacheTierStatistics(tier: tier)) }

    var statistics: CacheTierStatistics { state.withLock { $0 } }

    func change(_ body: (inout CacheTierStatistics) -> Void) { state.withLock { body(&$0) } }

    func count(_ failure: CacheTierStatistics.Failure, _ times: Int = 1) {
        guard times > 0 else { return }
        change { $0.count(failure, times) }
    }

    /// A lookup that was answered.
    func count(found: [StoredScore?]) {
        let hits = found.count { $0 != nil }
        change {
            $0.hits += hits
            $0.misses += found.count - hits
        }
    }
}
