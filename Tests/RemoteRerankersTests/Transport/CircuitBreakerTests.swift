import Testing

@testable import RemoteRerankers

@Suite("Circuit breaker")
struct CircuitBreakerTests {
    private let time = FakeTime()
    private let breaker: CircuitBreaker

    init() {
        let time = time
        breaker = CircuitBreaker(.init(failures: 3, pause: .seconds(30))) { time.now }
    }

    private func attempt(_ outcome: CircuitBreaker.Outcome) throws {
        let permit = try #require(breaker.admit())
        breaker.report(outcome, of: permit)
    }

    @Test("it opens after so many failures in a row, and not after as many with a success between")
    func opens() throws {
        try attempt(.failure)
        try attempt(.failure)
        try attempt(.success)
        try attempt(.failure)
        try attempt(.failure)
        #expect(breaker.state == .closed(failures: 2))
        try attempt(.failure)
        #expect(breaker.state == .open(remaining: .seconds(30)))
        #expect(breaker.admit() == nil)
    }

    @Test("after the pause one probe goes through, and its success closes it")
    func probeCloses() throws {
        for _ in 0..<3 { try attempt(.failure) }
        time.pass(.seconds(29))
        #expect(breaker.state == .open(remaining: .seconds(1)))
        #expect(breaker.admit() == nil)
        time.pass(.seconds(1))
        #expect(breaker.state == .halfOpen)
        let probe = try #require(breaker.admit())
        #expect(breaker.admit() == nil, "there is one probe at a time")
        breaker.report(.success, of: probe)
        #expect(breaker.state == .closed(failures: 0))
    }

    @Test("a probe that fails opens it for another pause")
    func probeOpens() throws {
        for _ in 0..<3 { try attempt(.failure) }
        time.pass(.seconds(30))
        try attempt(.failure)
        #expect(breaker.state == .open(remaining: .seconds(30)))
    }

    @Test("a probe that its caller gave up leaves the place to the next attempt")
    func probeGivenUp() throws {
        for _ in 0..<3 { try attempt(.failure) }
        time.pass(.seconds(30))
        try attempt(.unknown)
        #expect(breaker.state == .halfOpen)
        try attempt(.success)
        #expect(breaker.state == .closed(failures: 0))
    }

    @Test("an attempt from before it opened does not close it")
    func lateSuccess() throws {
        let late = try #require(breaker.admit())
        for _ in 0..<3 { try attempt(.failure) }
        breaker.report(.success, of: late)
        #expect(breaker.admit() == nil)
    }

    @Test("an attempt that its caller gave up counts neither way")
    func unknown() throws {
        try attempt(.failure)
        try attempt(.unknown)
        #expect(breaker.state == .closed(failures: 1))
    }
}
