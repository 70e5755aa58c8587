import ArgumentParser
import Foundation
import FuzzMutations
import Inference
import Ranking

/// Damages model files and loads them: anything may come of it but a crash, a hang or an error of another type.
@main
struct FuzzCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resift-fuzz",
        abstract: "Damages the files of small checkpoints, loads them and scores a pair with whatever loads.",
        discussion: """
            Repeat one case of a run with --seed S --first C --cases 1. Build with --sanitize address to see reads \
            outside of memory.
            """)

    @Option(help: "How many damaged files to try.")
    var cases = 100_000

    @Option(help: "The seed that all damage follows from.")
    var seed: UInt64 = 1

    @Option(help: "The number of the first case.")
    var first = 0

    @Option(help: "Damage one kind of file only: \(FuzzCorpus.Kind.allCases.map(\.rawValue).joined(separator: ", ")).")
    var only: FuzzCorpus.Kind?

    @Option(help: "Seconds after which a case counts as a hang.")
    var timeout = 5.0

    @Option(help: "The folder with checkpoints to damage beside the generated ones.")
    var fixtures = URL(fileURLWithPath: #filePath).appendingPathComponent("../../../Tests/Fixtures").standardized.path

    func run() async throws {
        let corpus = try FuzzCorpus(fixtures: fixtures)
        let pool = ComputePool(threads: 1)
        let watchdog = Watchdog(seed: seed, timeout: timeout)
        let clock = ContinuousClock()
        let begin = clock.now
        var counts: [String: [String: Int]] = [:]
        for number in first..<first + cases {
            watchdog.begin(number)
            let test = FuzzCase(seed: seed, number: number, corpus: corpus, only: only)
            do {
                let outcome = try await test.run(pool: pool)
                counts[test.kind.rawValue, default: [:]][outcome.name, default: 0] += 1
            } catch is CancellationError {
                counts[test.kind.rawValue, default: [:]]["cancelled", default: 0] += 1
            } catch {
                watchdog.report("\(test.model.name)/\(test.file): \(type(of: error)): \(error)")
                throw ExitCode.failure
            }
            let done = number - first + 1
            if done.isMultiple(of: 5_000) { print("\(done) cases in \((clock.now - begin).wholeSeconds) s") }
        }
        watchdog.end()
        print("\(cases) cases, seed \(seed), \((clock.now - begin).wholeSeconds) s, none with a defect")
        for (kind, outcomes) in counts.sorted(by: { $0.key < $1.key }) {
            print("\(kind): \(outcomes.values.reduce(0, +))")
            for (outcome, count) in outcomes.sorted(by: { $0.key < $1.key }) { print("  \(outcome): \(count)") }
        }
    }
}

extension FuzzCorpus.Kind: ExpressibleByArgument {}

extension FuzzCase.Outcome {
    fileprivate var name: String {
        switch self {
        case .scored: "loaded, finite score"
        case .refused(let code): "refused: \(code.rawValue)"
        case .unscored(let code): "loaded, score refused: \(code.rawValue)"
        }
    }
}

extension Duration {
    fileprivate var wholeSeconds: Int { Int(components.seconds) }
}
