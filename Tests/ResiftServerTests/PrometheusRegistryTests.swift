import CoreMetrics
import ResiftServer
import Testing

@Suite("Metrics are text that Prometheus reads")
struct PrometheusRegistryTests {
    @Test("counters, gauges and cumulative histograms, in the order of their names")
    func text() {
        let registry = PrometheusRegistry(buckets: ["size": [1, 2.5]])
        for path in ["/b", "/a"] { Counter(label: "hits", dimensions: [("path", path)], factory: registry).increment() }
        Counter(label: "hits", dimensions: [("path", "/a")], factory: registry).increment(by: 2)
        Meter(label: "open.files", factory: registry).set(1.5)
        for size in [1, 2, 3, 0] { Recorder(label: "size", factory: registry).record(size) }
        #expect(
            registry.text == """
                # TYPE hits counter
                hits{path="/a"} 3
                hits{path="/b"} 1
                # TYPE open_files gauge
                open_files 1.5
                # TYPE size histogram
                size_bucket{le="1"} 2
                size_bucket{le="2.5"} 3
                size_bucket{le="+Inf"} 4
                size_sum 6
                size_count 4

                """)
    }

    @Test("values of labels are escaped, so that no request can write lines of its own")
    func escaping() {
        let registry = PrometheusRegistry()
        Counter(label: "n", dimensions: [("a", "x\"\\\n# y")], factory: registry).increment()
        #expect(registry.text == "# TYPE n counter\nn{a=\"x\\\"\\\\\\n# y\"} 1\n")
    }
}
