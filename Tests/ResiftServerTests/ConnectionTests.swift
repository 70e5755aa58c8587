import Foundation
import OrderedJSON
import ResiftServer
import TestSupport
import Testing

@Suite("Connections that go wrong cost little, and accepted requests are answered")
struct ConnectionTests {
    /// Work for some seconds of the tiny model.
    private static func large() -> [UInt8] {
        let text = (0..<150).map { "river\($0) bridge" }.joined(separator: " ")
        let documents = (0..<3_000).map { "\"\($0) \(text)\"" }.joined(separator: ", ")
        let body = #"{"query": "q", "documents": [\#(documents)]}"#
        return Array("POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    }

    @Test("the work of a client that leaves ends with it")
    func disconnect() async throws {
        try await LiveServer.run { server in
            let connection = try Connection(port: server.port)
            try await connection.send(Self.large())
            try await server.wait { try await server.metric("resift_batch_pairs_count") >= 1 }
            connection.close()
            try await server.wait {
                try await server.metric("resift_requests_total{path=\"/v1/rerank\",status=\"499\"}") == 1
            }
            #expect(try await server.metric("resift_queue_requests") == 0)
            let pairs = try await server.metric("resift_batch_pairs_sum")
            #expect(pairs < 3_000)
            // The model is free for others.
            #expect(try await server.post("/v1/rerank", #"{"query": "q", "documents": ["d"]}"#).status == 200)
        }
    }

    @Test("a client that only ends its own side is answered")
    func halfClosed() async throws {
        try await LiveServer.run { server in
            let connection = try Connection(port: server.port)
            let body = #"{"query": "q", "documents": ["d"]}"#
            try await connection.send(
                Array("POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8))
            connection.closeSending()
            let answer = try await connection.answer()
            #expect(answer.status == 200)
        }
    }

    @Test("what was accepted is answered when the server ends, and what comes then is refused")
    func drain() async throws {
        // Other tests may keep the processors for long.
        let patient = LiveServer.settings {
            $0.limits.drainTimeout = .seconds(600)
            $0.limits.idleTimeout = .seconds(600)
        }
        try await LiveServer.run(patient) { server in
            let working = try Connection(port: server.port)
            try await working.send(Self.large())
            let idle = try Connection(port: server.port)
            try await server.wait { try await server.metric("resift_batch_pairs_count") >= 1 }
            await server.shutDown()
            try await server.wait { try await server.get("/ready").status == 503 }
            try await idle.send(Array("POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}".utf8))
            let refused = try await idle.answer()
            #expect(refused.status == 503)
            #expect(refused.headers["retry-after"] == "1")
            #expect(refused.headers["connection"] == "close")
            let answer = try await working.answer()
            #expect(answer.status == 200)
            #expect(try answer.json.objects("results").count == 3_000)
        }
    }

    @Test("over the queue's length the answer is 429, with the time to try again after")
    func overload() async throws {
        try await LiveServer.run(LiveServer.settings { $0.limits.maxQueue = 1 }) { server in
            let working = try Connection(port: server.port)
            try await working.send(Self.large())
            try await server.wait { try await server.metric("resift_batch_pairs_count") >= 1 }
            let refused = try await server.post("/v1/rerank", #"{"query": "q", "documents": ["d"]}"#)
            #expect(refused.status == 429)
            #expect(refused.headers["retry-after"] == "1")
            #expect(try refused.json.string("error_type") == "Overloaded")
            working.close()
        }
    }

    @Test(
        "a request that does not arrive in its time is ended",
        arguments: [
            "POST /v1/rerank HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{", "POST /v1/rerank HTTP/1.1\r\nHos",
        ])
    func slow(part: String) async throws {
        try await LiveServer.run(LiveServer.settings { $0.limits.readTimeout = .milliseconds(50) }) { server in
            let connection = try Connection(port: server.port)
            try await connection.send(Array(part.utf8))
            #expect(try await connection.answer().status == 408)
        }
    }

    @Test("headers that are too large, and what is no HTTP, are told so")
    func headers() async throws {
        try await LiveServer.run { server in
            for (text, status) in [
                ("GET / HTTP/1.1\r\nX: \(String(repeating: "a", count: 100_000))\r\n\r\n", 431), ("HELLO\r\n\r\n", 400),
            ] {
                let connection = try Connection(port: server.port)
                try await connection.send(Array(text.utf8))
                #expect(try await connection.answer().status == status)
            }
        }
    }

    @Test("a deadline's answer is in time and says what has no score")
    func deadline() async throws {
        try await LiveServer.run { server in
            let text = (0..<400).map { "river\($0)" }.joined(separator: " ")
            let documents = (0..<2_000).map { "\"\($0) \(text)\"" }.joined(separator: ", ")
            let json = try await server.post(
                "/v1/rerank", #"{"query": "q", "documents": [\#(documents)], "resift": true}"#,
                headers: ["X-Resift-Deadline-Ms": "60"]
            ).json
            #expect(json.objects("results").count == 2_000)
            #expect(json.object("resift")?["complete"] == .bool(false))
            #expect(json.objects("results").last?["relevance_score"] == .null)
            #expect(json.object("meta")?["warnings"] != nil)
            #expect(try await server.post("/v1/rerank", "{}", headers: ["X-Resift-Deadline-Ms": "soon"]).status == 422)
        }
    }
}
