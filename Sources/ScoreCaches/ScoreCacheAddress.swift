public import Ranking
public import Reranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where scores are kept, as people write it: one tier, or several joined by commas, the fastest first.
///
///     memory:256MB
///     sqlite:/var/cache/resift/scores.db?max=2GB&ttl=30d
///     redis://user:password@host:6379/0?ttl=7d&timeout=100ms
///     memory:64MB,redis://cache.internal
///     none
///
/// Printing an address, or an error about one, never shows a password.
public struct ScoreCacheAddress: Sendable, CustomStringConvertible, CustomReflectable {
    enum Tier: Sendable {
        case memory(maxBytes: Int)
        case sqlite(SQLiteScoreCache.Settings)
        case redis(RedisSettings)
    }

    let tiers: [Tier]
    public let description: String
    public var customMirror: Mirror { Mirror(self, children: ["tiers": description]) }

    /// What can be written, for help texts and errors.
    public static let forms = """
        memory:SIZE, sqlite:PATH[?max=SIZE&ttl=TIME], redis://[USER:PASSWORD@]HOST[:PORT][/DB][?ttl=TIME&timeout=TIME\
        &connect-timeout=TIME&prefix=NAME&password-file=FILE&ca=FILE], rediss:// for TLS; several joined by commas; or none
        """

    private static let schemes = ["memory:", "sqlite:", "redis:", "rediss:"]

    /// Throws `invalidInput`, with the forms that are known.
    public init(parsing text: String) throws(RankingError) {
        guard text != "none" else {
            tiers = []
            description = text
            return
        }
        var tiers: [Tier] = []
        var shown: [String] = []
        for part in ScoreCacheAddress.parts(of: text) {
            let tier = try TierParser(part)
            tiers.append(try tier.tier())
            shown.append(tier.shown)
        }
        self.tiers = tiers
        description = shown.joined(separator: ",")
    }

    /// Opens every tier. Nil for "none".
    ///
    /// Throws what `SQLiteScoreCache` and `RedisScoreCache` throw; a Redis server is not asked yet.
    public func open() throws(RankingError) -> (any ScoreCache)? {
        var caches: [any ScoreCache] = []
        for tier in tiers {
            switch tier {
            case .memory(let maxBytes): caches.append(MemoryScoreCache(maxBytes: maxBytes))
            case .sqlite(let settings): caches.append(try SQLiteScoreCache(settings))
            case .redis(let settings): caches.append(try RedisScoreCache(settings))
            }
        }
        return caches.count > 1 ? TieredScoreCache(caches) : caches.first
    }

    /// Cuts at commas that stand before a scheme: paths and passwords can have commas too.
    private static func parts(of text: String) -> [String] {
        var parts: [String] = []
        for piece in text.split(separator: ",", omittingEmptySubsequences: false) {
            if parts.isEmpty || schemes.contains(where: piece.hasPrefix) {
                parts.append(String(piece))
            } else {
                parts[parts.count - 1] += "," + piece
            }
        }
        return parts
    }
}

/// One tier of an address.
private struct TierParser {
    private let text: String
    private let scheme: String
    /// Behind the scheme's colon, before the options.
    private let place: String
    private let options: [String: String]

    /// The tier without its password.
    var shown: String { TierParser.redacted(text) }

    init(_ text: String) throws(RankingError) {
        self.text = text
        guard let colon = text.firstIndex(of: ":") else {
            throw TierParser.error(text, "It names no kind of cache.")
        }
        scheme = String(text[..<colon])
        let rest = text[text.index(after: colon)...]
        // What stands in front of the host may hold anything.
        let host = scheme.hasPrefix("redis") ? rest.lastIndex(of: "@") ?? rest.startIndex : rest.startIndex
        guard let mark = rest[host...].lastIndex(of: "?") else {
            place = String(rest)
            options = [:]
            return
        }
        place = String(rest[..<mark])
        var options: [String: String] = [:]
        for option in rest[rest.index(after: mark)...].split(separator: "&") {
            let parts = option.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw TierParser.error(text, "\"\(option)\" is no option: one is NAME=VALUE.")
            }
            options[String(parts[0])] = String(parts[1])
        }
        self.options = options
    }

    func tier() throws(RankingError) -> ScoreCacheAddress.Tier {
        switch scheme {
        case "memory":
            try check(options: [])
            return .memory(maxBytes: place.isEmpty ? 256 << 20 : try bytes(place))
        case "sqlite":
            try check(options: ["max", "ttl"])
            guard !place.isEmpty else { throw error("It names no file.") }
            var settings = SQLiteScoreCache.Settings(path: place)
            if let max = options["max"] { settings.maxBytes = try bytes(max) }
            if let time = options["ttl"] { settings.timeToLive = try timeToLive(time) }
            return .sqlite(settings)
        case "redis", "rediss": return .redis(try redis())
        default: throw error("\"\(scheme.prefix(20)):\" is no kind of cache.")
        }
    }

    private func redis() throws(RankingError) -> RedisSettings {
        try check(options: ["ttl", "timeout", "connect-timeout", "prefix", "password-file", "ca"])
        guard place.hasPrefix("//"), let parts = URLComponents(string: scheme + ":" + place), let host = parts.host,
            !host.isEmpty
        else {
            throw error(
                "It has no host, or signs that a URL cannot hold: in user and password write @ : / ? # % as %40 %3A %2F %3F %23 %25."
            )
        }
        // An IPv6 address stands in brackets.
        var settings = RedisSettings(host: String(host.drop { $0 == "[" }.prefix { $0 != "]" }))
        if let port = parts.port {
            guard (1...65_535).contains(port) else { throw error("A port is 1 to 65535.") }
            settings.port = port
        }
        settings.usesTLS = scheme == "rediss"
        settings.user = parts.user.flatMap { $0.isEmpty ? nil : $0 }
        settings.password = parts.password.map { RedisSettings.Password($0) }
        if let file = options["password-file"] {
            guard settings.password == nil else { throw error("It has a password, and a password-file.") }
            settings.password = try password(in: file)
        }
        if settings.user != nil, settings.password == nil { throw error("It has a user without a password.") }
        let database = parts.path.drop { $0 == "/" }
        if !database.isEmpty {
            guard let number = Int(database), (0...1_000_000).contains(number) else {
                throw error("\"\(database)\" is no number of a database.")
            }
            settings.database = number
        }
        if let time = options["ttl"] { settings.timeToLive = try timeToLive(time) }
        if let time = options["timeout"] { settings.timeout = try duration(time) }
        if let time = options["connect-timeout"] { settings.connectTimeout = try duration(time) }
        if let prefix = options["prefix"] { settings.keyPrefix = prefix }
        if let file = options["ca"] {
            guard settings.usesTLS else { throw error("ca is about TLS: write rediss://.") }
            settings.authorities = file
        }
        return settings
    }

    private func password(in file: String) throws(RankingError) -> RedisSettings.Password {
        guard let text = try? String(contentsOfFile: file, encoding: .utf8) else {
            throw RankingError(
                .notFound, what: "The password file \(file) cannot be read.", why: "It is missing, or no text.",
                fix: "Check the path and its permissions.")
        }
        let line = text.prefix { !$0.isNewline }
        guard !line.isEmpty else { throw error("The file \(file) begins with an empty line, not a password.") }
        return RedisSettings.Password(String(line))
    }

    // MARK: Values

    private func check(options known: [String]) throws(RankingError) {
        guard let name = options.keys.sorted().first(where: { !known.contains($0) }) else { return }
        throw error(
            known.isEmpty
                ? "\(scheme) has no options."
                : "\"\(name)\" is no option of \(scheme): those are \(known.joined(separator: ", ")).")
    }

    private func bytes(_ text: String) throws(RankingError) -> Int {
        let units = [("KB", 10), ("MB", 20), ("GB", 30), ("TB", 40)]
        let unit = units.first { text.uppercased().hasSuffix($0.0) }
        guard let number = Int(text.dropLast(unit == nil ? 0 : 2)), number > 0,
            case (let product, let overflow) = number.multipliedReportingOverflow(by: 1 << (unit?.1 ?? 0)), !overflow,
            product <= 1 << 50
        else { throw error("\"\(text)\" is no size: 64MB, 2GB, or a number of bytes.") }
        return product
    }

    /// Nil for 0: for ever.
    private func timeToLive(_ text: String) throws(RankingError) -> Duration? {
        text == "0" ? nil : try duration(text)
    }

    private func duration(_ text: String) throws(RankingError) -> Duration {
        let units: [(String, Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
        guard let (unit, seconds) = units.first(where: { text.hasSuffix($0.0) }),
            let number = Double(text.dropLast(unit.count)), number > 0, number * seconds <= 3_660 * 86_400
        else { throw error("\"\(text)\" is no time: 100ms, 30s, 10m, 12h, 7d.") }
        return .seconds(number * seconds)
    }

    private func error(_ why: String) -> RankingError { TierParser.error(text, why) }

    private static func error(_ text: String, _ why: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\"\(redacted(text))\" is no address of a score cache.", why: why,
            fix: "Caches are \(ScoreCacheAddress.forms).")
    }

    /// Stars for all that stands between the scheme and the last @; of a Redis address without one, for a host that cannot
    /// be one with its port: somebody may have forgotten the @.
    private static func redacted(_ text: String) -> String {
        guard let colon = text.firstIndex(of: ":"), text[..<colon] != "sqlite" else { return text }
        let rest = text[text.index(after: colon)...]
        let start = text[...colon] + (rest.hasPrefix("//") ? "//" : "")
        if let at = text.lastIndex(of: "@"), colon < at { return start + "***" + text[at...] }
        guard text[..<colon].hasPrefix("redis") else { return text }
        let host = rest.drop { $0 == "/" }.prefix { $0 != "/" && $0 != "?" }
        let port = host.lastIndex(of: ":").map { host[$0...].dropFirst() } ?? ""
        return port.allSatisfy(\.isNumber) || host.hasPrefix("[") ? text : start + "***"
    }
}
