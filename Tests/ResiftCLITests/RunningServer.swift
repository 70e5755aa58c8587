import Foundation
import TestSupport

/// A `resift serve` on a free port of this machine; it ends with the value.
final class RunningServer {
    let address: String
    private let process: Process
    private let folder: TemporaryFolder

    init(_ options: [String] = ["--model", Resift.model], environment: [String: String] = [:]) throws {
        folder = try TemporaryFolder()
        let log = try folder.write("log", "")
        process = Process()
        process.executableURL = Resift.program
        process.arguments = ["serve", "--port", "0"] + options
        process.environment = ["NO_COLOR": "1"].merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: log))
        try process.run()
        var found: Substring?
        for _ in 0..<3_000 where found == nil && process.isRunning {
            usleep(10_000)
            let text = try String(contentsOf: URL(fileURLWithPath: log), encoding: .utf8)
            found = text.firstMatch(of: /listening on (http:\/\/127\.0\.0\.1:[0-9]+)/)?.1
        }
        guard let found else {
            process.terminate()
            throw BrowserSession.Failure(
                description: "no server: \(try String(contentsOf: URL(fileURLWithPath: log), encoding: .utf8))")
        }
        address = String(found)
    }

    deinit { stop() }

    func stop() {
        process.terminate()
        process.waitUntilExit()
    }
}
