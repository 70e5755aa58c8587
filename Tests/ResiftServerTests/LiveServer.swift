import Foundation
import Inference
import Logging
import OrderedJSON
import ResiftServer
import ServiceLifecycle
import Synchronization
import TestSupport
import Tracing

/// A real server on a free port of this machine.
struct LiveServer {
    let port: Int
    private let group: ServiceGroup
    let logged: LogLines

    final class LogLines: Sendable {
        private let lines = Mutex<[String]>([])
        var text: String { lines.withLock { $0.joined() } }
        func append(_ line: String) { lines.withLock { $0.append(line) } }
    }

    /// Of a server on a free port with a tiny model.
    static func settings(_ change: (inout ServerSettings) -> Void = { _ in }) -> ServerSettings {
        var settings = ServerSettings()
        settings.port = 0
        settings.precision = .fp32
        settings.models = [.init(name: "tiny", directory: Repository.model("bert-cross-encoder"))]
        change(&settings)
        return settings
    }

    /// Runs `body` beside a server, then lets the server end as SIGTERM would.
    static func run(
        _ settings: ServerSettings = LiveServer.settings(), tracer: (any Tracer)? = nil,
        _ body: (LiveServer) async throws -> Void
    ) async throws {
        let lines = LogLines()
        let logger = Logger(label: "test") { label in
            ServerLog(label: label, format: .json, level: .debug) { lines.append($0) }
        }
        let (ports, found) = AsyncStream<Int>.makeStream()
        let server = try await RerankServer(settings, logger: logger, tracer: tracer) { _, port in found.yield(port) }
        let group = ServiceGroup(
            configuration: .init(services: [server], logger: Logger(label: "quiet") { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else { throw Unanswered() }
            do {
                try await body(LiveServer(port: port, group: group, logged: lines))
            } catch {
                await group.triggerGracefulShutdown()
                throw error
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    func shutDown() async { await group.triggerGracefulShutdown() }

    struct Unanswered: Error {}

    struct Answer: Sendable {
        var status: Int
        var headers: [String: String]
        var body: String

        var json: JSONObject {
            get throws {
                guard case .object(let object) = try JSONValue.parse(Array(body.utf8)) else { throw Unanswered() }
                return object
            }
        }
    }

    func post(_ path: String, _ body: String, headers: [String: String] = [:]) async throws -> Answer {
        try await send("POST", path, Array(body.utf8), headers: headers)
    }

    func get(_ path: String, headers: [String: String] = [:]) async throws -> Answer {
        try await send("GET", path, [], headers: headers)
    }

    func send(_ method: String, _ path: String, _ body: [UInt8], headers: [String: String] = [:]) async throws -> Answer
    {
        let connection = try Connection(port: port)
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        if !body.isEmpty { head += "Content-Length: \(body.count)\r\n" }
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        try await connection.send(Array((head + "\r\n").utf8) + body)
        return try await connection.answer()
    }

    /// A metric's value, summed over its series.
    func metric(_ name: String) async throws -> Double {
        try await get("/metrics").body.split(separator: "\n").filter { $0.hasPrefix(name) }
            .reduce(0) { $0 + (Double($1.split(separator: " ").last ?? "") ?? 0) }
    }

    func wait(until isTrue: () async throws -> Bool) async throws {
        while try await !isTrue() { try await Task.sleep(for: .milliseconds(2)) }
    }
}

private func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }

private func sendBytes(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) -> Int {
    #if os(Linux)
        let flags = Int32(MSG_NOSIGNAL)
    #else
        let flags: Int32 = 0
    #endif
    return bytes.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, flags) }
}

/// A TCP connection, so that tests can misbehave on it. Blocking calls run on threads of their own.
final class Connection: Sendable {
    private let descriptor: Int32

    init(port: Int) throws {
        #if os(Linux)
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let descriptor = descriptor
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            closeDescriptor(descriptor)
            throw LiveServer.Unanswered()
        }
    }

    deinit { close() }

    private let isClosed = Mutex(false)

    func close() {
        isClosed.withLock { isClosed in
            if !isClosed { closeDescriptor(descriptor) }
            isClosed = true
        }
    }

    func closeSending() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            Thread.detachNewThread { continuation.resume(returning: body()) }
        }
    }

    func send(_ bytes: [UInt8]) async throws {
        let descriptor = descriptor
        await onThread {
            var rest = bytes[...]
            while !rest.isEmpty {
                let count = sendBytes(descriptor, rest)
                // The server may have answered and closed before it has read all.
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    /// All that the server sends until it closes.
    func everything() async -> String {
        let descriptor = descriptor
        return await onThread {
            var bytes: [UInt8] = []
            var block = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(descriptor, &block, block.count, 0)
                guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
                bytes += block[..<count]
            }
        }
    }

    /// The final answer on a connection that the server closes.
    func answer() async throws -> LiveServer.Answer {
        var text = await everything()
        while text.hasPrefix("HTTP/1.1 100"), let end = text.range(of: "\r\n\r\n") {
            text = String(text[end.upperBound...])
        }
        guard let end = text.range(of: "\r\n\r\n"), let status = Int(text.split(separator: " ").dropFirst().first ?? "")
        else { throw LiveServer.Unanswered() }
        var headers: [String: String] = [:]
        for line in text[..<end.lowerBound].components(separatedBy: "\r\n").dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        return LiveServer.Answer(status: status, headers: headers, body: String(text[end.upperBound...]))
    }
}

extension JSONObject {
    func string(_ key: String) -> String? {
        guard case .string(let text)? = self[key] else { return nil }
        return text
    }

    func number(_ key: String) -> Double? {
        guard case .number(let number)? = self[key] else { return nil }
        return number.double
    }

    func object(_ key: String) -> JSONObject? {
        guard case .object(let object)? = self[key] else { return nil }
        return object
    }

    func objects(_ key: String) -> [JSONObject] {
        guard case .array(let items)? = self[key] else { return [] }
        return items.compactMap { if case .object(let object) = $0 { object } else { nil } }
    }
}
