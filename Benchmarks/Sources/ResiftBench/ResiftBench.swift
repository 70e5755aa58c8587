// Times inference on a stored workload, one round for each line on standard input, so that a driver can interleave
// engines. Prints one JSON object a round.
//
//     resift-bench WORKLOAD.json [--model DIRECTORY] [--threads N] [--text]
//
// Without --text a round starts from the workload's token ids, as the peers' rounds do; with it from the texts.

import Foundation
import Resift

@main
struct ResiftBench {
    struct Workload: Decodable {
        var query: String
        var passages: [String]
        var input_ids: [[Int32]]
        var token_type_ids: [[Int32]]
    }

    static func main() async throws {
        let begin = ContinuousClock.now
        var arguments = CommandLine.arguments.dropFirst()
        let fromText = take("--text", from: &arguments)
        let threads = value("--threads", from: &arguments).flatMap(Int.init) ?? ComputePool.availableCPUs()
        let directory = try value("--model", from: &arguments) ?? DefaultModel.directory()
        guard let path = arguments.first else { fatalError("usage: resift-bench WORKLOAD.json [--model DIRECTORY] [--threads N] [--text]") }

        let workload = try JSONDecoder().decode(Workload.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        let encoder = try CrossEncoder.load(directory: directory, pool: ComputePool(threads: threads))
        let reranker = Reranker(encoder)
        let pairs = zip(workload.input_ids, workload.token_type_ids).map { EncodedPair(tokenIDs: $0, typeIDs: $1) }
        let tokens = pairs.reduce(0) { $0 + $1.tokenIDs.count }
        // Check the result, then time it: the texts have to give what the ids give.
        let logits = try await encoder.logits(of: pairs).map { $0[0] }
        let firstScore = begin.duration(to: .now)
        let scores = try await reranker.scores(
            workload.query, workload.passages, options: RerankOptions(activation: .identity))
        guard scores == logits else { fatalError("the workload's texts and token ids give different scores") }

        say("ready \(ms(firstScore))")
        while readLine() != nil {
            let start = ContinuousClock.now
            if fromText {
                _ = try await reranker.scores(workload.query, workload.passages)
            } else {
                _ = try await encoder.logits(of: pairs)
            }
            let milliseconds = ms(start.duration(to: .now))
            say("{\"milliseconds\": \(milliseconds), \"pairs\": \(pairs.count), \"tokens\": \(tokens), \"peak_megabytes\": \(peakMegabytes())}")
        }
    }

    private static func take(_ name: String, from arguments: inout ArraySlice<String>) -> Bool {
        guard let index = arguments.firstIndex(of: name) else { return false }
        arguments.remove(at: index)
        return true
    }

    private static func value(_ name: String, from arguments: inout ArraySlice<String>) -> String? {
        guard let index = arguments.firstIndex(of: name), index + 1 < arguments.endIndex else { return nil }
        let value = arguments[index + 1]
        arguments.removeSubrange(index...index + 1)
        return value
    }

    /// Unbuffered: a driver waits for each line.
    private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    private static func ms(_ duration: Duration) -> Double { duration / .milliseconds(1) }

    /// The most memory this process has held.
    private static func peakMegabytes() -> Double {
        var usage = rusage()
        #if os(Linux)
            getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return Double(usage.ru_maxrss) / 1_024
        #else
            getrusage(RUSAGE_SELF, &usage)
            return Double(usage.ru_maxrss) / 1_048_576
        #endif
    }
}
