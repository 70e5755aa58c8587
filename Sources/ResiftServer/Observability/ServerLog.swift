public import Logging
import OrderedJSON

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Log lines on standard error, for people or as JSON.
public struct ServerLog: LogHandler {
    public enum Format: String, CaseIterable, Sendable { case text, json }

    private let format: Format
    private let label: String
    private let write: @Sendable (String) -> Void
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]

    /// - Parameter write: Takes one line, with its end.
    public init(
        label: String, format: Format, level: Logger.Level,
        write: @escaping @Sendable (String) -> Void = ServerLog.standardError
    ) {
        self.label = label
        self.format = format
        self.write = write
        logLevel = level
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        let fields = metadata.merging(event.metadata ?? [:]) { $1 }.sorted { $0.key < $1.key }
        let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        switch format {
        case .json:
            var object = JSONObject()
            object["time"] = .string(time)
            object["level"] = .string(event.level.rawValue)
            object["message"] = .string("\(event.message)")
            for (key, value) in fields { object[key] = .string("\(value)") }
            write(JSONValue.object(object).compact + "\n")
        case .text:
            let rest = fields.map { " \($0.key)=\($0.value)" }.joined()
            // A line is one line, whatever a request's path or id holds.
            let line = "\(time) \(event.level.rawValue) \(event.message)\(rest)"
            write(line.replacing("\n", with: "\\n").replacing("\r", with: "\\r") + "\n")
        }
    }

    public static let standardError: @Sendable (String) -> Void = { line in
        // One call a line, so that lines of several threads do not mix. There is nowhere left to report a failure.
        var line = line
        line.withUTF8 { _ = writeToStandardError($0) }
    }
}

private func writeToStandardError(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    write(STDERR_FILENO, bytes.baseAddress, bytes.count)
}
