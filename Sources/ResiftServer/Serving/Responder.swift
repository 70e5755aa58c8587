import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import OrderedJSON
import Ranking
import Reranking

/// From a request to its answer: finds the route, checks the key, runs it, and turns what it throws into what clients
/// can read.
struct Responder: HTTPResponder {
    typealias Context = ConnectionContext
    let core: ServerCore
    private let routes: [String: [HTTPRequest.Method: Route]]

    init(core: ServerCore) {
        self.core = core
        routes = Routes.table(core)
    }

    func respond(to request: Request, context: ConnectionContext) async throws -> Response {
        let begin = ContinuousClock.now
        let id = Responder.requestID(request.headers)
        let path = request.uri.path
        let methods = routes[path]
        // Only known paths: a label for each that somebody makes up would fill the memory.
        let label = methods == nil ? "other" : path
        var outcome = Outcome()
        var response: Response
        let span = core.trace.begin(methods == nil ? "" : request.method.rawValue, path: label, request.headers)
        do {
            response = try await answer(
                request, methods, id: id, begin: begin, path: path, context: context, outcome: &outcome)
        } catch {
            let refusal = refusal(error, id: id)
            outcome.failure = refusal.type
            response = Responder.response(
                refusal.body(requestID: id, listsDetail: path == "/rerank"), status: refusal.status)
            response.headers.append(contentsOf: refusal.headers)
            if refusal.closesConnection { response.headers[.connection] = "close" }
        }
        response.headers[.requestID] = id
        addCORS(to: &response, request)
        if !core.admission.isOpen { response.headers[.connection] = "close" }
        if request.method == .head { response = response.createHeadResponse() }
        core.trace.end(span, status: response.status, outcome)
        let spent = ContinuousClock.now - begin
        core.metrics.record(path: label, method: request.method, status: response.status, outcome, spent)
        log(request, id: id, path: label, response, outcome, spent)
        return response
    }

    private func answer(
        _ request: Request, _ methods: [HTTPRequest.Method: Route]?, id: String, begin: ContinuousClock.Instant,
        path: String, context: ConnectionContext, outcome: inout Outcome
    ) async throws -> Response {
        guard let methods else {
            throw WireError(
                .notFound, .notFound, code: "no_such_path",
                "There is nothing at \(path.prefix(200)). /docs lists the paths of this server.")
        }
        if request.method == .options { return preflight(methods) }
        guard let route = methods[request.method] ?? (request.method == .head ? methods[.get] : nil) else {
            var error = WireError(
                .methodNotAllowed, .methodNotAllowed, code: "method_not_allowed",
                "\(path) does not answer \(request.method.rawValue.prefix(20)).")
            error.headers[.allow] = Responder.allowed(methods)
            throw error
        }
        var client = context.channel.remoteAddress?.ipAddress ?? "local"
        if route.needsKey, let key = try core.keys.authenticate(request.headers) { client = key }
        outcome.client = client
        let exchange = Exchange(request: request, id: id, begin: begin, client: client)
        switch route {
        case .open(let answer), .protected(let answer): return try await answer(exchange)
        case .scoring(let answer):
            try checkContentType(request)
            return try await score(exchange, context, answer, &outcome)
        }
    }

    /// Runs what costs work: in a place of the queue, and only as long as the client is there.
    private func score(
        _ exchange: Exchange, _ context: ConnectionContext,
        _ answer: @escaping @Sendable (Exchange, [UInt8]) async throws -> (Response, Outcome), _ outcome: inout Outcome
    ) async throws -> Response {
        try core.admission.enter()
        defer { core.admission.leave() }
        let core = core
        let (response, found) = try await core.withBody(of: exchange.request) { body in
            // Awaited below, and cancelled with this task or when the client leaves.
            let work = Task { try await answer(exchange, body) }
            await ConnectionGuard.notify(context.channel) { work.cancel() }
            return try await withTaskCancellationHandler {
                try await work.value
            } onCancel: {
                work.cancel()
            }
        }
        outcome = found
        outcome.client = exchange.client
        return response
    }

    private func checkContentType(_ request: Request) throws(WireError) {
        guard let type = request.headers[.contentType] else { return }
        let media = type.prefix { $0 != ";" }.lowercased().filter { $0 != " " }
        guard media == "application/json" || media == "text/json" || media.hasSuffix("+json") else {
            throw WireError(
                .unsupportedMediaType, .unsupportedMediaType, code: "unsupported_media_type",
                "The body is said to be \(type.prefix(100)). Send JSON, as application/json.")
        }
    }

    private func refusal(_ error: any Error, id: String) -> WireError {
        switch error {
        case let error as WireError: return error
        case let error as RankingError:
            let refusal = WireError(error)
            // What the operator has to act on is told here too; of documents, errors name the position alone.
            if refusal.status.code >= 500 {
                core.logger.error("\(error.what)", metadata: ["request_id": "\(id)"])
            }
            return refusal
        case is CancellationError:
            // Nobody reads it: the client has left, or the process ends at once.
            return WireError(
                HTTPResponse.Status(code: 499, reasonPhrase: "Client Closed Request"), .timeout, code: "cancelled",
                "The client closed the connection before the answer.")
        default:
            core.logger.error("unexpected: \(type(of: error))", metadata: ["request_id": "\(id)"])
            return .internal
        }
    }

    // MARK: Headers

    /// The client's own id where it has one that can be logged and sent back.
    private static func requestID(_ headers: HTTPFields) -> String {
        if let id = headers[.requestID], (1...128).contains(id.utf8.count),
            id.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        {
            return id
        }
        let bits = UInt64.random(in: 0 ... .max)
        let low = UInt64.random(in: 0 ... .max)
        return [bits, low].map {
            String(repeating: "0", count: $0.leadingZeroBitCount / 4) + ($0 == 0 ? "" : String($0, radix: 16))
        }.joined()
    }

    private static func allowed(_ methods: [HTTPRequest.Method: Route]) -> String {
        (methods.keys.map(\.rawValue) + (methods[.get] == nil ? [] : ["HEAD"]) + ["OPTIONS"]).sorted()
            .joined(separator: ", ")
    }

    private func preflight(_ methods: [HTTPRequest.Method: Route]) -> Response {
        var response = Response(status: .noContent)
        response.headers[.allow] = Responder.allowed(methods)
        if !core.settings.corsOrigins.isEmpty {
            response.headers[.accessControlAllowMethods] = Responder.allowed(methods)
            response.headers[.accessControlAllowHeaders] =
                "authorization, content-type, x-request-id, x-resift-deadline-ms"
            response.headers[.accessControlMaxAge] = "600"
        }
        return response
    }

    private func addCORS(to response: inout Response, _ request: Request) {
        guard !core.settings.corsOrigins.isEmpty else { return }
        response.headers[.vary] = "Origin"
        guard let origin = request.headers[.origin] else { return }
        let any = core.settings.corsOrigins.contains("*")
        guard any || core.settings.corsOrigins.contains(origin) else { return }
        response.headers[.accessControlAllowOrigin] = any ? "*" : origin
        response.headers[.accessControlExposeHeaders] = "x-request-id, x-resift-model, server-timing, retry-after"
    }

    static func response(_ body: JSONValue, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status, headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: body.compact)))
    }

    // MARK: Logs

    /// Numbers and names; never a query, a document or a key.
    private func log(
        _ request: Request, id: String, path: String, _ response: Response, _ outcome: Outcome, _ spent: Duration
    ) {
        let level: Logger.Level = response.status.code >= 500 ? .error : outcome.report == nil ? .debug : .info
        var metadata: Logger.Metadata = [
            "request_id": "\(id)", "method": "\(request.method.rawValue.prefix(20))", "path": "\(path)",
            "status": "\(response.status.code)", "ms": "\(Double(Int(spent.milliseconds * 100)) / 100)",
        ]
        if let client = outcome.client { metadata["client"] = "\(client)" }
        if let report = outcome.report {
            metadata["model"] = "\(outcome.model ?? report.model)"
            metadata["documents"] = "\(report.documents)"
            metadata["tokens"] = "\(report.tokens)"
        }
        core.logger.log(level: level, "request", metadata: metadata)
    }
}
