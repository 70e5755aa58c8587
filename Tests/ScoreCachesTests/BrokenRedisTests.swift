import Ranking
import Reranking
import Synchronization
import TestSupport
import Testing

@testable import ScoreCaches

@Suite("A server that breaks Redis' protocol is a miss, whatever it does")
struct BrokenRedisTests {
    /// Answers the greeting as an old server does, then by `answer`.
    private func failures(
        timeout: Duration = .seconds(20), lookups: Int = 1,
        _ answer: @escaping @Sendable (String) -> ScriptedServer.Answer?
    ) async throws -> [CacheTierStatistics.Failure: Int] {
        let server = try await ScriptedServer { request in
            request.contains("HELLO") ? .init("-ERR unknown command\r\n") : answer(request)
        }
        var settings = RedisSettings(port: server.port)
        settings.timeout = timeout
        let cache = try RedisScoreCache(settings)
        for _ in 0..<lookups {
            #expect(await cache.values(for: (0..<2).map(TestScores.key)) == [nil, nil])
        }
        #expect(cache.tiers[0].misses == 2 * lookups)
        await cache.close()
        try await server.close()
        return cache.tiers[0].failures
    }

    @Test(
        "garbage, other replies than were asked for, and replies that nobody asked for",
        arguments: [
            "hello\r\n", "HTTP/1.1 400 Bad Request\r\n\r\n", "*1\r\n$-1\r\n", "+OK\r\n", "$-1\r\n", "*99999999\r\n",
            "$9999999999\r\n", "*2\r\n$3\r\nabcdef\r\n",
        ])
    func garbage(answer: String) async throws {
        #expect(try await failures { _ in .init(answer) } == [.malformed: 1])
    }

    @Test("a reply that comes twice ends the connection, not the cache")
    func twice() async throws {
        let failures = try await failures(lookups: 3) { _ in .init("*2\r\n$-1\r\n$-1\r\n*2\r\n$-1\r\n$-1\r\n") }
        // The first reply is an answer; the second belongs to nothing, or to the next lookup's connection that ended.
        #expect(Set(failures.keys).isSubset(of: [.malformed, .connection]))
    }

    @Test("half a reply, and then the end", arguments: ["*2\r\n$5\r\nab", "*2\r\n", "*", "*2\r\n$-1\r\n"])
    func half(answer: String) async throws {
        #expect(try await failures { _ in .init(answer, closes: true) } == [.connection: 1])
    }

    @Test("half a reply, and then nothing; or nothing at all", arguments: ["*2\r\n$5\r\nab", ""])
    func stall(answer: String) async throws {
        // Lookups right after a timeout do not ask, and say so by the same counter.
        #expect(
            try await failures(timeout: .milliseconds(100), lookups: 3) { _ in .init(answer) } == [.timeout: 3])
    }

    @Test("error replies are counted by what they mean")
    func errors() async throws {
        for (reply, kind) in [
            ("OOM command not allowed when used memory > 'maxmemory'.", CacheTierStatistics.Failure.full),
            ("NOAUTH Authentication required.", .authentication), ("NOPERM no permissions", .authentication),
            ("LOADING Redis is loading the dataset in memory", .busy), ("CROSSSLOT Keys in request", .refused),
            ("MOVED 3999 127.0.0.1:6381", .refused), ("ERR unknown command 'MGET'", .refused),
        ] {
            #expect(try await failures { _ in .init("-\(reply)\r\n") } == [kind: 1])
        }
    }

    @Test("a server that is not there is asked once, not by every call")
    func absent() async throws {
        let server = try await ScriptedServer { _ in nil }
        let port = server.port
        try await server.close()
        let cache = try RedisScoreCache(RedisSettings(port: port))
        for _ in 0..<50 { #expect(await cache.values(for: [TestScores.key(0)]) == [nil]) }
        #expect(cache.tiers[0].failures == [.connection: 50])
        await cache.close()
    }

    @Test("a lookup that is cancelled ends, and the connection stays in step")
    func cancellation() async throws {
        let held = Mutex<Int>(0)
        let server = try await ScriptedServer { request in
            if request.contains("HELLO") { return .init("%0\r\n") }
            // The first lookup's reply comes together with the second's.
            let number = held.withLock { held in
                held += 1
                return held
            }
            return number == 1 ? nil : .init("*1\r\n$1\r\nx\r\n*1\r\n$-1\r\n")
        }
        var settings = RedisSettings(port: server.port)
        settings.timeout = .seconds(20)
        let cache = try RedisScoreCache(settings)
        let first = Task { await cache.values(for: [TestScores.key(0)]) }
        while held.withLock({ $0 }) == 0 { try await Task.sleep(for: .milliseconds(5)) }
        first.cancel()
        #expect(await first.value == [nil])
        #expect(await cache.values(for: [TestScores.key(1)]) == [nil])
        // The damaged value was the first lookup's.
        #expect(cache.tiers[0].failures == [:])
        await cache.close()
        try await server.close()
    }

    @Test("more scores than can be kept are dropped, and counted")
    func dropped() async throws {
        let server = try await ScriptedServer { _ in nil }
        var settings = RedisSettings(port: server.port)
        settings.connectTimeout = .milliseconds(300)
        let cache = try RedisScoreCache(settings)
        await cache.store(TestScores.entries(0..<BackgroundWriter.mostWaiting + 300))
        let dropped = cache.tiers[0].failures[.dropped] ?? 0
        // One batch may have left the queue meanwhile.
        #expect((1...300).contains(dropped))
        await cache.close()
        #expect(cache.tiers[0].stored == 0)
        try await server.close()
    }
}
