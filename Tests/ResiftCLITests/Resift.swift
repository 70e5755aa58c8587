import Foundation
import Inference
import Ranking
import Reranking
import TestSupport

/// The built command, run as a program of its own.
enum Resift {
    struct Output: Equatable {
        var stdout: String
        var stderr: String
        var status: Int32

        var lines: [String] { stdout.split(separator: "\n").map(String.init) }
    }

    /// A tiny model with random weights: one label, logits as scores.
    static let model = Repository.model("bert-cross-encoder")

    /// SwiftPM puts the command beside the program, or the bundle, that holds the tests.
    static let program: URL = {
        #if os(Linux)
            let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        #else
            let tests =
                Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL ?? Bundle.main.bundleURL
        #endif
        return tests.deletingLastPathComponent().appendingPathComponent("resift")
    }()

    /// - Parameter input: what the command reads from standard input.
    static func run(
        _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) throws -> Output {
        try run(arguments, input: Array(input.utf8), environment: environment)
    }

    /// Streams are files, so that no pipe can fill up while nobody reads it.
    static func run(
        _ arguments: [String], input: [UInt8], environment: [String: String] = [:], program: URL = Resift.program
    ) throws -> Output {
        let folder = try TemporaryFolder()
        let stdin = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder.write("stdin", input)))
        let stdout = try FileHandle(forUpdating: URL(fileURLWithPath: folder.write("stdout", "")))
        let stderr = try FileHandle(forUpdating: URL(fileURLWithPath: folder.write("stderr", "")))
        let process = prepared(arguments, environment: environment)
        process.executableURL = program
        process.standardInput = stdin
        process.standardOutput = stdout
        process.standardError = stderr
        try process.run()
        process.waitUntilExit()
        // No command ends by a signal, whatever it is given.
        if process.terminationReason == .uncaughtSignal { throw Crash(signal: process.terminationStatus) }
        return Output(
            stdout: try text(folder, "stdout"), stderr: try text(folder, "stderr"), status: process.terminationStatus)
    }

    /// What a command writes to a terminal of 80 columns, with its colours. Needs the command `script`.
    static func onTerminal(_ arguments: [String]) throws -> Output {
        let command = (["env", "-u", "NO_COLOR", program.path] + arguments)
            .map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        #if os(Linux)
            let options = ["-qec", command, "/dev/null"]
        #else
            let options = ["-q", "/dev/null", "/bin/sh", "-c", command]
        #endif
        return try run(options, input: [], environment: ["TERM": "xterm"], program: script)
    }

    static let script = URL(fileURLWithPath: "/usr/bin/script")

    struct Crash: Error {
        var signal: Int32
    }

    /// Starts a command and kills it after a time, if it runs that long.
    ///
    /// - Returns: whether it was killed.
    static func runAndKill(_ arguments: [String], after time: Duration) throws -> Bool {
        let process = prepared(arguments)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        usleep(UInt32(time / .microseconds(1)))
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
    }

    private static func prepared(_ arguments: [String], environment: [String: String] = [:]) -> Process {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = ["COLUMNS": "80", "NO_COLOR": "1"].merging(environment) { $1 }
        return process
    }

    private static func text(_ folder: TemporaryFolder, _ name: String) throws -> String {
        try String(contentsOf: URL(fileURLWithPath: folder.path + "/" + name), encoding: .utf8)
    }

    /// `resift rerank` with the tiny model, documents from standard input.
    static func rerank(
        _ query: String, _ options: [String] = [], input: String, environment: [String: String] = [:]
    ) throws -> Output {
        try run(
            ["rerank", query, "--documents", "-", "--model", model] + options, input: input, environment: environment)
    }

    /// What the library says of each text: the numbers that the command has to print.
    static func scores(_ query: String, _ texts: [String], options: RerankOptions = RerankOptions()) async throws
        -> [Float]
    {
        try await Reranker.load(directory: model).scores(query, texts, options: options)
    }

    /// Positions, best first, for texts that have no ids.
    static func order(_ scores: [Float]) -> [Int] { scores.indices.sorted { (-scores[$0], $0) < (-scores[$1], $1) } }
}
