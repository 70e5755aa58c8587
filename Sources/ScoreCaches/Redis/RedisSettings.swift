/// Which Redis server, and how it is used.
public struct RedisSettings: Sendable {
    /// Never printed: what describes it, reflects on it or logs it shows three stars.
    public struct Password: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
        let text: String

        public init(_ text: String) { self.text = text }

        public var description: String { "***" }
        public var debugDescription: String { "***" }
        public var customMirror: Mirror { Mirror(self, children: [:]) }
    }

    public var host: String
    public var port: Int
    /// Nil for the server's default user.
    public var user: String?
    public var password: Password?
    public var database = 0
    public var usesTLS = false
    /// Certificates in PEM of who may vouch for the server; nil for the system's.
    public var authorities: String?
    /// How long a score is kept; nil for as long as the server likes.
    public var timeToLive: Duration? = .seconds(7 * 86_400)
    /// The longest that a lookup may take, with everything.
    public var timeout = Duration.milliseconds(100)
    public var connectTimeout = Duration.seconds(1)
    /// What keys begin with; the version of their form follows.
    public var keyPrefix = "resift"

    public init(host: String = "127.0.0.1", port: Int = 6_379) {
        self.host = host
        self.port = port
    }
}
