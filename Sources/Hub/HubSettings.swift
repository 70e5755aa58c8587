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
    public var token: HubToken?
    /// True where the network must not be used, even if asked.
    public var isOffline: Bool
    public var retries = RetryPolicy()
    /// How long a connection may be silent before the request is made again.
    public var silenceLimit: Duration = .seconds(30)
    /// Files that are downloaded at the same time.
    public var parallelFiles = 4

    public init(
        endpoint: String = HubSettings.defaultEndpoint, cacheDirectory: String?, token: HubToken? = nil,
        isOffline: Bool = false
    ) {
        self.endpoint = endpoint
        self.cacheDirectory = cacheDirectory
        self.token = token
        self.isOffline = isOffline
    }

    /// Reads `HF_ENDPOINT`; `HF_HUB_CACHE`, else `HF_HOME/hub`, else `XDG_CACHE_HOME/huggingface/hub`, else
    /// `~/.cache/huggingface/hub`; `HF_TOKEN`, else the file `HF_TOKEN_PATH`, else `HF_HOME/token`; `HF_HUB_OFFLINE`.
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
            token: variable("HF_TOKEN").flatMap(HubToken.init)
                ?? tokenFile.flatMap { try? String(contentsOfFile: $0, encoding: .utf8) }.flatMap(HubToken.init),
            isOffline: ["HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"].contains { name in
                variable(name).map { ["1", "true", "yes", "on"].contains($0.lowercased()) } ?? false
            })
    }
}

/// A secret that says who asks. It prints as "(token)", whatever prints it.
public struct HubToken: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package let secret: String

    /// Nil for an empty text. White space around it is dropped, which files end with.
    public init?(_ text: String) {
        var text = text[...]
        while text.first?.isWhitespace == true { text.removeFirst() }
        while text.last?.isWhitespace == true { text.removeLast() }
        if text.isEmpty { return nil }
        secret = String(text)
    }

    /// False where it cannot stand in a header of a request.
    var isPrintable: Bool { secret.utf8.allSatisfy { (33...126).contains($0) } }

    public var description: String { "(token)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// When a request that failed for a passing reason is made again.
public struct RetryPolicy: Sendable {
    /// Attempts in a row that brought nothing before the request is given up.
    public var attempts = 5
    /// The wait before the second attempt; it doubles from there.
    public var firstWait: Duration = .milliseconds(500)
    /// The longest wait, and the longest that a server may ask for before the request is given up.
    public var longestWait: Duration = .seconds(60)

    public init() {}

    /// - Parameter failures: Attempts in a row that brought nothing, from 1.
    func wait(after failures: Int) -> Duration {
        min(longestWait, firstWait * (1 << min(max(failures - 1, 0), 16)))
    }
}
