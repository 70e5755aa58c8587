import Foundation
import Resift

/// Times searches of an index file: opening it, then BM25 or dense top 100, one query at a time on one thread.
enum SearchBench {
    /// The queries twice: the first pass reads the posting lists from the file, the second finds them in memory.
    static func bm25(index path: String, queries: String) async throws {
        let clock = ContinuousClock()
        let begin = clock.now
        let index = try SearchIndex.open(path: path)
        let passages = try await index.read { $0.passageCount }
        let opened = (clock.now - begin).seconds * 1_000
        let queries = try QueryReader().queries(in: .read(path: queries))
        var report: [String] = ["open \(opened.fine) ms"]
        for pass in ["cold", "warm"] {
            var times: [Double] = []
            for query in queries {
                let start = clock.now
                let hits = try await index.read { try $0.bm25(query.text, limit: 100, in: nil) }
                times.append((clock.now - start).seconds * 1_000)
                precondition(hits.count <= 100)
            }
            times.sort()
            report.append("\(pass) p50 \(times[times.count / 2].fine) ms, p95 \(times[times.count * 95 / 100].fine) ms")
        }
        print(
            "\(passages) passages, \(queries.count) queries: \(report.joined(separator: "; ")); peak \(ResiftBench.peakMegabytes().text) MB"
        )
    }

    /// Builds an index of random unit vectors, where it is not there yet, and times exact top 100 on one thread. What
    /// vectors mean plays no part in how long a scan of all of them takes.
    static func dense(index path: String, count: Int, dimension: Int = 384) async throws {
        var random = SystemRandomNumberGenerator()
        func vector() -> [Float] {
            let values = (0..<dimension).map { _ in Float.random(in: -1...1, using: &random) }
            let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return values.map { $0 / length }
        }
        if !FileManager.default.fileExists(atPath: path) {
            var settings = IndexSettings()
            settings.embedder = EmbedderDescription(directory: "random", dimension: dimension, probe: vector())
            let build = try IndexBuild(path: path, settings: settings, input: "random", replacing: false)
            for number in 0..<count {
                _ = try build.isCommitted(id: "\(number)")
                try build.writer.add(IndexEntry(IndexDocument(id: "\(number)", text: ""), vectors: [vector()]))
                if number % 100_000 == 99_999 { try build.checkpoint() }
            }
            try build.finish()
        }
        let clock = ContinuousClock()
        let index = try SearchIndex.open(path: path)
        var times: [Double] = []
        for _ in 0..<60 {
            let query = vector()
            let start = clock.now
            _ = try await index.read { try $0.dense(query, limit: 100, in: nil) }
            times.append((clock.now - start).seconds * 1_000)
        }
        let first = times.removeFirst()
        times.sort()
        print(
            "\(count) vectors of \(dimension): first \(first.fine) ms, then p50 \(times[29].fine) ms, p95 \(times[56].fine) ms on one thread; peak \(ResiftBench.peakMegabytes().text) MB"
        )
    }
}

extension Duration {
    var seconds: Double { self / .seconds(1) }
}

extension Double {
    var fine: String { String(format: "%.2f", self) }
}
