import Foundation
import TestSupport

/// A Chromium of this machine, run without a window.
struct Browser {
    let program: String

    /// The program that RESIFT_BROWSER names, or Chromium by its usual names; nil where there is none.
    static let installed: Browser? = {
        let environment = ProcessInfo.processInfo.environment
        if let named = environment["RESIFT_BROWSER"] { return Browser(program: named) }
        let folders = (environment["PATH"] ?? "").split(separator: ":").map(String.init)
        let names = ["chromium", "chromium-browser", "google-chrome"]
        return names.lazy.flatMap { name in folders.lazy.map { $0 + "/" + name } }
            .first(where: FileManager.default.isExecutableFile).map(Browser.init)
    }()

    /// The page after it was loaded, laid out and its scripts were run. It has no way to the network.
    func document(_ page: String) throws -> String {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let output = try FileHandle(forUpdating: URL(fileURLWithPath: folder.write("document", "")))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = [
            "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--user-data-dir=\(folder.path)/profile", "--host-resolver-rules=MAP * ~NOTFOUND",
            "--window-size=1200,2400", "--virtual-time-budget=10000", "--dump-dom", "file://\(page)",
        ]
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return try String(contentsOf: URL(fileURLWithPath: folder.path + "/document"), encoding: .utf8)
    }
}
