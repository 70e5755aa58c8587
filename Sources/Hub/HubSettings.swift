public import Outbound

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where the hub is, where its files are kept, and who asks: what the environment says to every Hugging Face tool.
public struct HubSettings: Sendable {
    public static let defaultEndpoint = "https://huggingface.co"

    /// The hub's address, or a mirror's.
    public var endpoint: String
    /// The cache that all Hugging Face tools share; nil where the environment names none.
    public var cacheDirectory: String?
    /// Says who asks. Sent to the host of `endpoint` and to no other.
    public var token: ServiceKey?
    /// True where the network must not be used, even if asked.
    public var isOffline: Bool
    /// Attempts are counted anew whenever one brought bytes.
    public var retries = RetryPolicy(attempts: 5, longestWait: .seconds(60))
    public var proxies: ProxySettings
    /// How long a connection may be silent before the request is made again.
    public var silenceLimit: Duration = .seconds(30)
    /// Files that are downloaded at the same time.
    public var parallelFiles = 4

    public init(
        endpoint: String = HubSettings.defaultEndpoint, cacheDirectory: String?, token: ServiceKey? = nil,
        isOffline: Bool = false, proxies: ProxySettings = ProxySettings()
    ) {
        self.endpoint = endpoint
        self.cacheDirectory = cacheDirectory
        self.token = token
        self.isOffline = isOffline
        self.proxies = proxies
    }

    /// Reads `HF_ENDPOINT`; `HF_HUB_CACHE`, else `HF_HOME/hub`, else `XDG_CACHE_HOME/huggingface/hub`, else
    /// `~/.cache/huggingface/hub`; `HF_TOKEN`, else the file `HF_TOKEN_PATH`, else `HF_HOME/token`; `HF_HUB_OFFLINE`; and
    /// what `ProxySettings` reads.
    ///
    /// - Parameter environment: nil for that of this process.
    public init(environment variables: [String: String]? = nil) {
        let environment = variables ?? ProcessInfo.processInfo.environment
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        func path(_ name: String) -> String? {
            variable(name).map { $0.hasPrefix("~/") ? (environment["HOME"] ?? "~") + $0.dropFirst() : $0 }
        }
        let caches = path("XDG_CACHE_HOME") ?? variable("HOME").map { $0 + "/.cache" }
        let home = path("HF_HOME") ?? caches.map { $0 + "/huggingface" }
        let tokenFile = path("HF_TOKEN_PATH") ?? home.map { $0 + "/token" }
        self.init(
            endpoint: variable("HF_ENDPOINT") ?? HubSettings.defaultEndpoint,
            cacheDirectory: path("HF_HUB_CACHE") ?? path("HUGGINGFACE_HUB_CACHE") ?? home.map { $0 + "/hub" },
            token: variable("HF_TOKEN").flatMap(ServiceKey.init(unchecked:))
                ?? tokenFile.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) }.flatMap(
                    ServiceKey.init(unchecked:)),
            isOffline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].contains { name in
                variable(name).map { ["1", "true", "yes", "on"].contains($0.lowercased()) } ?? false
            }, proxies: ProxySettings(environment: environment))
    }
}
