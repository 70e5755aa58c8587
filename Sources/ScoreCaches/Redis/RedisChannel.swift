import NIOCore
import Reranking

/// Why a request to a Redis server came to nothing.
struct RedisFailure: Error, Equatable {
    var kind: CacheTierStatistics.Failure

    init(_ kind: CacheTierStatistics.Failure) { self.kind = kind }

    /// What an error reply means.
    init(reply: String) {
        switch reply.prefix(while: { $0 != " " }) {
        case "OOM": kind = .full
        case "NOAUTH", "WRONGPASS", "NOPERM": kind = .authentication
        case "LOADING", "BUSY", "MASTERDOWN", "TRYAGAIN": kind = .busy
        default: kind = .refused
        }
    }
}

/// Commands that are sent together, and what becomes of them.
struct RedisRequest: Sendable {
    var commands: ByteBuffer
    /// As many as there are commands.
    var replies: Int
    var promise: EventLoopPromise<[RESPValue]>
}

/// Matches a server's replies to the requests that are on their way, which it answers in order.
final class RedisReplyHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = RedisRequest
    typealias OutboundOut = ByteBuffer

    private var parser = RESPParser()
    private var received = ByteBuffer()
    private var waiting = CircularBuffer<RedisRequest>()
    /// Of the first request that waits.
    private var replies: [RESPValue] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let request = unwrapOutboundIn(data)
        waiting.append(request)
        context.write(wrapOutboundOut(request.commands), promise: promise)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        do {
            while let reply = try parser.next(&received) {
                if case .push = reply { continue }
                guard let request = waiting.first else { throw RESPParser.Malformed(reason: "a reply to nothing") }
                replies.append(reply)
                guard replies.count == request.replies else { continue }
                waiting.removeFirst()
                request.promise.succeed(replies)
                replies = []
            }
            received.discardReadBytes()
        } catch {
            fail(.malformed)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(.connection)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(.connection)
        context.close(promise: nil)
    }

    private func fail(_ kind: CacheTierStatistics.Failure) {
        let requests = waiting
        waiting = []
        replies = []
        for request in requests { request.promise.fail(RedisFailure(kind)) }
    }
}
