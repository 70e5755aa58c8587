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
    public var retries = ServiceRetries()
    /// Requests that are under way at the same time; others wait for their turn.
    public var maxRequestsAtOnce = 8
    public var circuitBreaker = CircuitBreakerSettings()
    /// A longer answer is refused.
    public var maxAnswerBytes = 64 << 20

    public init(baseURL: String? = nil, key: ServiceKey? = nil) {
        self.baseURL = baseURL
        self.key = key
    }
}

/// When a request that failed in passing is sent again.
public struct ServiceRetries: Sendable {
    /// Attempts before the request is given up, the first one included.
    public var attempts = 3
    /// The wait before the second attempt; it doubles from there.
    public var firstWait: Duration = .milliseconds(500)
    /// The longest wait of its own choice.
    public var longestWait: Duration = .seconds(8)
    /// The longest wait that a service may ask for; where it asks for more, the request is given up at once.
    public var longestRequestedWait: Duration = .seconds(60)

    public init() {}

    /// `firstWait · 2^(failures - 1)`, at most `longestWait`, less up to a quarter by chance: callers that failed
    /// together do not come back together.
    ///
    /// - Parameters:
    ///   - failures: Attempts that failed, from 1.
    ///   - chance: 0 ..< 1.
    func wait(after failures: Int, chance: Double) -> Duration {
        min(longestWait, firstWait * (1 << min(max(failures - 1, 0), 16))) * (1 - chance / 4)
    }
}
