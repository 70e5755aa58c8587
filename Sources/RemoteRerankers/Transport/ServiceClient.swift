import AsyncHTTPClient
import NIOCore
import NIOHTTP1
package import OrderedJSON
package import Outbound
package import Ranking
import Reranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Sends JSON to a service over HTTP and returns answers of status 2xx.
///
/// What may pass is sent again, within the limits of `ServiceSettings`; what does not is a RankingError that says what
/// the service said. The key is sent in a header to the host of the base URL and stands nowhere else: redirects are
/// refused, and a service that repeats the key in an error finds it replaced.
package final class ServiceClient: Sendable {
    /// What errors call the service: "cohere:rerank-v3.5".
    package let name: String
    package let circuitBreaker: CircuitBreaker
    let baseURL: String
    let key: ServiceKey?
    let settings: ServiceSettings
    let rules: ServiceRules
    private let limit: ConcurrencyLimit
    private let time: ServiceTime
    private let connections: Connections

    /// The base URL and the key are the two given here, not those of the settings, which may leave them open.
    ///
    /// Throws RankingError `invalidInput` where a setting cannot be used.
    package convenience init(
        name: String, baseURL: String, key: ServiceKey?, settings: ServiceSettings, rules: ServiceRules = ServiceRules()
    ) throws(RankingError) {
        try self.init(
            name: name, baseURL: baseURL, key: key, settings: settings, rules: rules, time: ServiceTime())
    }

    init(
        name: String, baseURL: String, key: ServiceKey?, settings: ServiceSettings, rules: ServiceRules,
        time: ServiceTime
    ) throws(RankingError) {
        self.baseURL = try ServiceClient.checkedURL(baseURL, name)
        try ServiceClient.check(settings, name)
        self.name = name
        self.key = key
        self.settings = settings
        self.rules = rules
        self.time = time
        limit = ConcurrencyLimit(settings.maxRequestsAtOnce)
        circuitBreaker = CircuitBreaker(settings.circuitBreaker, now: time.now)
        connections = Connections(
            connectTimeout: settings.connectTimeout, proxy: try ServiceClient.proxy(settings, self.baseURL))
    }

    private static func proxy(
        _ settings: ServiceSettings, _ baseURL: String
    ) throws(RankingError) -> HTTPClient.Configuration.Proxy? {
        guard let url = URL(string: baseURL) else { return nil }
        return try settings.proxies.proxy(for: url)
    }

    /// Posts a JSON value to a path under the base URL.
    ///
    /// Throws RankingError, CancellationError where the task is cancelled, `DeadlinePassed` where the call's deadline
    /// came before the answer.
    package func post(_ path: String, _ body: JSONValue, _ call: ServiceCall) async throws -> ServiceAnswer {
        var request = HTTPClientRequest(url: baseURL + path)
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: body.compact))
        return try await send(request, call)
    }

    package func get(_ path: String, _ call: ServiceCall) async throws -> ServiceAnswer {
        try await send(HTTPClientRequest(url: baseURL + path), call)
    }

    private func send(_ request: HTTPClientRequest, _ call: ServiceCall) async throws -> ServiceAnswer {
        var request = request
        request.headers.add(name: "User-Agent", value: "resift")
        request.headers.add(name: "Accept", value: "application/json")
        for (name, value) in rules.headers { request.headers.add(name: name, value: value) }
        if let key {
            let header = rules.keyHeader(key)
            request.headers.add(name: header.name, value: header.value)
        }
        let complete = request
        return try await withTimeLimit(call.deadline, DeadlinePassed()) { [self] in
            // A turn is given back between attempts: a wait must not keep others from the service.
            try await retrying(call) { try await inTurn(call) { try await guarded(complete, call) } }
        }
    }

    private func inTurn(
        _ call: ServiceCall, _ body: () async throws -> ServiceAnswer
    ) async throws -> ServiceAnswer {
        do {
            return try await limit.withTurn(call.client, latest: call.latestTurn) {
                call.begin()
                return try await body()
            }
        } catch is ConcurrencyLimit.TooLate {
            // Another request of the call had its turn in the meantime.
            if call.latestTurn == nil { return try await inTurn(call, body) }
            throw RankingError(
                .overloaded, what: "The call waited as long as it may for its turn at \(name).",
                why: "\(settings.maxRequestsAtOnce) requests are under way, which is the limit.",
                fix: "Try again later, allow more requests at once, or a longer wait.")
        }
    }
}

/// Printed or dumped it shows its name alone: its connections hold requests, and these the key.
extension ServiceClient: CustomStringConvertible, CustomReflectable {
    package var description: String { name }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

// MARK: - Attempts

/// A failure that another attempt may not have.
private struct PassingFailure: Error {
    /// What to say when all attempts are used up.
    var error: RankingError
    /// What the service asked for.
    var wait: Duration?
}

extension ServiceClient {
    /// Tries again, later and later, while what went wrong may pass.
    private func retrying(
        _ call: ServiceCall, _ body: () async throws -> ServiceAnswer
    ) async throws -> ServiceAnswer {
        var failures = 0
        while true {
            let failure: PassingFailure
            do {
                return try await body()
            } catch let error as PassingFailure {
                failure = error
            }
            failures += 1
            let wait = failure.wait ?? settings.retries.wait(after: failures, chance: time.chance())
            // A wait beyond the deadline is none: the caller can still do something else with the time.
            guard failures < settings.retries.attempts, wait <= settings.retries.longestRequestedWait,
                call.deadline.map({ time.now() + wait < $0 }) ?? true, !isLeftAlone
            else { throw failure.error }
            try await time.sleep(wait)
            call.add(ServiceUsage(retries: 1))
        }
    }

    private var isLeftAlone: Bool {
        if case .open = circuitBreaker.state { true } else { false }
    }

    /// One attempt, if the circuit breaker lets it through.
    private func guarded(_ request: HTTPClientRequest, _ call: ServiceCall) async throws -> ServiceAnswer {
        guard let permit = circuitBreaker.admit() else { throw leftAlone }
        do {
            let answer = try await attempt(request, call)
            circuitBreaker.report(.success, of: permit)
            return answer
        } catch {
            switch error {
            case is PassingFailure: circuitBreaker.report(.failure, of: permit)
            case is RankingError: circuitBreaker.report(.success, of: permit)
            default: circuitBreaker.report(.unknown, of: permit)
            }
            throw error
        }
    }

    private func attempt(_ request: HTTPClientRequest, _ call: ServiceCall) async throws -> ServiceAnswer {
        call.add(ServiceUsage(requests: 1))
        let (response, body): (HTTPClientResponse, ByteBuffer)
        do {
            (response, body) = try await withTimeLimit(.now + settings.timeout, TimedOut()) { [self] in
                let response = try await connections.http.execute(request, deadline: .distantFuture)
                let isSuccess = response.status.code / 100 == 2
                let body = try await collect(response, upTo: isSuccess ? settings.maxAnswerBytes : 64 << 10)
                return (response, body)
            }
            // A body that ends because the task was cancelled looks like one that is complete.
            try Task.checkCancellation()
        } catch {
            if Task.isCancelled { throw CancellationError() }
            switch error {
            case is TimedOut:
                throw PassingFailure(
                    error: unreachable(
                        "did not answer in \(settings.timeout)", "It is overloaded, or the request is large.")
                )
            case is NIOTooManyBytesError:
                throw unexpected("is longer than \(settings.maxAnswerBytes) bytes")
            default:
                throw PassingFailure(
                    error: unreachable("cannot be reached, or stopped in the middle", "The connection failed: \(error)")
                )
            }
        }
        guard response.status.code / 100 == 2 else { throw failure(response, body) }
        return ServiceAnswer(client: self, bytes: Array(body.readableBytesView))
    }

    /// The body; of a refusal as much of it as is worth reading.
    private func collect(_ response: HTTPClientResponse, upTo limit: Int) async throws -> ByteBuffer {
        if response.status.code / 100 == 2 { return try await response.body.collect(upTo: limit) }
        var body = ByteBuffer()
        for try await var chunk in response.body {
            body.writeBuffer(&chunk)
            if body.readableBytes >= limit { break }
        }
        return body
    }

    private func failure(_ response: HTTPClientResponse, _ body: ByteBuffer) -> any Error {
        let advice = RetryAdvice(header: { response.headers.first(name: $0) }, now: time.date())
        let refusal = ServiceRefusal(
            status: Int(response.status.code), body: Array(body.readableBytesView), namesWait: advice.wait != nil,
            key: key)
        let error = error(for: refusal, wait: advice.wait)
        guard !rules.isFinal(refusal), !rules.isAboutInput(refusal), advice.shouldRetry ?? rules.isPassing(refusal)
        else { return error }
        return PassingFailure(error: error, wait: advice.wait)
    }
}

private struct TimedOut: Error {}

// MARK: - Parts

/// An answer of status 2xx.
package struct ServiceAnswer: Sendable {
    private let client: ServiceClient
    package let bytes: [UInt8]

    fileprivate init(client: ServiceClient, bytes: [UInt8]) {
        self.client = client
        self.bytes = bytes
    }

    /// Throws `unexpectedAnswer` where it is not JSON.
    package func json() throws(RankingError) -> JSONValue {
        do throws(JSONError) {
            return try JSONValue.parse(bytes, maxValues: ServiceAnswer.maxValues)
        } catch {
            throw client.unexpected("is not JSON: \(error)")
        }
    }

    private static let maxValues = 4_000_000
}

/// What a client reads of clocks and dice; tests put their own in its place.
struct ServiceTime: Sendable {
    var now: @Sendable () -> ContinuousClock.Instant = { .now }
    var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    /// Seconds since 1970.
    var date: @Sendable () -> Double = { Date().timeIntervalSince1970 }
    /// 0 ..< 1.
    var chance: @Sendable () -> Double = { Double.random(in: 0..<1) }
}

/// The connections of one client, which live as long as it does.
private final class Connections: Sendable {
    let http: HTTPClient

    init(connectTimeout: Duration, proxy: HTTPClient.Configuration.Proxy?) {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout = .init(connect: TimeAmount(connectTimeout))
        configuration.proxy = proxy
        // `retrying` does that, and counts it.
        configuration.connectionPool.retryConnectionEstablishment = false
        http = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    // The closing goes on after the last owner has gone; nobody has to wait for it.
    deinit { http.shutdown { _ in } }
}
