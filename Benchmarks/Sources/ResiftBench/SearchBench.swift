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
}

extension Duration {
    fileprivate var seconds: Double { self / .seconds(1) }
}

extension Double {
    fileprivate var fine: String { String(format: "%.2f", self) }
}
