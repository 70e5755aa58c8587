import AsyncHTTPClient
import NIOHTTP1
import Outbound
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A failure that another attempt may not have.
struct PassingFailure: Error {
    /// What to say when all attempts are used up.
    var error: RankingError
    /// What the server asked for.
    var retryAfter: Duration?
    /// True if the attempt brought bytes.
    var madeProgress = false
}

/// What a request is about.
enum Subject: Sendable {
    case revision
    case file(String)
}

extension HubClient {
    /// The error that an answer means. The hub says in `X-Error-Code` what a status leaves open.
    func refusal(_ response: HTTPClientResponse, to subject: Subject, isHub: Bool) -> any Error {
        let code = response.headers.first(name: "X-Error-Code")
        switch response.status.code {
        case 408, 429, 500...599:
            return PassingFailure(
                error: overloaded(response),
                retryAfter: advice(response).wait)
        case 401, 403:
            // A host that stores the bytes refuses an address that has expired: the hub gives another one.
            guard isHub else { return PassingFailure(error: overloaded(response)) }
            if code == "GatedRepo" { return gated }
            return code == "RepoNotFound" || code == nil && response.status == .unauthorized && settings.token == nil
                ? absent : forbidden
        case 404, 410:
            if code == "RevisionNotFound" { return absentRevision }
            if case .file(let name) = subject { return absentFile(name) }
            return absent
        default: return unexpected("was the status \(response.status.code)")
        }
    }

    private func advice(_ response: HTTPClientResponse) -> RetryAdvice {
        RetryAdvice(header: { response.headers.first(name: $0) }, now: Date().timeIntervalSince1970)
    }

    /// The hub, or a mirror, answered what no hub answers.
    func unexpected(_ what: String, cause: (any Error)? = nil) -> RankingError {
        RankingError(
            .corruptFile, what: "The answer of \(settings.endpoint) \(what).",
            why: "It is no Hugging Face hub, or something between changed the answer.",
            fix: "Check HF_ENDPOINT and the proxies on the way.", cause: cause)
    }

    private func overloaded(_ response: HTTPClientResponse) -> RankingError {
        let wait = advice(response).wait
        return RankingError(
            .unreachable, what: "The hub does not serve \(model) now (status \(response.status.code)).",
            why: response.status == .tooManyRequests
                ? "It had too many requests from here\(settings.token == nil ? "; it allows more to those with a token" : "")."
                : "It, or the host that stores its files, has a problem of its own.",
            fix:
                "Run the command again \(wait.map { "in \(Int(($0 / .seconds(1)).rounded(.up))) seconds" } ?? "later"): what was downloaded is kept."
        )
    }

    private var gated: RankingError {
        RankingError(
            .accessDenied, what: "\(model.id) is gated: its owner decides who may download it.",
            why: settings.token == nil
                ? "No token was given that says who you are." : "The token's account has no access.",
            fix: """
                Ask for access on the model's page, \(settings.endpoint)/\(model.id), then set HF_TOKEN to a token of \
                that account that may read.
                """)
    }

    private var forbidden: RankingError {
        RankingError(
            .accessDenied, what: "The hub refuses \(model.id).",
            why: settings.token == nil
                ? "It is not for everybody, and no token was given." : "The token is not valid, or may not read it.",
            fix: "Set HF_TOKEN to a token that may read it.")
    }

    private var absent: RankingError {
        RankingError(
            .notFound, what: "The hub has no model \(model.id).",
            why: settings.token == nil
                ? "It does not exist, or is private and no token was given."
                : "It does not exist, or is private and the token may not read it.",
            fix: "Check the name; for a private model set HF_TOKEN.")
    }

    private var absentRevision: RankingError {
        RankingError(
            .notFound, what: "\(model.id) has no revision \(model.revision).",
            why: "A revision is a branch, a tag or a commit.",
            fix: "Look at the model's page, or leave the revision out.")
    }

    private func absentFile(_ name: String) -> RankingError {
        RankingError(
            .notFound, what: "\(model) has no \(name), though the hub lists it.",
            why: "It was removed in the meantime, or a mirror is not complete.",
            fix: "Run the command again, or leave out HF_ENDPOINT.")
    }
}
