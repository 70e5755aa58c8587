import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import OrderedJSON

/// Watches one connection: tells the running request when its client has left, ends requests that take too long to
/// arrive, and answers what is not HTTP.
///
/// A client that closes its connection and one that only says it sends no more look the same. So when a client's end
/// closes while its request runs, `100 Continue` is written, which HTTP allows before any answer and clients pass
/// over: who has left refuses it, and the connection is lost, which ends the request's work; who still listens gets
/// the answer.
///
/// Lives on the connection's event loop.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let readTimeout: TimeAmount
    private let maxBodyBytes: Int
    /// Requests that began and are not answered.
    private var unanswered = 0
    /// True from a request's head to its end.
    private var isReading = false
    /// True from a response's head to its end.
    private var isWriting = false
    private var closesAfterResponse = false
    /// True once an answer was written here; what comes from the application is too late.
    private var isOver = false
    /// From the first byte of a head to its end, and from there to the end of the body.
    private var readTimer: Scheduled<Void>?
    private var isAwaitingHead = false
    private var onDisconnect: (@Sendable () -> Void)?

    init(readTimeout: Duration, maxBodyBytes: Int) {
        self.readTimeout = TimeAmount(readTimeout)
        self.maxBodyBytes = maxBodyBytes
    }

    /// Calls `action` once, when the client of the running request leaves.
    static func notify(_ channel: any Channel, onDisconnect action: @escaping @Sendable () -> Void) async {
        do {
            try await channel.eventLoop.submit {
                let handler = try channel.pipeline.syncOperations.handler(type: ConnectionGuard.self)
                if channel.isActive { handler.onDisconnect = action } else { action() }
            }.get()
        } catch {
            // The pipeline is gone, and so is the client.
            action()
        }
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        switch unwrapInboundIn(data) {
        case .head(let head):
            unanswered += 1
            isReading = true
            isAwaitingHead = false
            startTimer(context)
            if head.headerFields[.expect]?.lowercased() == "100-continue", unanswered == 1,
                (head.headerFields[.contentLength].flatMap { Int($0) } ?? 0) <= maxBodyBytes
            {
                writeContinue(context)
            }
        case .body: break
        case .end:
            isReading = false
            readTimer?.cancel()
            if closesAfterResponse, unanswered == 0 { context.close(promise: nil) }
        }
        context.fireChannelRead(data)
    }

    /// Something was read. Where it was no whole head, the rest of the head has its time too.
    func channelReadComplete(context: ChannelHandlerContext) {
        if unanswered == 0, !isReading, !isAwaitingHead, !isOver, context.channel.isActive {
            isAwaitingHead = true
            startTimer(context)
        }
        context.fireChannelReadComplete()
    }

    private func startTimer(_ context: ChannelHandlerContext) {
        readTimer?.cancel()
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        readTimer = context.eventLoop.scheduleTask(in: readTimeout) {
            let (handler, context) = bound.value
            handler.requestTookTooLong(context)
        }
    }

    private func requestTookTooLong(_ context: ChannelHandlerContext) {
        guard isReading || isAwaitingHead, !isOver else { return }
        guard unanswered <= 1, !isWriting else { return context.close(promise: nil) }
        answer(
            context,
            WireError(
                .requestTimeout, .timeout, code: "timeout",
                "The request was not complete after \(readTimeout.nanoseconds / 1_000_000_000) s. Send it faster, or in parts."
            ))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError, !isOver, !isWriting, unanswered <= (isReading ? 1 : 0) else {
            return context.fireErrorCaught(error)
        }
        answer(
            context,
            error == .headerOverflow
                ? WireError(
                    .requestHeaderFieldsTooLarge, .validation, code: "headers_too_large",
                    "The headers are too large. Send fewer, or shorter ones.")
                : WireError(.badRequest, .validation, code: "invalid_http", "The request is not HTTP/1.1: \(error)."))
    }

    /// Writes an answer in the application's place, and ends the connection.
    private func answer(_ context: ChannelHandlerContext, _ error: WireError) {
        isOver = true
        var body = context.channel.allocator.buffer(capacity: 512)
        body.writeString(error.body(requestID: "", listsDetail: false).compact)
        var head = HTTPResponse(status: error.status)
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = "\(body.readableBytes)"
        head.headerFields[.connection] = "close"
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(body)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        linger(context)
    }

    /// Ends our side of the connection and, a little later, the client's. Closing both with data unread would take the
    /// answer away from a client that is still sending.
    private func linger(_ context: ChannelHandlerContext) {
        context.close(mode: .output, promise: nil)
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.eventLoop.scheduleTask(in: .seconds(2)) { bound.value.close(promise: nil) }
    }

    // MARK: Clients that leave

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            if isReading || isOver {
                // Half a request will not become a whole one.
                context.close(promise: nil)
            } else if unanswered == 1, !isWriting {
                writeContinue(context)
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    private func writeContinue(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        readTimer?.cancel()
        isOver = true
        onDisconnect?()
        onDisconnect = nil
        context.fireChannelInactive()
    }

    // MARK: Responses

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isOver else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(let head):
            isWriting = true
            if head.headerFields[.connection]?.lowercased() == "close" { closesAfterResponse = true }
        case .body: break
        case .end:
            isWriting = false
            unanswered -= 1
            onDisconnect = nil
            guard closesAfterResponse else { break }
            context.writeAndFlush(data, promise: promise)
            if isReading { context.close(mode: .output, promise: nil) } else { context.close(promise: nil) }
            return
        }
        context.write(data, promise: promise)
    }
}
