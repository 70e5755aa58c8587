import Foundation
import NIOCore
import NIOPosix
import TestSupport

/// A redis-server of a test's own, on a free port of this machine.
final class RedisServer {
    static let path = ["/usr/bin/redis-server", "/usr/local/bin/redis-server", "/opt/homebrew/bin/redis-server"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }
    static let missing = "redis-server is not installed (Debian: redis-server)"

    let port: Int
    private let folder: TemporaryFolder
    private let arguments: [String]
    private var process = Process()

    /// - Parameter arguments: Beside the port, and that nothing is written to the disk.
    init(_ arguments: [String] = [], tls: Bool = false) async throws {
        folder = try TemporaryFolder()
        let port = try await RedisServer.freePort()
        self.port = port
        self.arguments =
            [
                tls ? "--port 0 --tls-port \(port)" : "--port \(port)", "--bind 127.0.0.1", "--save", "",
                "--appendonly no --enable-debug-command yes", "--dir \(folder.path)",
            ].flatMap { $0.isEmpty ? [""] : $0.split(separator: " ").map(String.init) } + arguments
        try await start()
    }

    deinit { kill() }

    private static func freePort() async throws -> Int {
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        try await channel.close()
        return port
    }

    func start() async throws {
        process = Process()
        process.executableURL = URL(fileURLWithPath: RedisServer.path ?? "")
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        for _ in 0..<1_000 {
            // It says nothing, and closes, when it is there.
            if let channel = try? await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connect(host: "127.0.0.1", port: port).get()
            {
                try await channel.close()
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw CocoaError(.executableLoad)
    }

    /// SIGKILL.
    func kill() {
        guard process.isRunning else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}

/// A server that answers as a test says, whatever it is asked.
final class ScriptedServer: Sendable {
    struct Answer: Sendable {
        var bytes: [UInt8]
        var closes = false

        init(_ text: String, closes: Bool = false) { self.init(Array(text.utf8), closes: closes) }

        init(_ bytes: [UInt8], closes: Bool = false) {
            self.bytes = bytes
            self.closes = closes
        }
    }

    private let channel: any Channel
    var port: Int { channel.localAddress?.port ?? 0 }

    /// - Parameter answer: To what arrived together; nil says nothing.
    init(_ answer: @escaping @Sendable (String) -> Answer?) async throws {
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ScriptHandler(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func close() async throws { try await channel.close() }
}

private final class ScriptHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable (String) -> ScriptedServer.Answer?

    init(_ answer: @escaping @Sendable (String) -> ScriptedServer.Answer?) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard let answer = answer(String(buffer: unwrapInboundIn(data))) else { return }
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: answer.bytes)), promise: nil)
        if answer.closes { context.close(promise: nil) }
    }
}
