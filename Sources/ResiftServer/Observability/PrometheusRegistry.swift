public import CoreMetrics
import Inference

/// Metrics by swift-metrics, as Prometheus reads them (text format 0.0.4).
///
/// Written here because no package that writes this format is among those that this one can depend on; it holds only
/// what the server's own metrics need. Timers and recorders are histograms, in seconds and in what was recorded.
public final class PrometheusRegistry: MetricsFactory {
    private let families = Monitor<[String: Family]>([:])
    private let buckets: [String: [Double]]

    private struct Family {
        var type: String
        var series: [String: Series] = [:]
    }

    /// - Parameter buckets: The upper bounds of histograms whose label begins so, the longest beginning first; others have those of
    ///   durations.
    public init(buckets: [String: [Double]] = [:]) { self.buckets = buckets }

    /// From a millisecond to half a minute.
    static let secondBuckets = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]

    /// One metric with one set of dimensions.
    final class Series: CounterHandler, FloatingPointCounterHandler, MeterHandler, RecorderHandler, TimerHandler {
        struct Value {
            var sum = 0.0
            var count = 0
            /// Of each bucket, without those below it.
            var counts: [Int]
        }

        let bounds: [Double]
        private let value: Monitor<Value>

        init(bounds: [Double]) {
            self.bounds = bounds
            value = Monitor(Value(counts: [Int](repeating: 0, count: bounds.count)))
        }

        var current: Value { value.withLock { $0 } }

        func increment(by amount: Int64) { increment(by: Double(amount)) }
        func increment(by amount: Double) { value.withLock { $0.sum += amount } }
        func decrement(by amount: Double) { value.withLock { $0.sum -= amount } }
        func set(_ new: Int64) { set(Double(new)) }
        func set(_ new: Double) { value.withLock { $0.sum = new } }
        func reset() {
            value.withLock { $0 = Value(counts: [Int](repeating: 0, count: bounds.count)) }
        }
        func record(_ sample: Int64) { record(Double(sample)) }
        func record(_ sample: Double) {
            let bucket = bounds.firstIndex { sample <= $0 }
            value.withLock { value in
                value.sum += sample
                value.count += 1
                if let bucket { value.counts[bucket] += 1 }
            }
        }
        func recordNanoseconds(_ duration: Int64) { record(Double(duration) / 1e9) }
    }

    private func series(_ label: String, _ dimensions: [(String, String)], type: String) -> Series {
        let name = PrometheusRegistry.name(label)
        let key = dimensions.map { "\(PrometheusRegistry.name($0))=\"\(PrometheusRegistry.escaped($1))\"" }
            .joined(separator: ",")
        let bounds =
            type == "histogram"
            ? buckets.filter { label.hasPrefix($0.key) }.max { $0.key.count < $1.key.count }?.value
                ?? PrometheusRegistry.secondBuckets : []
        return families.withLock { families in
            if let known = families[name]?.series[key] { return known }
            let new = Series(bounds: bounds)
            families[name, default: Family(type: type)].series[key] = new
            return new
        }
    }

    public func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        series(label, dimensions, type: "counter")
    }
    public func makeFloatingPointCounter(
        label: String, dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        series(label, dimensions, type: "counter")
    }
    /// A counter whose value another part of the program knows.
    func makeTotal(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, type: "counter")
    }
    public func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        series(label, dimensions, type: "gauge")
    }
    public func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        series(label, dimensions, type: aggregate ? "histogram" : "gauge")
    }
    public func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        series(label, dimensions, type: "histogram")
    }
    // A metric that was counted once stays: Prometheus takes one that goes for a restart.
    public func destroyCounter(_ handler: any CounterHandler) {}
    public func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    public func destroyMeter(_ handler: any MeterHandler) {}
    public func destroyRecorder(_ handler: any RecorderHandler) {}
    public func destroyTimer(_ handler: any TimerHandler) {}

    // MARK: Text

    /// Families and series in the order of their names.
    public var text: String {
        let families = families.withLock { $0 }
        var lines: [String] = []
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            lines.append("# TYPE \(name) \(family.type)")
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                let value = series.current
                guard family.type == "histogram" else {
                    lines.append("\(name)\(PrometheusRegistry.braces(labels)) \(PrometheusRegistry.number(value.sum))")
                    continue
                }
                var below = 0
                for (bound, count) in zip(series.bounds, value.counts) {
                    below += count
                    let all = [labels, "le=\"\(PrometheusRegistry.number(bound))\""].filter { !$0.isEmpty }
                    lines.append("\(name)_bucket{\(all.joined(separator: ","))} \(below)")
                }
                let all = [labels, "le=\"+Inf\""].filter { !$0.isEmpty }
                lines.append("\(name)_bucket{\(all.joined(separator: ","))} \(value.count)")
                lines.append("\(name)_sum\(PrometheusRegistry.braces(labels)) \(PrometheusRegistry.number(value.sum))")
                lines.append("\(name)_count\(PrometheusRegistry.braces(labels)) \(value.count)")
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func braces(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

    private static func number(_ value: Double) -> String {
        value.rounded() == value && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
    }

    /// Letters, digits, underscores and colons.
    private static func name(_ label: String) -> String {
        String(
            label.unicodeScalars.map { scalar in
                switch scalar {
                case "a"..."z", "A"..."Z", "0"..."9", "_", ":": Character(scalar)
                default: "_"
                }
            })
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
