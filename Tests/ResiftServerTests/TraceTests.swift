import InMemoryTracing
import Testing
import Tracing

@Suite("Requests leave traces")
struct TraceTests {
    @Test("a request's span has one in it for each stage, and is a part of its client's trace")
    func stages() async throws {
        let tracer = InMemoryTracer()
        try await LiveServer.run(tracer: tracer) { server in
            _ = try await server.post(
                "/v1/rerank", #"{"query": "q", "documents": ["d"]}"#,
                headers: [InMemoryTracer.traceIDKey: "trace-7", InMemoryTracer.spanIDKey: "span-3"])
        }
        let spans = tracer.finishedSpans
        let request = try #require(spans.first { $0.operationName == "POST /v1/rerank" })
        #expect(request.spanContext.traceID == "trace-7")
        #expect(request.spanContext.parentSpanID == "span-3")
        let stages = spans.filter { $0.spanContext.parentSpanID == request.spanContext.spanID }
        #expect(stages.map(\.operationName) == ["tokenize", "queue", "infer", "rank"])
        for (stage, next) in zip(stages, stages.dropFirst()) {
            #expect(stage.endInstant.nanosecondsSinceEpoch == next.startInstant.nanosecondsSinceEpoch)
        }
    }
}
