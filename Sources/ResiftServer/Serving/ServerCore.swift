import HTTPTypes
import Hummingbird
import Inference
import Logging
import NIOCore
import Ranking
import Reranking
import Resift
import Retrieval
import Tracing

/// What all requests of a server share.
struct ServerCore: Sendable {
    let settings: ServerSettings
    let models: ServedModels
    let search: SearchService?
    let keys: APIKeys
    let admission: Admission
    let metrics: ServerMetrics
    let trace: RequestTrace
    let logger: Logger

    init(_ settings: ServerSettings, logger: Logger, tracer: any Tracer) async throws {
        let pool = settings.threads.map { ComputePool(threads: $0) } ?? .shared
        self.settings = settings
        self.logger = logger
        trace = RequestTrace(tracer: tracer)
        metrics = ServerMetrics()
        search = try await settings.indexPath.asyncMap { path in
            try await SearchService(
                path: path, embedder: settings.embedder, lateInteraction: settings.lateInteraction, pool: pool)
        }
        models = try ServedModels(settings, stored: search?.storedTokenVectors(), pool: pool)
        for served in models.models {
            let metrics = metrics
            await served.model?.observeBatches { batch in metrics.record(batch, model: served.name) }
        }
        keys = APIKeys(settings.apiKeys)
        admission = Admission(settings.limits)
    }

    /// Reads a whole body, and holds its memory while `use` runs.
    func withBody<Answer>(
        of request: Request, _ use: ([UInt8]) async throws -> Answer
    ) async throws -> Answer {
        let limit = settings.limits.maxBodyBytes
        func tooLarge() -> WireError {
            WireError(
                .contentTooLarge, .tooLarge, code: "too_large",
                "The body has more than \(limit) bytes. Send fewer documents at a time.")
        }
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw tooLarge() }
        var bytes: [UInt8] = []
        defer { admission.release(bytes: bytes.count) }
        do {
            for try await part in request.body {
                guard bytes.count + part.readableBytes <= limit else { throw tooLarge() }
                try admission.reserve(bytes: part.readableBytes)
                bytes.append(contentsOf: part.readableBytesView)
            }
        } catch let error as WireError {
            throw error
        } catch {
            // The connection ended inside the body.
            throw CancellationError()
        }
        return try await use(bytes)
    }
}

extension Optional {
    fileprivate func asyncMap<Result>(_ transform: (Wrapped) async throws -> Result) async rethrows -> Result? {
        guard let self else { return nil }
        return try await transform(self)
    }
}

/// One request on its way.
struct Exchange: Sendable {
    let request: Request
    let id: String
    let begin: ContinuousClock.Instant
    /// Whose turns it takes: the name of its key, or its address.
    let client: String
}

/// What Hummingbird tells of a request's connection.
struct ConnectionContext: InitializableFromSource {
    let channel: any Channel

    init(source: ApplicationRequestContextSource) { channel = source.channel }
}
