import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import OrderedJSON
import Outbound
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A file of a model as the hub describes it, before it is downloaded.
struct RemoteFile: Sendable, Equatable {
    var name: String
    var hash: ContentHash
    /// Nil where the hub does not say.
    var size: Int64?
}

/// The hub's HTTP interface: what a revision holds, what a file is, the bytes of a file.
///
/// Source: <https://huggingface.co/docs/hub/api>, and what the hub's own clients send.
struct HubClient: Sendable {
    let model: ModelReference
    let settings: HubSettings
    private let endpoint: String
    private let origin: Origin
    private let http: HubConnections
    private let onEvent: @Sendable (DownloadEvent) -> Void

    /// Throws RankingError `invalidInput` where the address or the token cannot be used.
    init(
        _ model: ModelReference, _ settings: HubSettings, _ http: HubConnections,
        onEvent: @escaping @Sendable (DownloadEvent) -> Void
    ) throws(RankingError) {
        var address = settings.endpoint
        while address.hasSuffix("/") { address.removeLast() }
        guard let url = URL(string: address), let origin = Origin(url), url.query == nil else {
            throw RankingError(
                .invalidInput, what: "HF_ENDPOINT is \"\(settings.endpoint)\".",
                why: "It has to be the address of a hub, such as \(HubSettings.defaultEndpoint).",
                fix: "Correct it, or remove it from the environment.")
        }
        if let token = settings.token, !token.isPrintable {
            throw RankingError(
                .invalidInput, what: "The token for the hub has characters that no token has.",
                why: "A token is letters, digits and signs, without spaces.",
                fix: "Set HF_TOKEN to the token alone.")
        }
        self.model = model
        self.settings = settings
        self.endpoint = address
        self.origin = origin
        self.http = http
        self.onEvent = onEvent
    }

    /// The commit that the revision stands for, and the names of its files.
    func contents() async throws -> (commit: String, files: [String]) {
        let url = "\(endpoint)/api/models/\(model.id)/revision/\(percentEncoded(model.revision, keeping: ""))"
        let body = try await retrying {
            let response = try await answer(.GET, url, to: .revision)
            return try await passing { try await response.body.collect(upTo: 64 << 20) }
        }
        let text = Array(body.readableBytesView)
        guard case .object(let object)? = try? JSONValue.parse(text), case .string(let commit)? = object["sha"],
            ModelReference.isCommit(commit), case .array(let siblings)? = object["siblings"]
        else { throw unexpected("about \(model) is not what a hub says") }
        let files = try siblings.map { sibling throws(RankingError) in
            guard case .object(let file) = sibling, case .string(let name)? = file["rfilename"] else {
                throw unexpected("about \(model) lists a file without a name")
            }
            return name
        }
        return (commit, files)
    }

    /// What a file of a commit is, without its bytes.
    func metadata(of name: String, commit: String) async throws -> RemoteFile {
        let head = try await retrying {
            try await answer(.HEAD, address(name, commit), to: .file(name))
        }.headers
        if let other = head.first(name: "X-Repo-Commit"), other != commit {
            throw unexpected("about \(name) is of commit \(other), not \(commit)")
        }
        guard let etag = head.first(name: "X-Linked-Etag") ?? head.first(name: "ETag"),
            let hash = ContentHash(etag: etag)
        else {
            throw unexpected("about \(name) has no hash of its content, so it could not be checked")
        }
        // A redirect's own length is that of its page.
        let length =
            head.first(name: "X-Linked-Size")
            ?? (head.contains(name: "Location") ? nil : head.first(name: "Content-Length"))
        return RemoteFile(name: name, hash: hash, size: length.flatMap(Int64.init).flatMap { $0 < 0 ? nil : $0 })
    }

    /// The bytes of a file from a position on.
    ///
    /// Throws `PassingFailure` where another attempt may work.
    func bytes(of file: RemoteFile, commit: String, from start: Int64) async throws -> HTTPClientResponse {
        var headers: [(String, String)] = []
        if start > 0 {
            headers = [("Range", "bytes=\(start)-"), ("If-Range", "\"\(file.hash.text)\"")]
        }
        return try await answer(.GET, address(file.name, commit), to: .file(file.name), headers: headers)
    }

    private func address(_ name: String, _ commit: String) -> String {
        "\(endpoint)/\(model.id)/resolve/\(commit)/\(percentEncoded(name, keeping: "/"))"
    }
}

// MARK: - One request

extension HubClient {
    private static let longestRedirect = 10

    /// The answer to a request, after redirects: for HEAD the last one of the hub, for GET the one with the bytes.
    ///
    /// Only the hub itself is told the token and the name that a hash has there: a redirect to another host, which
    /// stores the bytes, is followed without.
    private func answer(
        _ method: HTTPMethod, _ address: String, to subject: Subject, headers: [(String, String)] = []
    ) async throws -> HTTPClientResponse {
        guard var url = URL(string: address) else { throw unexpected("led to an address that is none") }
        for _ in 0...HubClient.longestRedirect {
            var request = HTTPClientRequest(url: url.absoluteString)
            request.method = method
            request.headers.add(name: "User-Agent", value: "resift")
            // Sizes and ranges are those of the file as it is.
            request.headers.add(name: "Accept-Encoding", value: "identity")
            let isHub = Origin(url) == origin
            for (name, value) in headers where isHub || name != "If-Range" {
                request.headers.add(name: name, value: value)
            }
            if isHub, let token = settings.token {
                request.headers.add(name: "Authorization", value: "Bearer \(token.secret)")
            }
            let response = try await passing { try await http.execute(request, to: url) }
            guard (300..<400).contains(response.status.code), let location = response.headers.first(name: "Location")
            else {
                // 416: there is nothing after the position that was asked for.
                if response.status.code / 100 == 2 || response.status == .rangeNotSatisfiable { return response }
                throw refusal(response, to: subject, isHub: isHub)
            }
            guard let next = URL(string: location, relativeTo: url)?.absoluteURL, let nextOrigin = Origin(next) else {
                throw unexpected("led to an address that is none")
            }
            if method == .HEAD, nextOrigin != origin || response.headers.contains(name: "X-Linked-Etag") {
                return response
            }
            guard nextOrigin.scheme == "https" || Origin(url)?.scheme == "http" else {
                throw unexpected("led from https to \(nextOrigin.host) without encryption")
            }
            // Read to its end, so that the connection can be used again.
            _ = try? await response.body.collect(upTo: 1 << 20)
            url = next
        }
        throw unexpected("was a redirect after a redirect, \(HubClient.longestRedirect) times")
    }

    /// Makes errors of the connection to failures that pass.
    func passing<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as RankingError {
            throw error
        } catch let error as NIOTooManyBytesError {
            throw unexpected("is longer than any answer of a hub", cause: error)
        } catch {
            if Task.isCancelled { throw CancellationError() }
            throw PassingFailure(
                error: RankingError(
                    .unreachable, what: "\(origin.host) cannot be reached, or stopped in the middle.",
                    why: "The connection failed: \(error)",
                    fix: """
                        Check the network, and HF_ENDPOINT if you use a mirror; then run the command again: what was \
                        downloaded is kept. HF_HUB_OFFLINE=1 uses the cache alone.
                        """,
                    cause: error))
        }
    }

    /// Tries again, later and later, while what went wrong may pass.
    func retrying<Result>(_ body: () async throws -> Result) async throws -> Result {
        var failures = 0
        while true {
            let failure: PassingFailure
            do {
                return try await body()
            } catch let error as PassingFailure {
                failure = error
            }
            failures = failure.madeProgress ? 1 : failures + 1
            let wait = failure.retryAfter ?? settings.retries.wait(after: failures)
            guard failures < settings.retries.attempts, wait <= settings.retries.longestRequestedWait else {
                throw failure.error
            }
            onEvent(.retrying(wait: wait, reason: failure.error.what))
            try await Task.sleep(for: wait)
        }
    }
}

/// Scheme, host and port: what a token may be sent to.
private struct Origin: Equatable {
    var scheme: String
    var host: String
    var port: Int

    /// Nil for what is not http or https.
    init?(_ url: URL) {
        guard let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme), let host = url.host(),
            !host.isEmpty, url.user == nil
        else { return nil }
        self.scheme = scheme
        self.host = host.lowercased()
        port = url.port ?? (scheme == "https" ? 443 : 80)
    }
}

/// Bytes that an address cannot hold as they are, as %XX.
private func percentEncoded(_ text: String, keeping marks: String) -> String {
    let digits = Array("0123456789ABCDEF")
    return text.utf8.reduce(into: "") { result, byte in
        let scalar = UnicodeScalar(byte)
        let isPlain =
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
            || "-._~".unicodeScalars.contains(scalar) || marks.unicodeScalars.contains(scalar)
        if isPlain {
            result.unicodeScalars.append(scalar)
        } else {
            result += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
    }
}
