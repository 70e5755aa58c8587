import AsyncHTTPClient
import Foundation
import Outbound
import Ranking
import Testing

@Suite("Proxies, as the environment names them")
struct ProxySettingsTests {
    private func proxy(_ address: String, _ environment: [String: String]) throws -> HTTPClient.Configuration.Proxy? {
        try ProxySettings(environment: environment).proxy(for: #require(URL(string: address)))
    }

    @Test("each scheme has its own, in capitals or small letters, the small ones first")
    func schemes() throws {
        let both = ["HTTPS_PROXY": "http://secure:3128", "http_proxy": "http://plain"]
        #expect(try proxy("https://api.example/v1", both) == .server(host: "secure", port: 3_128))
        #expect(try proxy("http://api.example/v1", both) == .server(host: "plain", port: 80))
        #expect(try proxy("https://api.example", ["HTTP_PROXY": "http://plain"]) == nil)
        #expect(try proxy("https://api.example", ["HTTPS_PROXY": ""]) == nil)
        #expect(try proxy("https://api.example", [:]) == nil)
        let twice = ["HTTPS_PROXY": "http://capital", "https_proxy": "http://small"]
        #expect(try proxy("https://api.example", twice) == .server(host: "small", port: 80))
        #expect(try ProxySettings.none.proxy(for: #require(URL(string: "https://api.example"))) == nil)
    }

    @Test("host and port alone, a user with a password, SOCKS")
    func forms() throws {
        #expect(try proxy("https://a", ["HTTPS_PROXY": "gate:8080"]) == .server(host: "gate", port: 8_080))
        let password = ["HTTPS_PROXY": "http://me:p%40ss@gate:8080"]
        #expect(
            try proxy("https://a", password)
                == .server(host: "gate", port: 8_080, authorization: .basic(username: "me", password: "p@ss")))
        #expect(try proxy("https://a", ["HTTPS_PROXY": "socks5://gate"]) == .socksServer(host: "gate", port: 1_080))
        #expect(try proxy("https://a", ["HTTPS_PROXY": "socks5h://gate:9"]) == .socksServer(host: "gate", port: 9))
    }

    @Test(
        "NO_PROXY excepts domains with all under them, addresses, ranges and ports; this machine is always excepted",
        arguments: [
            ("", "https://api.example", true), ("*", "https://api.example", false),
            ("api.example", "https://api.example", false), ("example", "https://api.example", false),
            (".example", "https://api.example", false), ("*.example", "https://api.example", false),
            ("pi.example", "https://api.example", true), ("api.example.org", "https://api.example", true),
            ("a, b api.example,c", "https://API.example", false), (",, ,", "https://api.example", true),
            ("api.example:443", "https://api.example", false), ("api.example:8443", "https://api.example", true),
            ("api.example:8443", "https://api.example:8443", false), ("api.example:x", "https://api.example", true),
            ("10.1.2.3", "http://10.1.2.3:8080", false), ("10.1.2.3", "http://10.1.2.30", true),
            ("10.1.2.3:80", "http://10.1.2.3", false), ("10.1.2.3:81", "http://10.1.2.3", true),
            ("10.0.0.0/8", "http://10.200.1.1", false), ("10.0.0.0/8", "http://11.0.0.1", true),
            ("10.128.0.0/9", "http://10.127.0.1", true), ("0.0.0.0/0", "http://1.2.3.4", false),
            ("10.0.0.0/33", "http://10.0.0.0", true), ("10.0.0.0/x", "http://10.0.0.0", true),
            ("10.0.0.0/8", "http://host10", true), ("fd00::/8", "http://[fd12::1]:80", false),
            ("fd00::/8", "http://[fe80::1]", true), ("fd12::1", "http://[fd12::1]", false),
            ("[fd12::1]:8080", "http://[fd12::1]:8080", false), ("[fd12::1]:8080", "http://[fd12::1]", true),
            ("", "http://localhost:8080", false), ("", "http://127.0.0.1:8080", false), ("", "http://127.9.9.9", false),
            ("", "http://[::1]:8080", false), ("", "http://tei.localhost", false),
            ("", "http://localhost.example", true),
        ])
    func exceptions(noProxy: String, address: String, isProxied: Bool) throws {
        let variables = ["HTTP_PROXY": "gate:1", "HTTPS_PROXY": "gate:1", "NO_PROXY": noProxy]
        #expect(try (proxy(address, variables) != nil) == isProxied)
    }

    @Test(
        "what is no proxy's address is refused where it would be used, and is not shown",
        arguments: [
            "https://u:secret@gate:1", "http://", "http://u:secret@", "ftp://secret", "socks5://u:secret@gate",
            "http://u:secret@gate:99999", "secret gate",
        ])
    func refused(text: String) throws {
        let error = #expect(throws: RankingError.self) { try proxy("https://a", ["HTTPS_PROXY": text]) }
        #expect(error?.code == .invalidInput && error?.what.contains("HTTPS_PROXY") == true)
        #expect(error.map { !"\($0)".contains("secret") } == true)
        #expect(try proxy("https://a", ["HTTPS_PROXY": text, "NO_PROXY": "a"]) == nil)
    }

    @Test("a password is in no description")
    func secrecy() {
        let settings = ProxySettings(environment: ["HTTPS_PROXY": "http://me:secret@gate"])
        var dumped = ""
        dump(settings, to: &dumped)
        for text in ["\(settings)", String(reflecting: settings), dumped] { #expect(!text.contains("secret")) }
    }
}
