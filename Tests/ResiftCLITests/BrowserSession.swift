import Foundation
import TestSupport

/// A page in a headless Chromium, driven as a person drives it: keys, pasted text, and what is then to be seen.
///
/// It speaks the DevTools protocol through `--remote-debugging-pipe`: JSON messages that end with a zero byte, on the
/// browser's descriptors 3 and 4. Only addresses of this machine can be reached.
final class BrowserSession {
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let process = Process()
    private let folder: TemporaryFolder
    private let input: FileHandle
    private let output: FileHandle
    private var buffer = Data()
    private var lastID = 0
    private var session: String?
    private var server: RunningServer?
    /// What the browser reported since the start.
    private var events: [[String: Any]] = []

    init(_ browser: Browser) throws {
        folder = try TemporaryFolder()
        let commands = folder.path + "/commands"
        let answers = folder.path + "/answers"
        // Opened for both directions, a named pipe waits for nobody.
        guard mkfifo(commands, 0o600) == 0, mkfifo(answers, 0o600) == 0,
            let input = FileHandle(forUpdatingAtPath: commands), let output = FileHandle(forUpdatingAtPath: answers)
        else { throw Failure(description: "no pipes in \(folder.path)") }
        self.input = input
        self.output = output
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = [
            "-c", "commands=$1 answers=$2; shift 2; exec \"$0\" \"$@\" 3<\"$commands\" 4>\"$answers\"", browser.program,
            commands, answers, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--remote-debugging-pipe", "--user-data-dir=\(folder.path)/profile",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "about:blank",
        ]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        let targets = try call("Target.getTargets")["targetInfos"] as? [[String: Any]] ?? []
        guard let page = targets.first(where: { $0["type"] as? String == "page" })?["targetId"] as? String else {
            throw Failure(description: "the browser has no page: \(targets)")
        }
        session = try call("Target.attachToTarget", ["targetId": page, "flatten": true])["sessionId"] as? String
        for domain in ["Page", "Runtime", "Log", "Network"] { try call(domain + ".enable") }
    }

    deinit {
        process.terminate()
        process.waitUntilExit()
    }

    // MARK: - What a person does

    /// Opens the page at /, and keeps the server for as long as the page is used.
    func open(_ server: RunningServer) throws {
        self.server = server
        try call("Page.navigate", ["url": server.address + "/"])
    }

    /// Replaces what a field holds, as by selecting all of it and pasting.
    func paste(_ text: String, into selector: String) throws {
        try evaluate("document.querySelector('\(selector)').focus(); document.activeElement.select()")
        try call("Input.insertText", ["text": text])
    }

    /// - Parameter modifiers: 1 Alt, 2 Control, 4 Meta, 8 Shift.
    func press(_ key: String, code: Int, text: String? = nil, modifiers: Int = 0) throws {
        var event: [String: Any] = [
            "type": text == nil ? "rawKeyDown" : "keyDown", "key": key, "code": key, "windowsVirtualKeyCode": code,
            "modifiers": modifiers,
        ]
        event["text"] = text
        try call("Input.dispatchKeyEvent", event)
        event["type"] = "keyUp"
        event["text"] = nil
        try call("Input.dispatchKeyEvent", event)
    }

    func tab() throws { try press("Tab", code: 9) }
    func arrowLeft() throws { try press("ArrowLeft", code: 37) }
    func arrowRight() throws { try press("ArrowRight", code: 39) }
    func controlEnter() throws { try press("Enter", code: 13, modifiers: 2) }

    func show(width: Int, height: Int, dark: Bool = false, reducedMotion: Bool = false) throws {
        try call(
            "Emulation.setDeviceMetricsOverride",
            ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600])
        try call(
            "Emulation.setEmulatedMedia",
            [
                "features": [
                    ["name": "prefers-color-scheme", "value": dark ? "dark" : "light"],
                    ["name": "prefers-reduced-motion", "value": reducedMotion ? "reduce" : "no-preference"],
                ]
            ])
    }

    /// Runs a script in every page before its own.
    func prepare(_ script: String) throws { try call("Page.addScriptToEvaluateOnNewDocument", ["source": script]) }

    // MARK: - What is to be seen

    /// The value of an expression, as JSON says it.
    @discardableResult
    func evaluate(_ expression: String) throws -> Any? {
        let answer = try call(
            "Runtime.evaluate", ["expression": expression, "returnByValue": true, "awaitPromise": true])
        if let problem = answer["exceptionDetails"] { throw Failure(description: "\(expression): \(problem)") }
        return (answer["result"] as? [String: Any])?["value"]
    }

    func texts(_ expression: String) throws -> [String] { try evaluate(expression) as? [String] ?? [] }
    func text(_ expression: String) throws -> String { try evaluate(expression) as? String ?? "" }
    func number(_ expression: String) throws -> Double { (try evaluate(expression) as? NSNumber)?.doubleValue ?? .nan }

    /// Waits until the expression is true.
    func wait(until expression: String, seconds: Double = 30) throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while Date() < end {
            if (try evaluate(expression) as? Bool) == true { return }
            usleep(20_000)
        }
        throw Failure(description: "never became true: \(expression)")
    }

    /// The whole page as a PNG.
    func screenshot() throws -> Data {
        let answer = try call("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true])
        return Data(base64Encoded: answer["data"] as? String ?? "") ?? Data()
    }

    /// Errors and warnings of the console, exceptions, and what the browser refused.
    var complaints: [String] {
        events.compactMap { event in
            let parameters = event["params"] as? [String: Any] ?? [:]
            switch event["method"] as? String {
            case "Runtime.exceptionThrown": return "\(parameters)"
            case "Runtime.consoleAPICalled":
                return ["error", "warning", "assert"].contains(parameters["type"] as? String ?? "")
                    ? "\(parameters)" : nil
            case "Log.entryAdded":
                let entry = parameters["entry"] as? [String: Any] ?? [:]
                return ["error", "warning"].contains(entry["level"] as? String ?? "") ? "\(entry)" : nil
            default: return nil
            }
        }
    }

    /// The addresses that the page asked for.
    var requests: [String] {
        events.filter { $0["method"] as? String == "Network.requestWillBeSent" }.compactMap {
            (($0["params"] as? [String: Any])?["request"] as? [String: Any])?["url"] as? String
        }
    }

    // MARK: - The protocol

    @discardableResult
    private func call(_ method: String, _ parameters: [String: Any] = [:]) throws -> [String: Any] {
        lastID += 1
        var message: [String: Any] = ["id": lastID, "method": method, "params": parameters]
        message["sessionId"] = session
        try input.write(contentsOf: JSONSerialization.data(withJSONObject: message) + [0])
        while true {
            let answer = try next()
            guard answer["id"] as? Int == lastID else {
                events.append(answer)
                continue
            }
            if let problem = answer["error"] { throw Failure(description: "\(method): \(problem)") }
            return answer["result"] as? [String: Any] ?? [:]
        }
    }

    private func next() throws -> [String: Any] {
        while true {
            if let end = buffer.firstIndex(of: 0) {
                let message = buffer[buffer.startIndex..<end]
                buffer = Data(buffer[(end + 1)...])
                return try JSONSerialization.jsonObject(with: message) as? [String: Any] ?? [:]
            }
            // The pipe is open for writing here too, so it never ends: a browser that says nothing for a minute is gone.
            var descriptor = pollfd(fd: output.fileDescriptor, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 60_000) > 0 else { throw Failure(description: "the browser does not answer") }
            var bytes = [UInt8](repeating: 0, count: 65_536)
            let count = read(output.fileDescriptor, &bytes, bytes.count)
            guard count > 0 else { throw Failure(description: "the browser's answers cannot be read") }
            buffer.append(contentsOf: bytes[..<count])
        }
    }
}
