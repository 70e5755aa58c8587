import CoreMetrics
import HTTPTypes
import Metrics
import Reranking

/// What a server counts and measures. Names with `te_` are TEI's, so that its dashboards work.
struct ServerMetrics: Sendable {
    let registry = PrometheusRegistry(buckets: [
        "resift_batch_seconds": PrometheusRegistry.secondBuckets,
        "resift_batch_": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192],
        "te_batch_": [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024, 2_048, 4_096, 8_192],
    ])

    /// A request that was answered, however.
    func record(
        path: String, method: HTTPRequest.Method, status: HTTPResponse.Status, _ outcome: Outcome, _ spent: Duration
    ) {
        count("resift_requests_total", by: 1, [("path", path), ("status", "\(status.code)")])
        time("resift_request_duration_seconds", spent, [("path", path)])
        if let failure = outcome.failure {
            count("resift_request_failures_total", by: 1, [("kind", failure.rawValue)])
            count("te_request_failure", by: 1, [("err", failure.rawValue)])
        }
        guard let report = outcome.report else { return }
        count("te_request_count", by: 1, [("method", "rerank")])
        count("te_request_success", by: 1, [("method", "rerank")])
        time("te_request_duration", spent, [])
        let model = [("model", outcome.model ?? report.model)]
        count("resift_documents_total", by: report.documents, model)
        count("resift_pairs_total", by: report.pairs, model)
        count("resift_tokens_total", by: report.tokens, model)
        count("resift_truncated_documents_total", by: report.truncatedDocuments, model)
        count("resift_unscored_documents_total", by: report.unscoredDocuments, model)
        count("resift_cache_hits_total", by: report.cacheHits, model)
        count("resift_cache_misses_total", by: report.documents - report.unscoredDocuments - report.cacheHits, model)
        time("resift_rank_seconds", .milliseconds(report.rankMilliseconds), model)
        for (stage, milliseconds) in [
            ("tokenization", report.tokenizeMilliseconds), ("queue", report.queueMilliseconds),
            ("inference", report.inferenceMilliseconds),
        ] {
            time("resift_\(stage)_seconds", .milliseconds(milliseconds), model)
            time("te_request_\(stage)_duration", .milliseconds(milliseconds), [])
        }
    }

    /// A batch of a model.
    func record(_ batch: BatchRecord, model: String) {
        let model = [("model", model)]
        count("resift_shared_pairs_total", by: batch.sharedPairs, model)
        // Other calls had all of them scored.
        guard batch.pairs > 0 else { return }
        sample("resift_batch_pairs", batch.pairs, model)
        sample("resift_batch_tokens", batch.tokens, model)
        sample("resift_batch_calls", batch.calls, model)
        time("resift_batch_seconds", .milliseconds(batch.milliseconds), model)
        sample("te_batch_next_size", batch.pairs, [])
        sample("te_batch_next_tokens", batch.tokens, [])
    }

    /// What the metrics are when they are asked for.
    func text(_ admission: Admission, _ cache: (any ScoreCache)?) -> String {
        for tier in cache?.tiers ?? [] { record(tier) }
        gauge("resift_queue_requests", Double(admission.requests))
        gauge("te_queue_size", Double(admission.requests))
        gauge("resift_ready", admission.isReady ? 1 : 0)
        return registry.text
    }

    private func record(_ tier: CacheTierStatistics) {
        let label = [("tier", tier.tier)]
        if let bytes = tier.bytes { gauge("resift_cache_bytes", Double(bytes), label) }
        if let entries = tier.entries { gauge("resift_cache_entries", Double(entries), label) }
        total("resift_cache_tier_hits_total", tier.hits, label)
        total("resift_cache_tier_misses_total", tier.misses, label)
        total("resift_cache_stored_total", tier.stored, label)
        total("resift_cache_evictions_total", tier.evictions, label)
        // Each kind from the start, so that the first failure is a rise that an alert can see.
        for kind in CacheTierStatistics.Failure.allCases {
            total("resift_cache_failures_total", tier.failures[kind] ?? 0, label + [("kind", kind.rawValue)])
        }
    }

    /// A counter that somebody else counts.
    private func total(_ name: String, _ value: Int, _ dimensions: [(String, String)]) {
        registry.makeTotal(label: name, dimensions: dimensions).set(Int64(value))
    }

    private func count(_ name: String, by amount: Int, _ dimensions: [(String, String)]) {
        Counter(label: name, dimensions: dimensions, factory: registry).increment(by: amount)
    }

    private func time(_ name: String, _ duration: Duration, _ dimensions: [(String, String)]) {
        Timer(label: name, dimensions: dimensions, factory: registry).record(duration: duration)
    }

    private func sample(_ name: String, _ value: Int, _ dimensions: [(String, String)]) {
        Recorder(label: name, dimensions: dimensions, factory: registry).record(value)
    }

    private func gauge(_ name: String, _ value: Double, _ dimensions: [(String, String)] = []) {
        Meter(label: name, dimensions: dimensions, factory: registry).set(value)
    }
}
