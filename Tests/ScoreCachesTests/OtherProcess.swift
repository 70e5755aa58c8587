import Foundation

/// Another process that stores scores in the same file.
enum OtherProcess {
    /// The program of Tests/ScoreCacheWriter, built beside the tests.
    static func writer(_ path: String, _ first: Int, _ count: Int) throws -> (Process, FileHandle) {
        #if os(Linux)
            let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        #else
            let tests =
                Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL ?? Bundle.main.bundleURL
        #endif
        let process = Process()
        process.executableURL = tests.deletingLastPathComponent().appendingPathComponent("ScoreCacheWriter")
        process.arguments = [path, "\(first)", "\(count)"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        return (process, pipe.fileHandleForReading)
    }
}
