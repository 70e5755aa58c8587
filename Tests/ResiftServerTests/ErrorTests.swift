import Foundation
import OrderedJSON
import ResiftServer
import TestSupport
import Testing

@Suite("Every refusal has a status and a body that every client can read")
struct ErrorTests {
    @Test(
        "what is wrong with a body",
        arguments: [
            ("/v1/rerank", "{", 400, "Validation"), ("/v1/rerank", "[]", 400, "Validation"),
            ("/v1/rerank", "", 400, "Validation"),
            ("/v1/rerank", #"{"query": "q"}"#, 422, "Validation"),
            ("/v1/rerank", #"{"query": "q", "documents": []}"#, 400, "Empty"),
            ("/rerank", #"{"query": "q", "texts": []}"#, 400, "Empty"),
            ("/v1/rerank", #"{"query": " ", "documents": ["d"]}"#, 422, "Validation"),
            ("/v1/rerank", #"{"query": null, "documents": ["d"]}"#, 422, "Validation"),
            ("/v1/rerank", #"{"query": "q", "documents": [1]}"#, 422, "Validation"),
            ("/v1/rerank", #"{"query": "q", "documents": "d"}"#, 422, "Validation"),
            ("/v1/rerank", #"{"query": "q", "documents": ["d"], "top_n": -1}"#, 422, "Validation"),
            ("/v1/rerank", #"{"query": "q", "documents": ["d"], "top_n": "1"}"#, 422, "Validation"),
            ("/v1/rerank", #"{"query": "q", "documents": [{"image": "i"}]}"#, 422, "Validation"),
            ("/v1/rerank", #"{"query": "q", "documents": ["a", "b", "c", "d"]}"#, 422, "Validation"),
            (
                "/v1/rerank", #"{"query": "q", "documents": ["\#(String(repeating: "x", count: 2_001))"]}"#, 422,
                "Validation"
            ),
            (
                "/v1/rerank", #"{"query": "q", "documents": ["\#(String(repeating: "x", count: 70_000))"]}"#, 413,
                "TooLarge"
            ),
            ("/v1/score", #"{"queries": "q"}"#, 422, "Validation"),
            ("/v1/search", #"{"query": "q"}"#, 404, "NotFound"), ("/nothing", "{}", 404, "NotFound"),
            ("/v1/rerank", String(repeating: "[", count: 20_000), 400, "Validation"),
        ] as [(String, String, Int, String)])
    func bodies(path: String, body: String, status: Int, type: String) async throws {
        let settings = LiveServer.settings { settings in
            settings.limits.maxDocuments = 3
            settings.limits.maxDocumentBytes = 2_000
            settings.limits.maxBodyBytes = 64_000
        }
        try await LiveServer.run(settings) { server in
            let answer = try await server.post(path, body)
            #expect(answer.status == status)
            let json = try answer.json
            #expect(json.string("error_type") == type)
            for key in ["message", "error", "code", "request_id"] {
                #expect(json.string(key)?.isEmpty == false, "\(key)")
            }
            #expect(json.string("request_id") == answer.headers["x-request-id"])
            // Infinity's client reads a list, and only in a 422; the others show a text.
            if path == "/rerank", status == 422 {
                #expect(json.objects("detail").first?.string("msg") == json.string("message"))
            } else {
                #expect(json.string("detail") == json.string("message"))
            }
        }
    }

    @Test("bytes that are no UTF-8 are no JSON")
    func invalidUTF8() async throws {
        try await LiveServer.run { server in
            let body = Array(#"{"query": ""#.utf8) + [0xFF, 0xC0] + Array(#"", "documents": ["d"]}"#.utf8)
            let status = try await server.send("POST", "/v1/rerank", body).status
            #expect(status == 400)
        }
    }

    @Test("a 422 on /rerank has the list that Infinity's client reads")
    func infinityDetail() async throws {
        try await LiveServer.run { server in
            let json = try await server.post("/rerank", #"{"documents": ["d"]}"#).json
            let detail = try #require(json.objects("detail").first)
            #expect(detail["loc"] == .array([.string("body"), .string("query")]))
            #expect(detail.string("type") == "value_error")
        }
    }

    @Test("methods and media types that a path does not take")
    func methods() async throws {
        try await LiveServer.run { server in
            let get = try await server.get("/v1/rerank")
            #expect(get.status == 405)
            #expect(get.headers["allow"] == "OPTIONS, POST")
            #expect(try await server.send("OPTIONS", "/v1/rerank", []).status == 204)
            let form = try await server.post("/v1/rerank", "{}", headers: ["Content-Type": "text/plain"])
            #expect(form.status == 415)
        }
    }

    @Test("a server with keys lets in who has one, however a vendor's client sends it, and says nothing of the others")
    func keys() async throws {
        try await LiveServer.run(LiveServer.settings { $0.apiKeys = ["first", "second"] }) { server in
            let body = #"{"query": "q", "documents": ["secret-document"]}"#
            for headers in [
                ["Authorization": "Bearer second"], ["Authorization": "second"], ["Api-Key": "first"],
                ["X-Api-Key": "first"],
            ] {
                #expect(try await server.post("/v1/rerank", body, headers: headers).status == 200)
            }
            for headers in [[:], ["Authorization": "Bearer third"], ["Authorization": "Bearer "], ["Api-Key": "firs"]] {
                let answer = try await server.post("/v1/rerank", body, headers: headers)
                #expect(answer.status == 401)
                #expect(answer.headers["www-authenticate"] == "Bearer")
            }
            #expect(try await server.get("/info").status == 401)
            #expect(try await server.get("/ready").status == 200)
            #expect(server.logged.text.contains("key-2"))
            #expect(!server.logged.text.contains("secret-document"))
            #expect(!server.logged.text.contains("second"))
        }
    }

    @Test("no page of another origin may use the server unless it is named")
    func cors() async throws {
        try await LiveServer.run { server in
            let answer = try await server.get("/info", headers: ["Origin": "http://a"])
            #expect(answer.headers["access-control-allow-origin"] == nil)
        }
        try await LiveServer.run(LiveServer.settings { $0.corsOrigins = ["http://a"] }) { server in
            let preflight = try await server.send("OPTIONS", "/v1/rerank", [], headers: ["Origin": "http://a"])
            #expect(preflight.headers["access-control-allow-origin"] == "http://a")
            #expect(preflight.headers["access-control-allow-headers"]?.contains("authorization") == true)
            let answer = try await server.get("/info", headers: ["Origin": "http://b"])
            #expect(answer.headers["access-control-allow-origin"] == nil)
        }
    }

    @Test("a request id comes back where it can be logged, and is replaced where not")
    func requestIDs() async throws {
        try await LiveServer.run { server in
            func answered(_ id: String) async throws -> String? {
                try await server.get("/health", headers: ["X-Request-Id": id]).headers["x-request-id"]
            }
            let (plain, long) = (try await answered("abc-1"), try await answered(String(repeating: "a", count: 200)))
            #expect(plain == "abc-1")
            #expect(long?.count == 32)
        }
    }
}
