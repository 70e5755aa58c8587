import HTTPTypes
import Hummingbird
import NIOCore
import OrderedJSON
import Reranking

/// What a path does, and what it takes to be let in.
enum Route: Sendable {
    case open(@Sendable (Exchange) async throws -> Response)
    /// Needs a key, where the server has any.
    case protected(@Sendable (Exchange) async throws -> Response)
    /// Needs a key, and takes a place in the queue while it runs.
    case scoring(@Sendable (Exchange, [UInt8]) async throws -> (Response, Outcome))

    var needsKey: Bool {
        if case .open = self { false } else { true }
    }
}

/// What became of a request, for metrics and logs.
struct Outcome: Sendable {
    var failure: WireError.Kind?
    var report: RerankReport?
    /// As the server calls it.
    var model: String?
    var client: String?
}

enum Routes {
    /// The paths of all vendors whose clients can be pointed here.
    static let rerankPaths = ["/rerank", "/v1/rerank", "/v2/rerank", "/reranking", "/v1/reranking"]

    static func table(_ core: ServerCore) -> [String: [HTTPRequest.Method: Route]] {
        let rerank = RerankService(core: core)
        var table: [String: [HTTPRequest.Method: Route]] = [:]
        for path in rerankPaths {
            table[path] = [.post: .scoring { exchange, body in try await rerank.rerank(exchange, body) }]
        }
        for path in ["/score", "/v1/score"] {
            table[path] = [.post: .scoring { exchange, body in try await rerank.score(exchange, body) }]
        }
        table["/v1/search"] = [.post: .scoring { exchange, body in try await rerank.search(exchange, body) }]
        for path in ["/health", "/ping"] { table[path] = [.get: .open { _ in Response(status: .ok) }] }
        let admission = core.admission
        table["/ready"] = [
            .get: .open { _ in
                guard admission.isReady else { throw WireError.draining }
                return Response(status: .ok)
            }
        ]
        let description = ServerDescription(core: core)
        table["/info"] = [.get: .protected { _ in Responder.response(try await description.info()) }]
        table["/v1/models"] = [.get: .protected { _ in Responder.response(description.models()) }]
        table["/metrics"] = [
            .get: .open { _ in
                Response(
                    status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                    body: ResponseBody(
                        byteBuffer: ByteBuffer(string: core.metrics.text(core.admission, core.models.cache))))
            }
        ]
        table["/openapi.json"] = [.get: .open { _ in Responder.response(try Pages.openAPI()) }]
        table["/"] = [.get: .open { _ in Pages.response(try Pages.playground()) }]
        table["/docs"] = [.get: .open { _ in Pages.response(try Pages.docs()) }]
        return table
    }
}
