import NIOCore
import NIOPosix
import Synchronization

/// A proxy of the test's own: whatever host a client asks to be connected with, it is the server given here.
package final class ConnectProxy: Sendable {
    package struct Tunnel: Sendable, Equatable {
        /// "api.example:443".
        package var target: String
        /// As the client sent it; nil without.
        package var authorization: String?

        package init(target: String, authorization: String?) {
            self.target = target
            self.authorization = authorization
        }
    }

    private let seen = Mutex<[Tunnel]>([])
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    /// What was asked for, in order.
    package var tunnels: [Tunnel] { seen.withLock { $0 } }
    /// "127.0.0.1:PORT".
    package var address: String { "127.0.0.1:\(channel.withLock { $0?.localAddress?.port } ?? 0)" }

    /// - Parameter url: "http://127.0.0.1:PORT", of the server that answers in every host's place.
    package init(to url: String) throws {
        guard let port = Int(url.split(separator: ":").last ?? "") else { throw NoPort() }
        let listening = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(TunnelHandler(proxy: self, port: port))
                }
            }.bind(host: "127.0.0.1", port: 0).wait()
        channel.withLock { $0 = listening }
    }

    private struct NoPort: Error {}

    deinit { channel.withLock { $0 }?.close(promise: nil) }

    fileprivate func add(_ tunnel: Tunnel) { seen.withLock { $0.append(tunnel) } }
}

/// Reads the request for a tunnel, opens it, and passes bytes on from then.
private final class TunnelHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private weak var proxy: ConnectProxy?
    private let port: Int
    private var head = ""
    private var other: (any Channel)?

    init(proxy: ConnectProxy?, port: Int) {
        self.proxy = proxy
        self.port = port
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if let other { return other.writeAndFlush(bytes, promise: nil) }
        // A client sends no more before it has its tunnel.
        head += bytes.readString(length: bytes.readableBytes) ?? ""
        guard head.hasSuffix("\r\n\r\n") else { return }
        let lines = head.split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3, words[0] == "CONNECT" else { return context.close(promise: nil) }
        let authorization = lines.first { $0.lowercased().hasPrefix("proxy-authorization: ") }
        proxy?.add(.init(target: String(words[1]), authorization: authorization.map { String($0.dropFirst(21)) }))
        let client = context.channel
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(ReturnHandler(client: client))
                }
            }.connect(host: "127.0.0.1", port: port)
            .assumeIsolated().whenComplete { result in
                guard case .success(let channel) = result else { return client.close(promise: nil) }
                self.other = channel
                client.writeAndFlush(ByteBuffer(string: "HTTP/1.1 200 Connection established\r\n\r\n"), promise: nil)
            }
    }

    func channelInactive(context: ChannelHandlerContext) { other?.close(promise: nil) }
}

/// What the server sends, back to the client.
private final class ReturnHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let client: any Channel

    init(client: any Channel) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        client.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
}
