import Foundation
import Inference
import NIOCore
import Ranking
import Reranking
import Synchronization
import TestSupport
import Testing

@testable import ScoreCaches

@Suite("A Redis server keeps scores", .enabled(if: RedisServer.path != nil, Comment(rawValue: RedisServer.missing)))
struct RedisScoreCacheTests {
    private static let query = "the river bridge"
    private static let documents = ["water under the bridge", "the council's budget", "", "a lighthouse"]

    private func cache(
        _ server: RedisServer, _ change: (inout RedisSettings) -> Void = { _ in }
    ) throws -> RedisScoreCache {
        var settings = RedisSettings(port: server.port)
        // This machine may be busy: what is under test is not how fast the server is.
        settings.timeout = .seconds(20)
        settings.connectTimeout = .seconds(20)
        change(&settings)
        return try RedisScoreCache(settings)
    }

    private func reranker() throws -> Reranker {
        try Reranker.load(directory: Repository.model("bert-cross-encoder"), precision: .fp32)
    }

    @Test("what one cache stores another one finds, in any number, until its time is over")
    func roundTrip() async throws {
        let server = try await RedisServer()
        let (first, second) = (try cache(server), try cache(server))
        let entries = TestScores.entries(0..<1_300)
        await first.store(entries)
        await first.flush()
        let keys = (0..<1_400).map(TestScores.key)
        let found = await second.values(for: keys)
        #expect(found == (0..<1_400).map { $0 < 1_300 ? TestScores.score($0) : nil })
        #expect(first.tiers[0].stored == 1_300)
        #expect(second.tiers == [CacheTierStatistics(tier: "redis", hits: 1_300, misses: 100)])
        let brief = try cache(server) { $0.timeToLive = .milliseconds(1) }
        await brief.store(TestScores.entries(2_000..<2_010))
        await brief.flush()
        try await Task.sleep(for: .milliseconds(50))
        #expect(await brief.values(for: [TestScores.key(2_000)]) == [nil])
        for cache in [first, second, brief] { await cache.close() }
        #expect(await first.values(for: [keys[0]]) == [nil])
    }

    @Test("databases and prefixes are apart; a user and a password open the door")
    func doors() async throws {
        let server = try await RedisServer([
            "--requirepass", "open sesame", "--user", "resift", "on", ">secret", "~*", "&*", "+@all",
        ])
        let key = [TestScores.key(1)]
        let caches = [
            try cache(server) { $0.password = .init("open sesame") },
            try cache(server) {
                $0.user = "resift"
                $0.password = .init("secret")
                $0.database = 3
            },
            try cache(server) {
                $0.password = .init("open sesame")
                $0.keyPrefix = "other"
            },
        ]
        await caches[0].store(TestScores.entries(1..<2))
        await caches[0].flush()
        #expect(await caches[0].values(for: key) == [TestScores.score(1)])
        #expect(await caches[1].values(for: key) == [nil])
        #expect(await caches[2].values(for: key) == [nil])
        for cache in caches { #expect(cache.tiers[0].failures == [:]) }
        for cache in [
            try cache(server), try cache(server) { $0.password = .init("wrong") },
            try cache(server) {
                $0.user = "nobody"
                $0.password = .init("secret")
            },
        ] {
            #expect(await cache.values(for: key) == [nil])
            await cache.store(TestScores.entries(1..<2))
            await cache.flush()
            #expect(cache.tiers[0].failures == [.authentication: 2])
            #expect(cache.tiers[0].misses == 1)
            await cache.close()
        }
        for cache in caches { await cache.close() }
    }

    @Test("a server that has no memory left refuses scores, and gives those that it has")
    func outOfMemory() async throws {
        let server = try await RedisServer(["--maxmemory", "3mb", "--maxmemory-policy", "noeviction"])
        let cache = try cache(server)
        // The server alone takes one or two megabytes.
        for start in stride(from: 0, to: 20_000, by: 1_000) {
            await cache.store(TestScores.entries(start..<start + 1_000))
            await cache.flush()
        }
        let statistics = cache.tiers[0]
        #expect(statistics.failures.keys.sorted() == [.full])
        #expect(statistics.stored > 0 && statistics.stored < 20_000)
        #expect(await cache.values(for: [TestScores.key(0)]) == [TestScores.score(0)])
        await cache.close()
    }

    @Test("values of other programs and versions are misses, and are counted")
    func foreignValues() async throws {
        let server = try await RedisServer()
        let cache = try cache(server)
        await cache.store(TestScores.entries(0..<3))
        await cache.flush()
        let link = RedisLink(RedisSettings(port: server.port), timeout: .seconds(20), tls: nil)
        func name(_ number: Int) -> String {
            "resift:score:1:" + TestScores.key(number).bytes.map { String(format: "%02x", $0) }.joined()
        }
        var commands = NIOCore.ByteBuffer()
        RESPCommand.append("SET", name(0), "garbage", to: &commands)
        RESPCommand.append("DEL", name(1), to: &commands)
        RESPCommand.append("LPUSH", name(1), "a list", to: &commands)
        _ = try await link.send(commands, replies: 3)
        #expect(
            await cache.values(for: (0..<3).map(TestScores.key)) == [nil, nil, TestScores.score(2)])
        #expect(cache.tiers[0].failures == [.damaged: 1])
        await cache.close()
        await link.close()
    }

    @Test("a server that hangs costs a call its timeout once, and no answer")
    func slow() async throws {
        let server = try await RedisServer()
        let cache = try cache(server) { $0.timeout = .milliseconds(50) }
        let reranker = try reranker()
        let expected = try await reranker.scores(Self.query, Self.documents)
        let cached = try reranker.caching(in: cache)
        // Until the connection stands, which on a busy machine may take longer than a lookup may.
        await cache.store(TestScores.entries(0..<1))
        for _ in 0..<200 where await cache.values(for: [TestScores.key(0)]) == [nil] {
            try await Task.sleep(for: .milliseconds(100))
        }
        #expect(cache.tiers[0].hits >= 1)
        let before = cache.tiers[0].failures[.timeout] ?? 0
        let link = RedisLink(RedisSettings(port: server.port), timeout: .seconds(60), tls: nil)
        let stop = StopSign()
        async let asleep: Void = {
            var commands = NIOCore.ByteBuffer()
            RESPCommand.append("DEBUG", "SLEEP", "1.5", to: &commands)
            while !stop.isUp { _ = try? await link.send(commands, replies: 1) }
        }()
        // Until a call has met it asleep. Then ten calls get their scores, and none of them an error.
        for _ in 0..<6_000 where (cache.tiers[0].failures[.timeout] ?? 0) == before {
            #expect(try await cached.scores(Self.query, Self.documents) == expected)
            try await Task.sleep(for: .milliseconds(5))
        }
        #expect((cache.tiers[0].failures[.timeout] ?? 0) > before)
        for _ in 0..<10 { #expect(try await cached.scores(Self.query, Self.documents) == expected) }
        stop.raise()
        await asleep
        await cache.flush()
        await cache.close()
        await link.close()
    }

    @Test("killed and started again under load, the server loses scores and no call fails")
    func killedUnderLoad() async throws {
        let server = try await RedisServer()
        let cache = try cache(server)
        let reranker = try reranker()
        let cached = try reranker.caching(in: cache)
        let expected = try await reranker.scores(Self.query, Self.documents)
        let stop = StopSign()
        try await withThrowingTaskGroup(of: Int.self) { group in
            for worker in 0..<8 {
                group.addTask {
                    var calls = 0
                    while !stop.isUp {
                        // Half of the calls ask for what is kept.
                        let query = worker % 2 == 0 ? Self.query : "\(Self.query) \(worker) \(calls)"
                        let scores = try await cached.scores(query, Self.documents)
                        if worker % 2 == 0 { #expect(scores == expected) }
                        calls += 1
                    }
                    return calls
                }
            }
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(200))
                let failures = cache.tiers[0].failures[.connection] ?? 0
                server.kill()
                // Until a call has met it.
                for _ in 0..<600 where cache.tiers[0].failures[.connection] ?? 0 == failures {
                    try await Task.sleep(for: .milliseconds(50))
                }
                try await server.start()
            }
            // Until it was found again.
            let hits = cache.tiers[0].hits
            for _ in 0..<600 where cache.tiers[0].hits == hits { try await Task.sleep(for: .milliseconds(50)) }
            #expect(cache.tiers[0].hits > hits)
            stop.raise()
            for try await calls in group { #expect(calls > 0) }
        }
        let statistics = cache.tiers[0]
        #expect((statistics.failures[.connection] ?? 0) > 0)
        #expect(Set(statistics.failures.keys).isSubset(of: [.connection, .busy]))
        await cache.close()
    }

    @Test("TLS, by a certificate that the address names; without it no connection")
    func tls() async throws {
        let folder = try TemporaryFolder()
        let openssl = Process()
        openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        openssl.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2", "-keyout", folder.path + "/key.pem", "-out", folder.path + "/certificate.pem", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        ]
        openssl.standardError = FileHandle.nullDevice
        try openssl.run()
        openssl.waitUntilExit()
        try #require(openssl.terminationStatus == 0)
        let server = try await RedisServer(
            [
                "--tls-cert-file", folder.path + "/certificate.pem", "--tls-key-file", folder.path + "/key.pem",
                "--tls-ca-cert-file", folder.path + "/certificate.pem", "--tls-auth-clients", "no",
            ], tls: true)
        for host in ["localhost", "127.0.0.1"] {
            let trusting = try cache(server) {
                $0.host = host
                $0.usesTLS = true
                $0.authorities = folder.path + "/certificate.pem"
            }
            await trusting.store(TestScores.entries(0..<5))
            await trusting.flush()
            #expect(await trusting.values(for: [TestScores.key(3)]) == [TestScores.score(3)], "\(trusting.tiers)")
            await trusting.close()
        }
        let suspicious = try cache(server) { $0.usesTLS = true }
        #expect(await suspicious.values(for: [TestScores.key(3)]) == [nil])
        #expect(suspicious.tiers[0].failures == [.connection: 1])
        await suspicious.close()
        #expect(throws: RankingError.self) {
            try cache(server) {
                $0.usesTLS = true
                $0.authorities = folder.path + "/missing.pem"
            }
        }
    }
}

/// Tells tasks to end.
private final class StopSign: Sendable {
    private let state = Mutex(false)

    var isUp: Bool { state.withLock { $0 } }
    func raise() { state.withLock { $0 = true } }
}
