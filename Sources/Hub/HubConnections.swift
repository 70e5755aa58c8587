import AsyncHTTPClient
import NIOCore
import Outbound
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The connections of one download: a client for each proxy that its addresses go through, and one for the others.
final class HubConnections: Sendable {
    private let settings: HubSettings
    private let clients = Mutex<[HTTPClient.Configuration.Proxy?: HTTPClient]>([:])

    /// Runs `body` and closes the connections.
    static func open<Result: Sendable>(
        _ settings: HubSettings, _ body: @Sendable (HubConnections) async throws -> Result
    ) async throws -> Result {
        let connections = HubConnections(settings)
        do {
            let result = try await body(connections)
            await connections.close()
            return result
        } catch {
            await connections.close()
            throw error
        }
    }

    private init(_ settings: HubSettings) { self.settings = settings }

    func execute(_ request: HTTPClientRequest, to url: URL) async throws -> HTTPClientResponse {
        try await client(for: settings.proxies.proxy(for: url)).execute(request, deadline: .distantFuture)
    }

    private func client(for proxy: HTTPClient.Configuration.Proxy?) -> HTTPClient {
        clients.withLock { clients in
            if let client = clients[proxy] { return client }
            var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
            configuration.timeout = .init(connect: .seconds(10), read: TimeAmount(settings.silenceLimit))
            // A file each: streams that share one connection share its window too.
            configuration.httpVersion = .http1Only
            // `retrying` does that, and says so.
            configuration.connectionPool.retryConnectionEstablishment = false
            configuration.proxy = proxy
            let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
            clients[proxy] = client
            return client
        }
    }

    private func close() async {
        for client in clients.withLock({ Array($0.values) }) { try? await client.shutdown() }
    }
}
