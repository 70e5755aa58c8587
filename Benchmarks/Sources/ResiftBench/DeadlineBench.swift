import Foundation
import Resift

/// Whether a deadline is kept while other processes want the CPUs too.
enum DeadlineBench {
    private static let queries = 200
    private static let busyProcesses = 1

    /// 200 queries of 100 candidates: the workload's passages, each time from another one on.
    static func run(milliseconds: Double, _ workload: Workload, _ reranker: Reranker) async throws {
        let busy = try (0..<busyProcesses).map { _ in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: "/bin/sh")
            process.arguments = ["-c", "while :; do :; done"]
            try process.run()
            return process
        }
        defer {
            for process in busy { kill(process.processIdentifier, SIGKILL) }
        }
        let clock = ContinuousClock()
        let options = RerankOptions(deadline: .seconds(milliseconds / 1_000))
        var times: [Double] = []
        var scored = 0
        for number in 0..<queries {
            let passages =
                Array(workload.passages[(number % workload.passages.count)...])
                + workload.passages[..<(number % workload.passages.count)]
            let begin = clock.now
            let ranking = try await reranker.rerank(workload.query, passages, limit: 10, options: options)
            times.append((clock.now - begin) / .milliseconds(1))
            scored += ranking.report.documents - ranking.report.unscoredDocuments
        }
        times.sort()
        print(
            "deadline \(milliseconds) ms, \(queries) queries of \(workload.passages.count), \(busyProcesses) busy process beside it,",
            "\(reranker.costModel == nil ? "no profile" : "profiled"):",
            "p50 \(times[queries / 2].text), p99 \(times[queries * 99 / 100 - 1].text), longest \(times[queries - 1].text) ms;",
            "\((Double(scored) / Double(queries)).text) candidates scored")
    }
}
