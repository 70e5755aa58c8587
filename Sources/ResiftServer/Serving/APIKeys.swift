import Crypto
import HTTPTypes

/// The keys that open a server; without any it is open.
struct APIKeys: Sendable {
    /// Digests, so that all have one length and comparing them takes one time.
    private let digests: [SHA256Digest]

    init(_ keys: [String]) { digests = keys.map { SHA256.hash(data: Array($0.utf8)) } }

    var isRequired: Bool { !digests.isEmpty }

    /// A name for the key that the request came with, for fairness and logs: never the key. Nil where no key is needed.
    func authenticate(_ headers: HTTPFields) throws(WireError) -> String? {
        guard isRequired else { return nil }
        guard let key = APIKeys.key(in: headers) else { throw refusal("The request has no API key.") }
        let digest = SHA256.hash(data: Array(key.utf8))
        // Looks at all keys, whichever it is: the time must not tell.
        var found: Int?
        for (place, known) in digests.enumerated() where APIKeys.areEqual(known, digest) { found = place }
        guard let found else { throw refusal("The API key is not one of this server's.") }
        return "key-\(found + 1)"
    }

    /// In one time, wherever they differ.
    private static func areEqual(_ a: SHA256Digest, _ b: SHA256Digest) -> Bool {
        zip(a, b).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    /// `Authorization: Bearer KEY`, or the key alone as TEI's llama-index client can send it, or Pinecone's `Api-Key`.
    private static func key(in headers: HTTPFields) -> String? {
        if let value = headers[.authorization] {
            let parts = value.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
            if parts.count == 2, parts[0].lowercased() == "bearer" { return String(parts[1]) }
            if parts.count == 1 { return String(parts[0]) }
        }
        return headers[.apiKey] ?? headers[.xAPIKey]
    }

    private func refusal(_ what: String) -> WireError {
        var error = WireError(
            .unauthorized, .unauthorized, code: "unauthorized",
            "\(what) Send `Authorization: Bearer KEY` with a key that the server's operator gave you.")
        error.headers[.wwwAuthenticate] = "Bearer"
        return error
    }
}

extension HTTPField.Name {
    /// The literals are tokens of RFC 9110, so the initializer gives a name.
    private static func named(_ name: String) -> HTTPField.Name { HTTPField.Name(name) ?? .cookie }

    static let apiKey = named("Api-Key")
    static let xAPIKey = named("X-Api-Key")
    static let requestID = named("X-Request-Id")
    static let deadline = named("X-Resift-Deadline-Ms")
    static let model = named("X-Resift-Model")
    static let serverTiming = named("Server-Timing")
    static let traceParent = named("traceparent")
}
