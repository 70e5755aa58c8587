import OrderedJSON
import ResiftServer
import ScoreCaches
import TestSupport
import Testing

@Suite("A server's cache")
struct CacheTests {
    private let body = #"{"query": "river", "documents": ["river water", "a bridge"], "resift": {}}"#

    @Test("outlives the server where it is a file, and /metrics counts each tier")
    func tiers() async throws {
        let folder = try TemporaryFolder()
        let address = try ScoreCacheAddress(parsing: "memory:1MB,sqlite:\(folder.path)/scores.db")
        for round in 0..<2 {
            try await LiveServer.run(LiveServer.settings { $0.cache = address }) { server in
                let answer = try await server.post("/v1/rerank", body)
                guard case .object(let report)? = try answer.json["resift"] else { throw LiveServer.Unanswered() }
                #expect(report["cache_hits"] == .number(JSONNumber(2 * round)))
                let entries = try await server.metric("resift_cache_entries{tier=\"memory\"}")
                #expect(entries == 2)
                let misses = try await server.metric("resift_cache_tier_misses_total{tier=\"memory\"}")
                #expect(misses == 2)
                let hits = try await server.metric("resift_cache_tier_hits_total{tier=\"sqlite\"}")
                #expect(hits == Double(2 * round))
                let failed = try await server.metric("resift_cache_failures_total")
                #expect(failed == 0)
                let text = try await server.get("/metrics").body
                #expect(text.contains("# TYPE resift_cache_failures_total counter\n"))
            }
        }
    }

    @Test("a Redis server that is not there is counted, and no request fails; its password is in no log")
    func absentServer() async throws {
        let address = try ScoreCacheAddress(parsing: "redis://user:secret@127.0.0.1:1")
        try await LiveServer.run(LiveServer.settings { $0.cache = address }) { server in
            let answer = try await server.post("/v1/rerank", body)
            #expect(answer.status == 200)
            let failures = try await server.metric("resift_cache_failures_total{tier=\"redis\",kind=\"connection\"}")
            #expect(failures > 0)
            #expect(!server.logged.text.contains("secret"))
        }
    }
}
