import Outbound
package import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What went wrong, in the words of a RankingError; none of them has the key.
extension ServiceClient {
    private var whereItIs: String { "\(name) at \(baseURL)" }

    func error(for refusal: ServiceRefusal, wait: Duration?) -> RankingError {
        let said = refusal.message.map { "It says: \($0)" }
        let what = "\(whereItIs) refused the request with status \(refusal.status)."
        let isFinal = rules.isFinal(refusal)
        let aboutInput = (
            RankingError.Code.invalidInput, "The service does not accept it.",
            "Change what the service names, or use another model."
        )
        let (code, why, fix): (RankingError.Code, String, String) =
            switch refusal.status {
            case _ where rules.isAboutInput(refusal): aboutInput
            case 401, 403, 498:
                (
                    .accessDenied,
                    key == nil ? "No key was given." : "The key is not valid, or does not allow this.",
                    "Give a key of the service that allows it."
                )
            case 402: (.accessDenied, "The account has to be paid for.", "Settle it with the service.")
            case 404, 405:
                (
                    .notFound, "There is no such model, or no such path under the base URL.",
                    "Check the model's name and the base URL."
                )
            // 424 is what TEI answers for a model that does not rerank, 501 llama.cpp started without reranking.
            case 424, 501:
                (
                    .unsupportedModel, "The server cannot do this with the model it has.",
                    "Start it with a model that reranks, and with reranking enabled."
                )
            case 429 where isFinal:
                (.accessDenied, "The account has reached its limit of spending.", "Raise the limit with the service.")
            case 429, 503, 529:
                (
                    .overloaded, "It has more requests than it serves.",
                    "Ask again \(wait.map { "in \($0)" } ?? "later"), or send less at the same time."
                )
            case 408, 409, 500...: (.unreachable, "It has a problem of its own.", "Ask again later.")
            case 300..<400:
                (
                    .unexpectedAnswer, "It leads to another address, where the key is not sent.",
                    "Give the address that it leads to as the base URL."
                )
            default: aboutInput
            }
        return RankingError(code, what: what, why: said ?? why, fix: fix, cause: refusal)
    }

    /// Names the variable of a proxy on the way, never its value: it may have a password.
    func unreachable(_ what: String, _ why: String) -> RankingError {
        let variable = URL(string: baseURL).flatMap { settings.proxies.variable(for: $0) }
        let way = variable.map { ", through the proxy of \($0)" } ?? ""
        return RankingError(
            .unreachable, what: "\(whereItIs) \(what)\(way).", why: key?.redacted(from: why) ?? why,
            fix: "Check that it runs, the base URL and the network; then ask again.")
    }

    /// The service answered what breaks its contract: "has no results".
    package func unexpected(_ what: String) -> RankingError {
        RankingError(
            .unexpectedAnswer, what: "The answer of \(whereItIs) \(what).",
            why: "It is another service than was named, has changed, or something between changed the answer.",
            fix: "Check the base URL, and whether the server speaks this interface.")
    }

    var leftAlone: RankingError {
        let when: String =
            if case .open(let remaining) = circuitBreaker.state { "in \(remaining.formattedSeconds)" } else {
                "when the attempt that is under way has ended"
            }
        return RankingError(
            .unreachable, what: "\(whereItIs) is not asked at the moment.",
            why: "\(settings.circuitBreaker.failures) attempts in a row failed.", fix: "It is tried again \(when).")
    }

    static func checkedURL(_ text: String, _ name: String) throws(RankingError) -> String {
        var address = text
        while address.hasSuffix("/") { address.removeLast() }
        let url = URL(string: address)
        guard let url, ["http", "https"].contains(url.scheme?.lowercased() ?? ""), url.host()?.isEmpty == false,
            url.user == nil, url.password == nil, url.query == nil, url.fragment == nil
        else {
            // An address may hold a password.
            throw RankingError(
                .invalidInput, what: "The base URL of \(name) cannot be used.",
                why:
                    "It has to be http or https, a host, a port if need be, and a path, without user, password and query.",
                fix: "Give an address such as http://localhost:8080; the key has an option of its own.")
        }
        return address
    }

    static func check(_ settings: ServiceSettings, _ name: String) throws(RankingError) {
        let problem: String? =
            if ![settings.timeout, settings.connectTimeout].allSatisfy({ $0 > .zero && $0 <= .seconds(86_400) }) {
                "a timeout that is not positive, or above a day"
            } else if settings.retries.attempts < 1 || settings.retries.firstWait < .zero {
                "\(settings.retries.attempts) attempts with a first wait of \(settings.retries.firstWait)"
            } else if settings.maxRequestsAtOnce < 1 {
                "\(settings.maxRequestsAtOnce) requests at once"
            } else if settings.circuitBreaker.failures < 1 || settings.circuitBreaker.pause < .zero {
                "a circuit breaker of \(settings.circuitBreaker.failures) failures and \(settings.circuitBreaker.pause)"
            } else if settings.maxAnswerBytes < 1 {
                "answers of at most \(settings.maxAnswerBytes) bytes"
            } else {
                nil
            }
        guard let problem else { return }
        throw RankingError(
            .invalidInput, what: "The settings of \(name) ask for \(problem).", why: "No request could be answered so.",
            fix: "Give positive numbers, and times of a day at most.")
    }
}

extension Duration {
    /// "12.5 s".
    fileprivate var formattedSeconds: String { "\((self / .milliseconds(100)).rounded() / 10) s" }
}
