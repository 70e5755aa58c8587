import HTTPTypes
import Reranking
import Tracing

/// The spans of requests: one for each request, and one in it for each stage that scoring went through.
struct RequestTrace: Sendable {
    let tracer: any Tracer

    /// Begins a request's span, as a part of the trace that its headers name.
    func begin(_ method: String, path: String, _ headers: HTTPFields) -> any Span {
        var context = InstrumentationContext.topLevel
        tracer.extract(headers, into: &context, using: HeaderExtractor())
        return tracer.startSpan("\(method) \(path)", context: context, ofKind: .server)
    }

    /// Ends a request's span. The stages followed one another up to now; of a call with a deadline, which goes through them
    /// several times, each has one span of their sum.
    func end(_ span: any Span, status: HTTPResponse.Status, _ outcome: Outcome) {
        span.attributes["http.response.status_code"] = Int64(status.code)
        if status.code >= 500 { span.setStatus(SpanStatus(code: .error)) }
        if let report = outcome.report {
            span.attributes["resift.model"] = outcome.model ?? report.model
            span.attributes["resift.documents"] = Int64(report.documents)
            span.attributes["resift.tokens"] = Int64(report.tokens)
            span.attributes["resift.cache_hits"] = Int64(report.cacheHits)
            addStages(report, to: span)
        }
        span.end()
    }

    private func addStages(_ report: RerankReport, to span: any Span) {
        let stages = [
            ("tokenize", report.tokenizeMilliseconds), ("queue", report.queueMilliseconds),
            ("infer", report.inferenceMilliseconds), ("rank", report.rankMilliseconds),
        ]
        let now = DefaultTracerClock.now.nanosecondsSinceEpoch
        func nanoseconds(_ milliseconds: Double) -> UInt64 { UInt64(max(0, milliseconds) * 1e6) }
        var begin = now - min(now, stages.reduce(0) { $0 + nanoseconds($1.1) })
        for (name, milliseconds) in stages {
            let end = begin + nanoseconds(milliseconds)
            let stage = tracer.startSpan(
                name, context: span.context, at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: begin))
            stage.end(at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: end))
            begin = end
        }
    }
}

private struct HeaderExtractor: Extractor {
    func extract(key: String, from headers: HTTPFields) -> String? { HTTPField.Name(key).flatMap { headers[$0] } }
}
