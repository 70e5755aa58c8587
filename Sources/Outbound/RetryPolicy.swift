/// When a request that failed in passing is sent again.
public struct RetryPolicy: Sendable {
    /// Attempts before the request is given up, the first one included.
    public var attempts: Int
    /// The wait before the second attempt; it doubles from there.
    public var firstWait: Duration
    /// The longest wait of its own choice.
    public var longestWait: Duration
    /// The longest wait that a server may ask for; where it asks for more, the request is given up at once.
    public var longestRequestedWait: Duration

    public init(
        attempts: Int = 3, firstWait: Duration = .milliseconds(500), longestWait: Duration = .seconds(8),
        longestRequestedWait: Duration = .seconds(60)
    ) {
        self.attempts = attempts
        self.firstWait = firstWait
        self.longestWait = longestWait
        self.longestRequestedWait = longestRequestedWait
    }

    /// `firstWait · 2^(failures - 1)`, at most `longestWait`, less up to a quarter by chance: callers that failed
    /// together do not come back together.
    ///
    /// - Parameters:
    ///   - failures: Attempts that failed, from 1.
    ///   - chance: 0 ..< 1.
    package func wait(after failures: Int, chance: Double = Double.random(in: 0..<1)) -> Duration {
        min(longestWait, firstWait * (1 << min(max(failures - 1, 0), 16))) * (1 - chance / 4)
    }
}
