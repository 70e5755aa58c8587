import NIOCore
import NIOPosix
import NIOSSL
import Reranking

import class Inference.Monitor

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One connection to a Redis server, opened when it is needed and opened again when it was lost. Requests are pipelined.
///
/// After a failure requests fail at once, without asking, until a while has passed that doubles with each failure: a server
/// that is gone or hangs costs callers one timeout, not one a call.
final class RedisLink: Sendable {
    private struct State {
        var connection: EventLoopFuture<any Channel>?
        /// The channel of the connection, once it is established.
        var channel: ObjectIdentifier?
        /// Since the last answer.
        var failures = 0
        var retryAt: ContinuousClock.Instant?
        var lastFailure = CacheTierStatistics.Failure.connection
        var isClosed = false
    }

    static let firstPause = Duration.milliseconds(50)
    static let longestPause = Duration.seconds(5)

    private let settings: RedisSettings
    private let timeout: Duration
    private let tls: NIOSSLContext?
    private let loop: any EventLoop
    private let state = Monitor(State())

    /// - Parameter timeout: From a request to its answer, the connection included.
    init(_ settings: RedisSettings, timeout: Duration, tls: NIOSSLContext?) {
        self.settings = settings
        self.timeout = timeout
        self.tls = tls
        loop = MultiThreadedEventLoopGroup.singleton.next()
    }

    /// The replies to commands that are sent together; an error reply is a reply. Throws RedisFailure, or
    /// CancellationError.
    func send(_ commands: ByteBuffer, replies: Int) async throws -> [RESPValue] {
        let connection = try self.connection()
        let promise = loop.makePromise(of: [RESPValue].self)
        let sent = Monitor<(channel: any Channel, at: ContinuousClock.Instant)?>(nil)
        let timer = loop.scheduleTask(in: TimeAmount(timeout)) { [self] in
            promise.fail(RedisFailure(.timeout))
            // A connection that was established a moment ago is not to blame, and one that is not yet has a timeout of
            // its own.
            guard let sent = sent.withLock({ $0 }), ContinuousClock.now - sent.at > timeout / 2 else { return }
            give(up: sent.channel, after: .timeout)
        }
        promise.futureResult.whenComplete { _ in timer.cancel() }
        connection.whenComplete { result in
            switch result {
            case .success(let channel):
                sent.withLock { $0 = (channel, .now) }
                channel.writeAndFlush(RedisRequest(commands: commands, replies: replies, promise: promise))
                    .whenFailure { _ in promise.fail(RedisFailure(.connection)) }
            case .failure(let error): promise.fail(error)
            }
        }
        let answer = try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            // The reply that comes later has no taker any more.
            promise.fail(CancellationError())
        }
        state.withLock { state in
            state.failures = 0
            state.retryAt = nil
        }
        return answer
    }

    /// A server that does not speak the protocol: the connection is given up.
    func drop() {
        let connection = state.withLock { $0.connection }
        connection?.whenSuccess { [self] channel in give(up: channel, after: .malformed) }
    }

    func close() async {
        let connection = state.withLock { state in
            state.isClosed = true
            defer { state.connection = nil }
            return state.connection
        }
        // One that could not be opened, or is closed already, needs nothing.
        try? await connection?.flatMap { $0.close() }.get()
    }

    /// The connection, which is opened where there is none.
    private func connection() throws(RedisFailure) -> EventLoopFuture<any Channel> {
        enum Answer {
            case known(EventLoopFuture<any Channel>)
            case new(EventLoopPromise<any Channel>)
            case refused(RedisFailure)
        }
        let answer = state.withLock { state -> Answer in
            if let connection = state.connection { return .known(connection) }
            if state.isClosed { return .refused(RedisFailure(.connection)) }
            if let retryAt = state.retryAt, ContinuousClock.now < retryAt {
                return .refused(RedisFailure(state.lastFailure))
            }
            let promise = loop.makePromise(of: (any Channel).self)
            state.connection = promise.futureResult
            return .new(promise)
        }
        switch answer {
        case .known(let connection): return connection
        case .refused(let failure): throw failure
        case .new(let promise):
            open(promise)
            return promise.futureResult
        }
    }

    private func open(_ promise: EventLoopPromise<any Channel>) {
        let (tls, host) = (tls, settings.host)
        let limit = TimeAmount(settings.connectTimeout)
        let timer = loop.scheduleTask(in: limit) { promise.fail(RedisFailure(.timeout)) }
        promise.futureResult.whenComplete { [self] result in
            timer.cancel()
            if case .failure(let error) = result { lost(nil, (error as? RedisFailure)?.kind ?? .connection) }
        }
        ClientBootstrap(group: loop)
            .connectTimeout(limit)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandler(
                            try NIOSSLClientHandler(context: tls, serverHostname: RedisLink.serverName(host)))
                    }
                    try channel.pipeline.syncOperations.addHandler(RedisReplyHandler())
                }
            }
            .connect(host: host, port: settings.port)
            .whenComplete { [self] result in
                switch result {
                case .failure: promise.fail(RedisFailure(.connection))
                case .success(let channel):
                    channel.closeFuture.whenComplete { [self] _ in
                        promise.fail(RedisFailure(.connection))
                        lost(channel, .connection)
                    }
                    // Too late, or refused: nobody would close it.
                    promise.futureResult.whenFailure { _ in channel.close(promise: nil) }
                    introduce(channel, promise)
                }
            }
    }

    /// Says who we are and which database we want.
    private func introduce(_ channel: any Channel, _ promise: EventLoopPromise<any Channel>) {
        var commands = ByteBuffer()
        var replies = 1
        if let password = settings.password {
            var words = ["AUTH"]
            if let user = settings.user { words.append(user) }
            RESPCommand.append((words + [password.text]).map { Array($0.utf8) }, to: &commands)
            replies += 1
        }
        RESPCommand.append("HELLO", "3", to: &commands)
        if settings.database != 0 {
            RESPCommand.append("SELECT", "\(settings.database)", to: &commands)
            replies += 1
        }
        let authenticates = settings.password != nil
        let greeted = loop.makePromise(of: [RESPValue].self)
        greeted.futureResult.whenComplete { [self] result in
            switch result {
            case .failure(let error): promise.fail(error)
            case .success(let replies):
                for (place, reply) in replies.enumerated() {
                    guard case .error(let text) = reply else { continue }
                    let failure = RedisFailure(reply: text)
                    if place == 0, authenticates { return promise.fail(RedisFailure(.authentication)) }
                    // A server that does not know HELLO speaks RESP2, which is read as well.
                    if place == (authenticates ? 1 : 0), failure.kind == .refused { continue }
                    return promise.fail(failure)
                }
                state.withLock { $0.channel = ObjectIdentifier(channel) }
                promise.succeed(channel)
            }
        }
        channel.writeAndFlush(RedisRequest(commands: commands, replies: replies, promise: greeted))
            .whenFailure { _ in greeted.fail(RedisFailure(.connection)) }
    }

    private func give(up channel: any Channel, after kind: CacheTierStatistics.Failure) {
        lost(channel, kind)
        channel.close(promise: nil)
    }

    /// - Parameter channel: Nil for a connection that could not be opened.
    private func lost(_ channel: (any Channel)?, _ kind: CacheTierStatistics.Failure) {
        state.withLock { state in
            // Another one may have taken its place already.
            guard state.channel == channel.map({ ObjectIdentifier($0) }) else { return }
            state.connection = nil
            state.channel = nil
            state.lastFailure = kind
            // A connection that ends after it served is opened again at once: servers restart, and end idle ones.
            if channel == nil || kind != .connection || state.failures > 0 {
                let pause = min(RedisLink.firstPause * (1 << min(state.failures, 10)), RedisLink.longestPause)
                state.retryAt = ContinuousClock.now + pause * Double.random(in: 0.5...1)
            }
            state.failures += 1
        }
    }

    /// Nil for an address, which has no name to verify.
    private static func serverName(_ host: String) -> String? {
        (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }
}
