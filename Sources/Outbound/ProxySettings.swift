package import AsyncHTTPClient
package import Ranking

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// Which requests go through a proxy: what `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` say to most programs.
///
/// The variables are read in capitals or small letters. A proxy is `http://[user:password@]host[:80]`,
/// `socks5://host[:1080]`, or a host and port alone. Requests are tunnelled (CONNECT), those to `http://` addresses too.
///
/// `NO_PROXY` lists, separated by commas, what is asked directly: `*` for all; `example.com` or `.example.com` for a domain
/// and everything under it; an IP address; a range of them, `10.0.0.0/8`; any but the range with `:port` for one port
/// alone. This machine (`localhost`, `127.0.0.0/8`, `::1`) always is. An IPv6 address that stands for one of IPv4
/// (`::ffff:10.0.0.1`) is not in ranges of IPv4.
public struct ProxySettings: Sendable {
    /// By scheme of the request's address, as written.
    private var proxies: [String: String] = [:]
    private var exceptions: [ProxyException] = []

    /// Every request goes directly.
    public static let none = ProxySettings(environment: [:])

    /// - Parameter environment: Nil for the variables of this process.
    public init(environment: [String: String]? = nil) {
        let environment = environment ?? ProcessInfo.processInfo.environment
        func variable(_ name: String) -> String? {
            [name.lowercased(), name].lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        for scheme in ["http", "https"] { proxies[scheme] = variable("\(scheme.uppercased())_PROXY") }
        exceptions = (variable("NO_PROXY") ?? "").split { $0 == "," || $0.isWhitespace }.map(ProxyException.init)
    }

    /// The proxy for an address; nil where it is asked directly.
    ///
    /// Throws `invalidInput` where the variable holds what is no proxy's address.
    package func proxy(for url: URL) throws(RankingError) -> HTTPClient.Configuration.Proxy? {
        guard let scheme = url.scheme?.lowercased(), let written = proxies[scheme],
            let variable = self.variable(for: url)
        else { return nil }
        return try ProxySettings.proxy(written, variable: variable)
    }

    /// The variable that names the proxy for an address; nil where it is asked directly.
    package func variable(for url: URL) -> String? {
        guard let scheme = url.scheme?.lowercased(), proxies[scheme] != nil, let host = url.host()?.lowercased()
        else { return nil }
        let port = url.port ?? (scheme == "https" ? 443 : 80)
        let address = IPAddress(host)
        if host == "localhost" || host.hasSuffix(".localhost") || address?.isLoopback == true { return nil }
        if exceptions.contains(where: { $0.covers(host, address, port) }) { return nil }
        return "\(scheme.uppercased())_PROXY"
    }

    private static func proxy(
        _ written: String, variable: String
    ) throws(RankingError) -> HTTPClient.Configuration.Proxy {
        let url = URL(string: written.contains("://") ? written : "http://" + written)
        guard let url, let host = url.host(percentEncoded: false), !host.isEmpty,
            (1...65_535).contains(url.port ?? 80)
        else { throw unusable(variable, "It is not the address of a proxy.") }
        switch url.scheme?.lowercased() {
        case "http":
            let authorization = url.user(percentEncoded: false).map { user in
                HTTPClient.Authorization.basic(username: user, password: url.password(percentEncoded: false) ?? "")
            }
            return .server(host: host, port: url.port ?? 80, authorization: authorization)
        case "socks5", "socks5h":
            guard url.user() == nil else { throw unusable(variable, "A SOCKS proxy with a password is not supported.") }
            return .socksServer(host: host, port: url.port ?? 1_080)
        default:
            throw unusable(variable, "Proxies of the kind \"\(url.scheme ?? "")\" are not supported.")
        }
    }

    /// The value is not shown: it may have a password.
    private static func unusable(_ variable: String, _ why: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\(variable) cannot be used.", why: why,
            fix: "Write http://host:port or socks5://host:port, or except the address with NO_PROXY.")
    }
}

/// Printed or dumped it shows no address: a proxy's may have a password.
extension ProxySettings: CustomStringConvertible, CustomReflectable {
    public var description: String { "(proxies for \(proxies.keys.sorted().joined(separator: ", ")))" }
    public var customMirror: Mirror { Mirror(self, children: []) }
}

/// An entry of `NO_PROXY`.
private struct ProxyException: Sendable {
    private enum Kind {
        case all
        case domain(String)
        case address(IPAddress)
        case range(IPAddress, bits: Int)
    }

    private let kind: Kind
    private var port: Int?

    init(_ entry: Substring) {
        var text = entry.lowercased()
        let range = text.split(separator: "/", omittingEmptySubsequences: false)
        if range.count == 2, let network = IPAddress(String(range[0])), let bits = Int(range[1]), bits >= 0 {
            kind = .range(network, bits: bits)
            return
        }
        // [::1]:8080, and host:8080, but not ::1.
        let colons = text.count { $0 == ":" }
        if text.hasPrefix("[") ? text.contains("]:") : colons == 1, let colon = text.lastIndex(of: ":") {
            port = Int(text[text.index(after: colon)...]) ?? -1
            text = String(text[..<colon])
        }
        if let address = IPAddress(text) {
            kind = .address(address)
        } else if text == "*" {
            kind = .all
        } else {
            if text.hasPrefix("*.") { text.removeFirst() }
            if text.hasPrefix(".") { text.removeFirst() }
            kind = .domain(text)
        }
    }

    func covers(_ host: String, _ address: IPAddress?, _ port: Int) -> Bool {
        if let own = self.port, own != port { return false }
        return switch kind {
        case .all: true
        case .domain(let domain): !domain.isEmpty && (host == domain || host.hasSuffix("." + domain))
        case .address(let own): own == address
        case .range(let network, let bits): address?.isIn(network, bits: bits) == true
        }
    }
}
