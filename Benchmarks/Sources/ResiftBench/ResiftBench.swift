// Times Resift.
//
//     ResiftBench summary [--threads N] [--precision P] WORKLOAD.json
//                                                             milliseconds, pairs/s, peak memory
//     ResiftBench cold-start PATH_TO_RESIFT                   process start to first score, pages in the cache
//     ResiftBench embed [--threads N] MODEL TEXTS             texts/s of a bi-encoder, one text a line
//     ResiftBench search INDEX QUERIES                        p50 and p95 of BM25 top 100 on one thread
//     ResiftBench dense INDEX COUNT                           p50 and p95 of the exact scan of random vectors
//     ResiftBench late-interaction [--threads N] [--form F] [--centroids N] [--exact N] FOLDER
//                                                             index, search and rerank of token_vectors.py's vectors
//     ResiftBench deadline [--threads N] MILLISECONDS WORKLOAD.json
//                                                             p50 and p99 of reranks with a deadline, beside a busy process
//     ResiftBench scale [--threads N] MAX_TOKENS WORKLOAD.json
//                                                             time and memory of 10 to 5,000 candidates
//     ResiftBench rounds [--threads N] [--precision P] [--text] WORKLOAD.json
//                                                             one round for each line on standard input, so that a
//                                                             driver can interleave engines; answers in JSON
//     ResiftBench prefix [--threads N] [--precision P] MODEL PROMPT_TOKENS DOCUMENTS DOCUMENT_TOKENS
//                                                             a causal model with and without the shared prefix
//
// With --model DIRECTORY, rounds are another model's than the embedded one, from token ids alone.
//
// A round starts from the workload's token ids, as the peers' rounds do; with --text from the texts.

import Foundation
import Resift

@main
struct ResiftBench {
    static func main() async throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let threads = arguments.take(valueOf: "--threads").flatMap { Int($0) } ?? ComputePool.availableCPUs()
        let precision = arguments.take(valueOf: "--precision").flatMap(Precision.init) ?? .auto
        let fromText = arguments.take("--text")
        let model = arguments.take(valueOf: "--model")
        let form = arguments.take(valueOf: "--form").flatMap(TokenVectorForm.init) ?? IndexDefaults.tokenVectorForm
        let centroids = arguments.take(valueOf: "--centroids").flatMap { Int($0) }
        let exact = arguments.take(valueOf: "--exact").flatMap { Int($0) }
        switch (arguments.first, arguments.dropFirst().first) {
        case ("summary", let path?): try await summary(path, threads: threads, precision: precision)
        case ("cold-start", let resift?): try coldStart(resift)
        case ("embed", let model?) where arguments.count == 3:
            try await embed(model, arguments[2], threads: threads)
        case ("search", let index?) where arguments.count == 3:
            try await SearchBench.bm25(index: index, queries: arguments[2])
        case ("dense", let index?) where arguments.count == 3:
            try await SearchBench.dense(index: index, count: Int(arguments[2]) ?? 1_000_000)
        case ("late-interaction", let folder?):
            let standard = LateInteractionProbing()
            let probing = LateInteractionProbing(
                centroids: centroids ?? standard.centroids, exact: exact ?? standard.exact)
            try await LateInteractionBench.run(folder: folder, form: form, threads: threads, probing: probing)
        case ("deadline", let text?) where arguments.count == 3:
            guard let milliseconds = Double(text) else { throw CocoaError(.formatting) }
            let workload = try await Workload(path: arguments[2], threads: threads, precision: precision)
            let reranker = try Reranker.default(pool: ComputePool(threads: threads), precision: precision)
            try await DeadlineBench.run(milliseconds: milliseconds, workload, reranker)
        case ("scale", let text?) where arguments.count == 3:
            guard let maxTokens = Int(text) else { throw CocoaError(.formatting) }
            let workload = try await Workload(path: arguments[2], threads: threads, precision: precision)
            try await ScaleBench.run(
                workload, workload.reranker, counts: [10, 100, 1_000, 5_000], maxTokens: maxTokens)
        case ("rounds", let path?):
            try await rounds(path, model: model, threads: threads, precision: precision, fromText: fromText)
        case ("prefix", let model?) where arguments.count == 5:
            let numbers = arguments.dropFirst(2).compactMap { Int($0) }
            guard numbers.count == 3 else { throw CocoaError(.formatting) }
            let encoder = try CrossEncoder.load(
                directory: model, pool: ComputePool(threads: threads), precision: precision)
            try await PrefixBench.run(
                encoder, promptTokens: numbers[0], documents: numbers[1], documentTokens: numbers[2])
        default:
            print(
                "usage: ResiftBench summary|cold-start|embed|search|dense|late-interaction|deadline|scale|rounds|prefix (see the head of ResiftBench.swift)"
            )
            exit(64)
        }
    }

    private static func summary(_ path: String, threads: Int, precision: Precision) async throws {
        let workload = try await Workload(path: path, threads: threads, precision: precision)
        let inference = try await workload.times(rounds: 12) { try await workload.scoreTokens() }
        let withText = try await workload.times(rounds: 12) { try await workload.scoreTexts() }
        let pairsPerSecond = Double(workload.pairs.count) / inference[0] * 1_000
        print(
            "\(workload.name): \(workload.pairs.count) pairs, \(workload.tokens) tokens, \(threads) threads,",
            "\(workload.reranker.model.kernels), \(workload.reranker.model.precision):",
            "min \(inference[0].text) ms, median \(inference[6].text) ms,",
            "with tokenization \(withText[0].text) ms, \(pairsPerSecond.text) pairs/s, peak \(peakMegabytes().text) MB")
    }

    private static func embed(_ model: String, _ path: String, threads: Int) async throws {
        let texts = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
        let encoder = try BiEncoder.load(directory: model, pool: ComputePool(threads: threads))
        var (seconds, embeddings) = (Double.infinity, Embeddings())
        for _ in 0..<3 {
            let start = ContinuousClock.now
            embeddings = try await encoder.embed(texts, as: .document)
            seconds = min(seconds, start.duration(to: .now) / .seconds(1))
        }
        print(
            "\(texts.count) texts, \(embeddings.tokens) tokens, \(embeddings.truncatedTexts) texts cut, \(threads) threads:",
            "\((Double(texts.count) / seconds).text) texts/s, \((Double(embeddings.tokens) / seconds).text) tokens/s,",
            "peak \(peakMegabytes().text) MB")
    }

    private static func coldStart(_ resift: String) throws {
        var times: [Double] = []
        for _ in 0..<15 {
            let start = ContinuousClock.now
            let process = Process()
            process.executableURL = URL(fileURLWithPath: resift)
            process.arguments = [
                "rerank", "how do I reset my password?", "--documents", "-", "--input-format", "lines",
            ]
            let input = Pipe()
            process.standardInput = input
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            try input.fileHandleForWriting.write(contentsOf: Data("Choose Security and press Reset password.\n".utf8))
            try input.fileHandleForWriting.close()
            // The end of the output is the end of the work; waitUntilExit looks only every so often.
            _ = try output.fileHandleForReading.readToEnd()
            times.append(start.duration(to: .now) / .milliseconds(1))
            process.waitUntilExit()
        }
        times.sort()
        print("cold start of the command to its first score: min \(times[0].text) ms, median \(times[7].text) ms")
    }

    private static func rounds(
        _ path: String, model: String?, threads: Int, precision: Precision, fromText: Bool
    ) async throws {
        let workload = try await Workload(path: path, model: model, threads: threads, precision: precision)
        say("ready {\"load_milliseconds\": \(workload.loadMilliseconds)}")
        while readLine() != nil {
            let time = try await workload.times(rounds: 1) {
                if fromText { try await workload.scoreTexts() } else { try await workload.scoreTokens() }
            }[0]
            say("{\"milliseconds\": \(time), \"peak_megabytes\": \(peakMegabytes())}")
        }
    }

    /// Unbuffered: a driver waits for each line.
    private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    /// The most memory this process has held.
    static func peakMegabytes() -> Double {
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

/// One query with its passages, as texts and as token ids, and a model to score them with.
struct Workload {
    let name: String
    let query: String
    let passages: [String]
    let pairs: [EncodedPair]
    let reranker: Reranker
    /// From the model's files to a model that can score.
    let loadMilliseconds: Double
    private let encoder: CrossEncoder

    var tokens: Int { pairs.reduce(0) { $0 + $1.tokenIDs.count } }

    private struct Stored: Decodable {
        var query: String
        var passages: [String]
        var inputIDs: [[Int32]]
        var tokenTypeIDs: [[Int32]]

        enum CodingKeys: String, CodingKey {
            case query
            case passages
            case inputIDs = "input_ids"
            case tokenTypeIDs = "token_type_ids"
        }
    }

    /// Checks the result before anything is timed: the texts have to give what the token ids give, with the embedded
    /// model, whose tokens they are.
    init(path: String, model: String? = nil, threads: Int, precision: Precision) async throws {
        let url = URL(fileURLWithPath: path)
        let stored = try JSONDecoder().decode(Stored.self, from: Data(contentsOf: url))
        name = url.deletingPathExtension().lastPathComponent
        (query, passages) = (stored.query, stored.passages)
        pairs = zip(stored.inputIDs, stored.tokenTypeIDs).map { EncodedPair(tokenIDs: $0, typeIDs: $1) }
        let begin = ContinuousClock.now
        encoder = try CrossEncoder.load(
            directory: model ?? DefaultModel.directory(), pool: ComputePool(threads: threads), precision: precision)
        loadMilliseconds = begin.duration(to: .now) / .milliseconds(1)
        reranker = Reranker(encoder)
        let logits = try await encoder.logits(of: pairs).map { $0[0] }
        guard model == nil else { return }
        let scores = try await reranker.scores(query, passages, options: RerankOptions(activation: .identity))
        guard scores == logits else { throw CocoaError(.fileReadCorruptFile) }
    }

    func scoreTokens() async throws { _ = try await encoder.logits(of: pairs) }
    func scoreTexts() async throws { _ = try await reranker.scores(query, passages) }

    /// Milliseconds of each round, ascending.
    func times(rounds: Int, _ body: () async throws -> Void) async throws -> [Double] {
        var times: [Double] = []
        for _ in 0..<rounds {
            let start = ContinuousClock.now
            try await body()
            times.append(start.duration(to: .now) / .milliseconds(1))
        }
        return times.sorted()
    }
}

extension [String] {
    fileprivate mutating func take(_ name: String) -> Bool {
        guard let index = firstIndex(of: name) else { return false }
        remove(at: index)
        return true
    }

    fileprivate mutating func take(valueOf name: String) -> String? {
        guard let index = firstIndex(of: name), index + 1 < count else { return nil }
        let value = self[index + 1]
        removeSubrange(index...index + 1)
        return value
    }
}

extension Double {
    var text: String { String(format: "%.1f", self) }
}
