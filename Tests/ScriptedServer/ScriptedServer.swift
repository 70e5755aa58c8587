import Dispatch
import NIOCore
import NIOHTTP1
import NIOPosix
package import OrderedJSON
import Synchronization

/// A service of the test's own on this machine: it answers what the script says, and keeps what it was asked.
///
/// It answers on threads of its own, so that a test may wait for it.
package final class ScriptedServer: Sendable {
    package struct Request: Sendable {
        package var method: String
        package var path: String
        /// By name in lower case.
        package var headers: [String: String]
        package var body: [UInt8]

        /// The body as a JSON object; empty where it is none.
        package var json: JSONObject {
            guard case .object(let object)? = try? JSONValue.parse(body) else { return JSONObject() }
            return object
        }
    }

    package struct Answer: Sendable {
        package var status: Int
        package var headers: [String: String]
        package var body: [UInt8]
        package var fault: Fault?

        package init(_ body: String, status: Int = 200, headers: [String: String] = [:], fault: Fault? = nil) {
            self.status = status
            self.headers = headers
            self.body = Array(body.utf8)
            self.fault = fault
        }

        package init(_ body: JSONObject, status: Int = 200, headers: [String: String] = [:]) {
            self.init(JSONValue.object(body).compact, status: status, headers: headers)
        }
    }

    /// What goes wrong with one answer.
    package enum Fault: Sendable {
        /// The connection ends after so many bytes of the body.
        case cut(after: Int)
        /// After so many bytes nothing more comes, and the connection stays open.
        case stall(after: Int)
        /// Nothing comes at all, and the connection stays open.
        case silence
        /// The connection ends without an answer.
        case hangUp
    }

    private struct State {
        var requests: [Request] = []
        var closedConnections = 0
        var runningRequests = 0
        var mostRunningRequests = 0
    }

    private let script: @Sendable (Request, Int) async -> Answer
    private let state = Mutex(State())
    private let channel: Mutex<(any Channel)?> = Mutex(nil)

    /// - Parameter script: The answer to a request, and its number from 0.
    package init(_ script: @escaping @Sendable (Request, Int) async -> Answer) throws {
        self.script = script
        let server = try ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { [weak self] channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline(withErrorHandling: true)
                    try channel.pipeline.syncOperations.addHandler(Handler(server: self))
                }
            }.bind(host: "127.0.0.1", port: 0).wait()
        channel.withLock { $0 = server }
    }

    /// These answers one after the other; the last one to all requests after it.
    package convenience init(_ answers: Answer...) throws {
        try self.init { _, number in answers[min(number, answers.count - 1)] }
    }

    deinit { close() }

    /// From now on nobody can connect.
    package func close() { channel.withLock { $0 }?.close(promise: nil) }

    /// "http://127.0.0.1:PORT".
    package var url: String { "http://127.0.0.1:\(channel.withLock { $0?.localAddress?.port } ?? 0)" }
    package var requests: [Request] { state.withLock { $0.requests } }
    /// Connections that have ended, whoever ended them.
    package var closedConnections: Int { state.withLock { $0.closedConnections } }
    /// The most requests that were under way at the same time.
    package var mostRequestsAtOnce: Int { state.withLock { $0.mostRunningRequests } }

    fileprivate func answer(_ request: Request) async -> Answer {
        let number = state.withLock { state in
            state.requests.append(request)
            state.runningRequests += 1
            state.mostRunningRequests = max(state.mostRunningRequests, state.runningRequests)
            return state.requests.count - 1
        }
        let answer = await script(request, number)
        state.withLock { $0.runningRequests -= 1 }
        return answer
    }

    fileprivate func connectionClosed() { state.withLock { $0.closedConnections += 1 } }
}

/// The servers of one test, which run as long as this value lives.
package final class ScriptedServers: Sendable {
    private let servers = Mutex<[ScriptedServer]>([])

    package init() {}

    deinit {
        for server in servers.withLock({ $0 }) { server.close() }
    }

    package func start(
        _ script: @escaping @Sendable (ScriptedServer.Request, Int) async -> ScriptedServer.Answer
    ) throws -> ScriptedServer {
        let server = try ScriptedServer(script)
        servers.withLock { $0.append(server) }
        return server
    }

    /// These answers one after the other; the last one to all requests after it.
    package func start(_ answers: ScriptedServer.Answer...) throws -> ScriptedServer {
        try start { _, number in answers[min(number, answers.count - 1)] }
    }
}

/// The threads that tests share can be taken for minutes, and a command that waits for an answer would ask again.
private final class ScriptThreads: TaskExecutor {
    static let shared = ScriptThreads()

    private let queue = DispatchQueue(label: "scripted servers", attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

private final class Handler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private weak var server: ScriptedServer?
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()

    init(server: ScriptedServer?) { self.server = server }

    func channelInactive(context: ChannelHandlerContext) {
        server?.connectionClosed()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            body.clear()
        case .body(var chunk): body.writeBuffer(&chunk)
        case .end:
            guard let head, let server else { return context.close(promise: nil) }
            var headers: [String: String] = [:]
            for header in head.headers { headers[header.name.lowercased()] = header.value }
            let request = ScriptedServer.Request(
                method: head.method.rawValue, path: head.uri, headers: headers, body: Array(body.readableBytesView))
            let channel = context.channel
            // The connection is what waits for it.
            Task(executorPreference: ScriptThreads.shared) { Handler.write(await server.answer(request), to: channel) }
        }
    }

    private static func write(_ answer: ScriptedServer.Answer, to channel: any Channel) {
        var count = answer.body.count
        switch answer.fault {
        case .silence?: return
        case .hangUp?: return channel.close(promise: nil)
        case .cut(let after)?, .stall(let after)?: count = min(count, after)
        case nil: break
        }
        var head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status))
        for (name, value) in answer.headers { head.headers.add(name: name, value: value) }
        head.headers.add(name: "Content-Length", value: "\(answer.body.count)")
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        let body = HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: answer.body.prefix(count))))
        switch answer.fault {
        case .cut?: channel.writeAndFlush(body).whenComplete { _ in channel.close(promise: nil) }
        case .stall?: channel.writeAndFlush(body, promise: nil)
        default:
            channel.write(body, promise: nil)
            channel.writeAndFlush(HTTPServerResponsePart.end(nil), promise: nil)
        }
    }
}
