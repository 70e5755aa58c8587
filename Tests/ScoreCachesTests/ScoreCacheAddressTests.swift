import Foundation
import Ranking
import Reranking
import TestSupport
import Testing

@testable import ScoreCaches

@Suite("An address says where scores are kept")
struct ScoreCacheAddressTests {
    private func redis(_ text: String) throws -> RedisSettings {
        guard case .redis(let settings)? = try ScoreCacheAddress(parsing: text).tiers.first else {
            throw RankingError(.invalidInput, what: text, why: "", fix: "")
        }
        return settings
    }

    @Test("each form, and several of them")
    func forms() throws {
        let address = try ScoreCacheAddress(
            parsing: "memory:64MB,sqlite:/tmp/a,b.db?max=2GB&ttl=12h,redis://u:p%40%2C:s@h:1/2?ttl=0&timeout=5ms")
        #expect(address.tiers.count == 3)
        guard case .memory(64 << 20) = address.tiers[0], case .sqlite(let file) = address.tiers[1],
            case .redis(let server) = address.tiers[2]
        else {
            Issue.record("\(address)")
            return
        }
        #expect(file.path == "/tmp/a,b.db")
        #expect(file.maxBytes == 2 << 30)
        #expect(file.timeToLive == .seconds(12 * 3_600))
        #expect(server.host == "h" && server.port == 1 && server.database == 2 && server.user == "u")
        #expect(server.password?.text == "p@,:s")
        #expect(server.timeToLive == nil)
        #expect(server.timeout == .milliseconds(5))
        #expect(!server.usesTLS)
        let plain = try redis("rediss://[::1]")
        #expect(plain.host == "::1" && plain.port == 6_379 && plain.database == 0 && plain.usesTLS)
        #expect(plain.password == nil && plain.timeToLive == .seconds(7 * 86_400))
        #expect(try redis("redis://:secret@h").password?.text == "secret")
        #expect(try ScoreCacheAddress(parsing: "none").open() == nil)
        let folder = try TemporaryFolder()
        let file2 = try folder.write("password", "from a file\n")
        #expect(try redis("redis://h?password-file=\(file2)").password?.text == "from a file")
    }

    @Test(
        "what is no address is refused, with the forms that are",
        arguments: [
            "", "memcached://h", "memory", "memory:0", "memory:-1", "memory:12XB", "memory:9999999999999TB", "sqlite:",
            "sqlite:a?size=1", "sqlite:a?max", "redis:h", "redis://", "redis://h:70000", "redis://h/x", "redis://u@h",
            "redis://h?ttl=soon", "redis://h?ca=x", "memory:1MB?ttl=1s", "memory:1MB,", "redis://h?ttl=-1s",
        ])
    func refusals(text: String) {
        let error = #expect(throws: RankingError.self) { try ScoreCacheAddress(parsing: text) }
        #expect(error?.code == .invalidInput)
        #expect(error?.fix.contains("memory:SIZE") == true)
    }

    @Test(
        "a password is in no text about an address",
        arguments: [
            "redis://user:hunter2@host/0", "redis://:hunter2@host?nonsense=1", "redis:user:hunter2@host",
            "redis://user:hunter2@host/x", "redis://user:hun/ter2?hunter2@host", "redis://user:hunter2",
            "rediss://a:hunter2@b@c?timeout=x", "memory:1MB,redis://user:hunter2@host:99999",
            "redsi://user:hunter2@host",
        ])
    func secrecy(text: String) {
        var texts: [String] = []
        do {
            let address = try ScoreCacheAddress(parsing: text)
            var dumped = ""
            dump(address, to: &dumped)
            texts = ["\(address)", String(reflecting: address), "\(address.tiers)", dumped]
            for case .redis(let settings) in address.tiers {
                dump(settings, to: &dumped)
                texts += ["\(settings)", String(reflecting: settings), dumped]
            }
        } catch {
            texts = ["\(error)", String(reflecting: error)]
        }
        for shown in texts { #expect(!shown.contains("hunter2"), "\(shown)") }
    }
}
