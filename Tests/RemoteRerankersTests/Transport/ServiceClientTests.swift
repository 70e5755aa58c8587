import OrderedJSON
import Outbound
import Ranking
import Reranking
import ScriptedServer
import Testing

@testable import RemoteRerankers

@Suite("Service client")
struct ServiceClientTests {
    private let time = FakeTime()
    private let servers = ScriptedServers()
    private static let secret = "sk-very-secret-0123456789"

    private func client(
        _ server: ScriptedServer, rules: ServiceRules = ServiceRules(), time: ServiceTime? = nil,
        _ change: (inout ServiceSettings) -> Void = { _ in }
    ) throws -> ServiceClient {
        var settings = ServiceSettings()
        // Other tests may take all threads for long.
        settings.timeout = .seconds(600)
        change(&settings)
        return try ServiceClient(
            name: "test", baseURL: server.url + "/", key: try ServiceKey(ServiceClientTests.secret), settings: settings,
            rules: rules, time: time ?? self.time.serviceTime())
    }

    private let body = JSONValue.object(JSONObject())
    private let good = ScriptedServer.Answer(#"{"fine": true}"#)

    @Test("the request is JSON with the key in its header, and the answer is what came")
    func request() async throws {
        let server = try servers.start(good)
        var object = JSONObject()
        object["query"] = .string("naïve \"quoted\"")
        let call = ServiceCall()
        let answer = try await client(server).post("/v2/rerank", .object(object), call)
        #expect(try answer.json() == JSONValue.parse(good.body))
        #expect(call.usage == ServiceUsage(requests: 1))
        let request = try #require(server.requests.first)
        #expect(request.method == "POST" && request.path == "/v2/rerank" && request.json == object)
        #expect(request.headers["authorization"] == "Bearer \(ServiceClientTests.secret)")
        #expect(request.headers["content-type"] == "application/json")
    }

    // MARK: Retries

    @Test(
        "a failure that may pass is sent again after a wait that doubles",
        arguments: [408, 409, 429, 500, 502, 503, 504, 529])
    func retries(status: Int) async throws {
        let bad = ScriptedServer.Answer(#"{"message": "not now"}"#, status: status)
        let server = try servers.start(bad, bad, good)
        let call = ServiceCall()
        _ = try await client(server).post("/x", body, call)
        #expect(call.usage == ServiceUsage(requests: 3, retries: 2))
        #expect(time.slept == [.milliseconds(500), .seconds(1)])
    }

    @Test(
        "a refusal is not sent again, and its code says who has to act",
        arguments: [
            (400, RankingError.Code.invalidInput), (401, .accessDenied), (402, .accessDenied), (403, .accessDenied),
            (404, .notFound), (413, .invalidInput), (422, .invalidInput), (424, .unsupportedModel),
            (498, .accessDenied),
            (499, .invalidInput), (501, .unsupportedModel), (302, .unexpectedAnswer),
        ])
    func refusals(status: Int, code: RankingError.Code) async throws {
        let server = try servers.start(
            ScriptedServer.Answer(
                #"{"message": "so it is"}"#, status: status, headers: ["Location": "http://127.0.0.1:1/"]))
        let error = await #expect(throws: RankingError.self) {
            _ = try await client(server).post("/x", body, ServiceCall())
        }
        #expect(error?.code == code)
        #expect(error?.why == "It says: so it is")
        #expect(error?.what.contains("status \(status)") == true)
        #expect(server.requests.count == 1)
    }

    @Test(
        "after the last attempt the error is the failure",
        arguments: [(429, RankingError.Code.overloaded), (500, .unreachable)])
    func exhausted(status: Int, code: RankingError.Code) async throws {
        let server = try servers.start(ScriptedServer.Answer("", status: status))
        let call = ServiceCall()
        let error = await #expect(throws: RankingError.self) { _ = try await client(server).post("/x", body, call) }
        #expect(error?.code == code)
        #expect(call.usage == ServiceUsage(requests: 3, retries: 2))
    }

    @Test(
        "the wait is the one that the service asks for",
        arguments: [
            (["Retry-After": "7"], Duration.seconds(7)), (["retry-after-ms": "40"], .milliseconds(40)),
            (["Retry-After": "Thu, 01 Jan 1970 00:00:09 GMT"], .seconds(9)),
        ])
    func requestedWait(headers: [String: String], wait: Duration) async throws {
        let server = try servers.start(ScriptedServer.Answer("", status: 429, headers: headers), good)
        _ = try await client(server).post("/x", body, ServiceCall())
        #expect(time.slept == [wait])
    }

    @Test(
        "a service that asks for a longer wait than allowed is given up at once, and the error says when to come back")
    func tooLongWait() async throws {
        let server = try servers.start(ScriptedServer.Answer("", status: 429, headers: ["Retry-After": "600"]))
        let error = await #expect(throws: RankingError.self) {
            _ = try await client(server).post("/x", body, ServiceCall())
        }
        #expect(
            error?.code == .overloaded && error?.fix.contains("600.0 seconds") == true, "\(String(describing: error))")
        #expect(server.requests.count == 1 && time.slept.isEmpty)
    }

    @Test("x-should-retry decides where it is given")
    func shouldRetry() async throws {
        let no = try servers.start(ScriptedServer.Answer("", status: 500, headers: ["x-should-retry": "false"]), good)
        await #expect(throws: RankingError.self) { _ = try await client(no).post("/x", body, ServiceCall()) }
        #expect(no.requests.count == 1)
        let yes = try servers.start(ScriptedServer.Answer("", status: 400, headers: ["x-should-retry": "true"]), good)
        _ = try await client(yes).post("/x", body, ServiceCall())
        #expect(yes.requests.count == 2)
    }

    @Test(
        "a limit of spending is never tried again, whatever else the answer says",
        arguments: [
            #"{"type":"error","error":{"type":"rate_limit_error","message":"spent","details":{"error_code":"enforced_spend_limit_reached"}}}"#,
            #"{"error":{"message":"spent","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
        ])
    func spendingLimit(text: String) async throws {
        let server = try servers.start(
            ScriptedServer.Answer(text, status: 429, headers: ["x-should-retry": "true"]), good)
        let error = await #expect(throws: RankingError.self) {
            _ = try await client(server).post("/x", body, ServiceCall())
        }
        #expect(error?.code == .accessDenied && error?.why == "It says: spent")
        #expect(server.requests.count == 1)
    }

    @Test(
        "a connection that fails, ends early or is silent is tried again",
        arguments: ["hangUp", "cut", "stall", "silence"])
    func connectionFailures(kind: String) async throws {
        let fault: ScriptedServer.Fault =
            switch kind {
            case "hangUp": .hangUp
            case "cut": .cut(after: 5)
            case "stall": .stall(after: 5)
            default: .silence
            }
        let server = try servers.start(ScriptedServer.Answer(#"{"fine": true}"#, fault: fault), good)
        let call = ServiceCall()
        let answer = try await client(server) { settings in
            if kind == "stall" || kind == "silence" { settings.timeout = .seconds(15) }
        }.post("/x", body, call)
        #expect(answer.bytes == good.body)
        // The silent ones may be so again on a machine that is slow to answer.
        #expect(call.usage.requests >= 2 && call.usage.retries == call.usage.requests - 1)
    }

    @Test("a server that is not there is unreachable")
    func refusedConnection() async throws {
        let server = try servers.start(good)
        let client = try client(server)
        server.close()
        // The port is free once the channel is closed, which takes a moment.
        await #expect(throws: (any Error).self) {
            while true { _ = try await client.post("/x", body, ServiceCall()) }
        }
        let error = await #expect(throws: RankingError.self) { _ = try await client.post("/x", body, ServiceCall()) }
        #expect(error?.code == .unreachable)
    }

    // MARK: Answers

    @Test("an answer that is not JSON is an error, not a failure that passes", arguments: ["", "<html>", #"{"a": "#])
    func notJSON(text: String) async throws {
        let server = try servers.start(ScriptedServer.Answer(text))
        let answer = try await client(server).post("/x", body, ServiceCall())
        let error = #expect(throws: RankingError.self) { try answer.json() }
        #expect(error?.code == .unexpectedAnswer)
    }

    @Test("an answer that is too long is refused")
    func tooLong() async throws {
        let server = try servers.start(ScriptedServer.Answer(String(repeating: " ", count: 5_000)))
        let error = await #expect(throws: RankingError.self) {
            _ = try await client(server) { $0.maxAnswerBytes = 1_000 }.post("/x", body, ServiceCall())
        }
        #expect(error?.code == .unexpectedAnswer && server.requests.count == 1)
    }

    @Test("of a refusal only the beginning is read, and a part of that shown")
    func longRefusal() async throws {
        let server = try servers.start(ScriptedServer.Answer(String(repeating: "no ", count: 100_000), status: 400))
        let error = await #expect(throws: RankingError.self) {
            _ = try await client(server).post("/x", body, ServiceCall())
        }
        #expect(error?.why.hasPrefix("It says: no no no") == true && (error?.why.utf8.count ?? 0) < 600)
    }

    // MARK: Limits

    @Test("no more requests are under way than allowed, and all are answered")
    func requestsAtOnce() async throws {
        let good = good
        let server = try servers.start { _, _ in
            try? await Task.sleep(for: .milliseconds(20))
            return good
        }
        let client = try client(server) { $0.maxRequestsAtOnce = 3 }
        let body = body
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<20 { group.addTask { _ = try await client.post("/x", body, ServiceCall()) } }
            try await group.waitForAll()
        }
        #expect(server.requests.count == 20)
        #expect((1...3).contains(server.mostRequestsAtOnce))
    }

    @Test(
        "a cancelled task ends at once, and the server sees the connection close",
        arguments: [ScriptedServer.Fault.silence, .stall(after: 3)])
    func cancellation(fault: ScriptedServer.Fault) async throws {
        let server = try servers.start(ScriptedServer.Answer(#"{"fine": true}"#, fault: fault))
        let client = try client(server)
        let body = body
        let task = Task { try await client.post("/x", body, ServiceCall()) }
        while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        while server.closedConnections == 0 { try await Task.sleep(for: .milliseconds(2)) }
        #expect(server.requests.count == 1 && client.circuitBreaker.state == .closed(failures: 0))
    }

    @Test("a cancelled task that waits for its turn leaves the line")
    func cancelledInLine() async throws {
        let server = try servers.start(ScriptedServer.Answer("", fault: .silence), good)
        let client = try client(server) { $0.maxRequestsAtOnce = 1 }
        let body = body
        let first = Task { try await client.post("/x", body, ServiceCall()) }
        while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        let second = Task { try await client.post("/x", body, ServiceCall()) }
        try await Task.sleep(for: .milliseconds(20))
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        _ = try await client.post("/x", body, ServiceCall())
    }

    @Test("the deadline ends what is under way")
    func deadline() async throws {
        let server = try servers.start(ScriptedServer.Answer("", fault: .silence))
        await #expect(throws: DeadlinePassed.self) {
            _ = try await client(server).post("/x", body, ServiceCall(deadline: .now + .milliseconds(100)))
        }
        while server.closedConnections == 0 { try await Task.sleep(for: .milliseconds(2)) }
    }

    @Test("a wait that would end behind the deadline is not begun: the failure is the answer")
    func waitBehindDeadline() async throws {
        let server = try servers.start(ScriptedServer.Answer("", status: 503, headers: ["Retry-After": "600"]))
        let call = ServiceCall(deadline: .now + .seconds(500))
        let client = try client(server) { $0.retries.longestRequestedWait = .seconds(1_000) }
        let error = await #expect(throws: RankingError.self) { _ = try await client.post("/x", body, call) }
        #expect(error?.code == .overloaded && server.requests.count == 1)
    }

    // MARK: Circuit breaker

    @Test("a service that keeps failing is not asked, then asked once, and then again as usual")
    func circuitBreaker() async throws {
        let bad = ScriptedServer.Answer("", status: 500)
        let server = try servers.start(bad, bad, bad, bad, good, good)
        let client = try client(server) { settings in
            settings.circuitBreaker = .init(failures: 4, pause: .seconds(30))
        }
        func post() async throws { _ = try await client.post("/x", body, ServiceCall()) }
        await #expect(throws: RankingError.self) { try await post() }
        #expect(client.circuitBreaker.state == .closed(failures: 3))
        // The fourth failure opens it, so that this call makes no second attempt.
        await #expect(throws: RankingError.self) { try await post() }
        #expect(server.requests.count == 4)
        let error = await #expect(throws: RankingError.self) { try await post() }
        #expect(error?.code == .unreachable && error?.fix == "It is tried again in 30.0 s.")
        #expect(server.requests.count == 4)
        time.pass(.seconds(30))
        #expect(client.circuitBreaker.state == .halfOpen)
        try await post()
        #expect(client.circuitBreaker.state == .closed(failures: 0))
        try await post()
        #expect(server.requests.count == 6)
    }

    @Test("an error about the request shows a service that works")
    func refusalClosesBreaker() async throws {
        let bad = ScriptedServer.Answer("", status: 500)
        let server = try servers.start(bad, bad, ScriptedServer.Answer("", status: 400))
        let client = try client(server)
        await #expect(throws: RankingError.self) { _ = try await client.post("/x", body, ServiceCall()) }
        #expect(client.circuitBreaker.state == .closed(failures: 0))
    }

    // MARK: Settings and secrets

    @Test(
        "an address that cannot be used is refused without being repeated",
        arguments: [
            "", "localhost:8080", "ftp://host", "http://", "http://user:hunter2@host", "http://host?key=hunter2",
            "http://host#x", "https://a b",
        ])
    func addresses(address: String) {
        let error = #expect(throws: RankingError.self) {
            try ServiceClient(name: "test", baseURL: address, key: nil, settings: ServiceSettings())
        }
        #expect(error?.code == .invalidInput && error?.description.contains("hunter2") == false)
    }

    @Test("settings that no request could be answered with are refused")
    func settings() throws {
        let changes: [(inout ServiceSettings) -> Void] = [
            { $0.timeout = .zero }, { $0.connectTimeout = .seconds(Int64.max) }, { $0.retries.attempts = 0 },
            { $0.maxRequestsAtOnce = 0 },
            { $0.circuitBreaker.failures = 0 }, { $0.maxAnswerBytes = 0 },
        ]
        for change in changes {
            var settings = ServiceSettings()
            change(&settings)
            let changed = settings
            let error = #expect(throws: RankingError.self) {
                try ServiceClient(name: "test", baseURL: "http://localhost", key: nil, settings: changed)
            }
            #expect(error?.code == .invalidInput)
        }
    }

    @Test("no error or description has the key, though the service repeats it", arguments: [400, 401, 429, 500])
    func keyIsRedacted(status: Int) async throws {
        let server = try servers.start(
            ScriptedServer.Answer(#"{"message": "bad key \#(ServiceClientTests.secret), sorry"}"#, status: status))
        let client = try client(server)
        let error = await #expect(throws: RankingError.self) { _ = try await client.post("/x", body, ServiceCall()) }
        #expect(error?.why == "It says: bad key (key), sorry")
        var dumped = ""
        dump(client, to: &dumped)
        dump(error, to: &dumped)
        let settings = ServiceSettings(key: try ServiceKey(ServiceClientTests.secret))
        for text in [dumped, "\(settings)", String(reflecting: settings), "\(String(describing: error))"] {
            #expect(!text.contains(ServiceClientTests.secret))
        }
    }

    @Test(
        "a key that no header can hold is refused without being repeated",
        arguments: ["", "two words", "schlüssel", "a\u{0}b", "a\r\nX: y"])
    func brokenKeys(text: String) {
        let error = #expect(throws: RankingError.self) { try ServiceKey(text) }
        #expect(error?.code == .invalidInput && (text.isEmpty || error?.description.contains(text) == false))
    }

    @Test("the key is the first variable's that is set, without the line end of a file")
    func keyFromEnvironment() throws {
        let variables = ["A": "", "B": " two\n", "C": "three"]
        #expect(try ServiceKey.fromEnvironment(["A", "B", "C"], in: variables)?.secret == "two")
        #expect(try ServiceKey.fromEnvironment(["A"], in: variables) == nil)
        let error = #expect(throws: RankingError.self) { try ServiceKey.fromFile("/nonexistent/key") }
        #expect(error?.code == .notFound)
    }
}

@Suite("What a refusal says")
struct ServiceRefusalTests {
    private func refusal(_ text: String) -> ServiceRefusal {
        ServiceRefusal(status: 400, body: Array(text.utf8), namesWait: false)
    }

    @Test(
        "the message is found in the form of every service",
        arguments: [
            #"{"message": "why"}"#, #"{"id": "x", "message": "why"}"#, #"{"detail": "why"}"#,
            #"{"error": "why", "error_type": "Validation"}"#,
            #"{"error": {"message": "why", "type": null, "param": null, "code": 400}}"#,
            #"{"type": "error", "error": {"type": "x", "message": "why"}, "request_id": "y"}"#, "why", " why \n",
        ])
    func forms(text: String) { #expect(refusal(text).message == "why") }

    @Test("FastAPI's list has the place of each problem")
    func fastAPI() {
        let text = #"{"detail": [{"loc": ["body", "documents", 3], "msg": "too long", "type": "x"}, {"msg": "empty"}]}"#
        #expect(refusal(text).message == "body.documents.3: too long; empty")
    }

    @Test("codes are found wherever they stand")
    func codes() {
        #expect(refusal(#"{"error": "why", "error_type": "Validation"}"#).codes == ["Validation"])
        #expect(
            refusal(#"{"error": {"type": "a", "code": 7, "details": {"error_code": "b"}}}"#).codes == ["a", "7", "b"])
    }

    @Test(
        "nothing readable is no message", arguments: ["", "  ", "{}", #"{"message": ""}"#, #"{"message": 7}"#, "[1]"])
    func nothing(text: String) {
        #expect(refusal(text).message == (text == "[1]" ? "[1]" : nil))
        #expect(refusal(text).codes.isEmpty)
    }

    @Test("a key that the end of what is shown would cut in two is replaced whole")
    func keyAtTheEnd() throws {
        let key = try ServiceKey("key-0123456789")
        let text = String(repeating: "x", count: 495) + "key-0123456789"
        let refusal = ServiceRefusal(status: 400, body: Array(text.utf8), namesWait: false, key: key)
        #expect(refusal.message == String(repeating: "x", count: 495) + "(key)")
    }

    @Test("control characters and bytes that are no text do not reach a terminal")
    func control() {
        let refusal = ServiceRefusal(status: 500, body: [27, 91, 51, 49, 109, 0xFF, 10, 65], namesWait: false)
        #expect(refusal.message == "[31m\u{FFFD} A")
    }
}
