public import Outbound

/// Where a service is, who asks, and how patiently.
public struct ServiceSettings: Sendable {
    /// Nil for the service's own address; a server of one's own has none.
    public var baseURL: String?
    /// Nil for the one in the environment variable that the service's own client reads, if it is set.
    public var key: ServiceKey?
    /// How long one attempt may take, from the first byte sent to the last one read.
    public var timeout: Duration = .seconds(60)
    /// How long a connection may take to come about.
    public var connectTimeout: Duration = .seconds(10)
    public var retries = RetryPolicy()
    /// Requests that are under way at the same time; others wait for their turn.
    public var maxRequestsAtOnce = 8
    public var circuitBreaker = CircuitBreakerSettings()
    /// A longer answer is refused.
    public var maxAnswerBytes = 64 << 20

    public var proxies = ProxySettings()

    public init(baseURL: String? = nil, key: ServiceKey? = nil) {
        self.baseURL = baseURL
        self.key = key
    }
}
