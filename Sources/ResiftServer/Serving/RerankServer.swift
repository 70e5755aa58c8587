import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Inference
public import Logging
import NIOCore
import NIOSSL
import Ranking
import Reranking
import Resift
import Retrieval
public import ServiceLifecycle
public import Tracing

/// The HTTP server: a drop-in for Cohere, Jina, Voyage, Mixedbread, TEI and Infinity clients.
///
/// ```swift
/// var settings = ServerSettings()
/// settings.port = 8080
/// try await RerankServer(settings, logger: Logger(label: "resift")).run()
/// ```
public struct RerankServer: Service {
    private let settings: ServerSettings
    private let core: ServerCore
    private let logger: Logger
    private let onRunning: @Sendable (RerankServer, Int) async -> Void

    /// Loads the models and opens the index. Throws RankingError for what is wrong with any of them, or with the
    /// settings; nothing listens yet.
    ///
    /// - Parameters:
    ///   - tracer: Gets a span for each request; nil for the process's own, where it has one.
    ///   - onRunning: Called with the port, once requests are accepted.
    public init(
        _ settings: ServerSettings, logger: Logger, tracer: (any Tracer)? = nil,
        onRunning: @escaping @Sendable (RerankServer, Int) async -> Void = { _, _ in }
    ) async throws {
        self.settings = settings
        self.logger = logger
        self.onRunning = onRunning
        core = try await ServerCore(settings, logger: logger, tracer: tracer ?? InstrumentationSystem.tracer)
        _ = try RerankServer.tls(settings)
    }

    /// The name of the model that answers where a request names none.
    public var defaultModel: String { core.models.defaultName }
    public var modelNames: [String] { core.models.models.map(\.name) }

    /// Serves until the task is cancelled, or its service group shuts down gracefully: then it lets nobody in any more,
    /// finishes what it accepted, and returns.
    public func run() async throws {
        var http = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                ConnectionGuard(
                    readTimeout: settings.limits.readTimeout, maxBodyBytes: settings.limits.maxBodyBytes)
            ], idleTimeout: TimeAmount(settings.limits.idleTimeout))
        http.httpDecoder = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: 16 << 10, maxHeaderListSize: 64 << 10, maxHeaderFieldCount: 200)
        var builder = HTTPServerBuilder.http1(configuration: http)
        if let tls = try RerankServer.tls(settings) { builder = try .tls(builder, tlsConfiguration: tls) }
        let application = Application(
            responder: Responder(core: core), server: builder,
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port),
                availableConnectionsDelegate: MaximumAvailableConnections(
                    settings.limits.maxConnections, logger: logger)),
            onServerRunning: { channel in await onRunning(self, channel.localAddress?.port ?? 0) }, logger: quiet)
        // Shut down from the last to the first: the drain ends before the connections do.
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: Listener(application)), .init(service: Drain(core: core, limits: settings.limits)),
            ],
            logger: quiet)
        configuration.maximumGracefulShutdownDuration =
            settings.limits.drainDelay + settings.limits.drainTimeout + .seconds(5)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            await core.models.cache?.close()
            throw error
        }
        // What was computed for the last requests is on its way to a file or a server.
        await core.models.cache?.close()
    }

    /// The frameworks' own messages say nothing that ours do not.
    private var quiet: Logger {
        var logger = logger
        logger.logLevel = max(.warning, logger.logLevel)
        return logger
    }

    private static func tls(_ settings: ServerSettings) throws(RankingError) -> TLSConfiguration? {
        guard let certificate = settings.certificateFile, let key = settings.privateKeyFile else {
            guard settings.certificateFile == nil, settings.privateKeyFile == nil else {
                throw RankingError(
                    .invalidInput, what: "Of a TLS certificate and its key, one is missing.",
                    why: "A server needs both.", fix: "Name both with --tls-certificate and --tls-key, or neither.")
            }
            return nil
        }
        do {
            return TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMFile(certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(file: key, format: .pem)))
        } catch {
            throw RankingError(
                .invalidInput, what: "\(certificate) and \(key) cannot be used for TLS.", why: "\(error)",
                fix: "Name a certificate chain and its private key in PEM format.", cause: error)
        }
    }
}

// A service group describes its services by walking through all that they hold, unless they say what they are: with a
// vocabulary in it that takes a second.
extension RerankServer: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "RerankServer" }
    public var debugDescription: String { description }
}

/// Accepts connections.
private struct Listener: Service, CustomStringConvertible, CustomDebugStringConvertible {
    let application: Application<Responder>

    init(_ application: Application<Responder>) { self.application = application }

    var description: String { "Listener" }
    var debugDescription: String { description }

    func run() async throws { try await application.run() }
}

/// Waits for the end of the server's accepted requests, before its connections are closed.
private struct Drain: Service, CustomStringConvertible, CustomDebugStringConvertible {
    let core: ServerCore
    let limits: ServerLimits

    var description: String { "Drain" }
    var debugDescription: String { description }

    func run() async throws {
        try await gracefulShutdown()
        core.admission.announceEnd()
        if limits.drainDelay > .zero { try await Task.sleep(for: limits.drainDelay) }
        let admission = core.admission
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await admission.closeAndWait() }
            group.addTask { [limits] in try? await Task.sleep(for: limits.drainTimeout) }
            await group.next()
            // The wait for requests that take longer than that ends with the process.
            admission.stopWaiting()
            group.cancelAll()
        }
    }
}
