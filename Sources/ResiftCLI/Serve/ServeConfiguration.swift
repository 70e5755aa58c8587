import ArgumentParser
import Configuration
import Logging
import Resift
import ResiftServer
import SystemPackage
import Yams

/// The settings of a server: of each, the flag, else the environment's, else the file's, else the default.
struct ServeConfiguration {
    var settings = ServerSettings()
    var logFormat = ServerLog.Format.text
    var logLevel = Logger.Level.info

    /// Throws RankingError for what cannot be a setting; the models and files that settings name are not looked at.
    init(_ flags: ServeOptions) async throws {
        let values = try await SettingValues(file: flags.config)
        if let host = try flags.host ?? values.string("host") { settings.host = host }
        settings.port = try values.number("port", flags.port, in: 0...65_535) ?? settings.port
        let models = try flags.model.isEmpty ? values.strings("model") ?? [] : flags.model
        settings.models = try models.map(ServeConfiguration.model)
        for text in try flags.reranker.isEmpty ? values.strings("reranker") ?? [] : flags.reranker {
            settings.models.append(try ServeConfiguration.ranker(text))
        }
        settings.defaultModel = try flags.defaultModel ?? values.string("default-model")
        for alias in try flags.alias.isEmpty ? values.strings("alias") ?? [] : flags.alias {
            guard let equals = alias.lastIndex(of: "="), equals > alias.startIndex else {
                throw SettingValues.wrong("alias", alias, "An alias is HOSTED-NAME=NAME.")
            }
            settings.aliases[String(alias[..<equals])] = String(alias[alias.index(after: equals)...])
        }
        settings.unknownModels =
            try values.choice("unknown-models", flags.unknownModels) ?? settings.unknownModels
        settings.threads = try values.number("threads", flags.threads, in: 1...1_024)
        settings.precision = try values.choice("precision", flags.precision) ?? settings.precision
        switch try values.choice("long-documents", flags.longDocuments) {
        case nil, .truncate?: settings.longDocuments = .truncate
        case .split?: settings.longDocuments = .split()
        case .refuse?: settings.longDocuments = .refuse
        }
        settings.indexPath = try flags.index ?? values.string("index")
        settings.embedder = try flags.embedder ?? values.string("embedder")
        settings.lateInteraction = try flags.lateInteraction ?? values.string("late-interaction")
        settings.certificateFile = try flags.tlsCertificate ?? values.string("tls-certificate")
        settings.privateKeyFile = try flags.tlsKey ?? values.string("tls-key")
        settings.corsOrigins = try flags.corsOrigin.isEmpty ? values.strings("cors-origin") ?? [] : flags.corsOrigin
        try readCache(flags, values)
        settings.apiKeys = try ServeConfiguration.keys(
            file: flags.apiKeysFile ?? values.string("api-keys-file"), values)
        try readLimits(flags, values)
        logFormat = try values.choice("log-format", flags.logFormat) ?? logFormat
        if let level = try flags.logLevel ?? values.string("log-level") {
            guard let known = Logger.Level(rawValue: level) else {
                let names = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
                throw SettingValues.wrong("log-level", level, "It is one of \(names).")
            }
            logLevel = known
        }
    }

    /// NAME=RERANKER, or the reranker alone; no name has a sign that names of services and files have.
    private static func ranker(_ text: String) throws(RankingError) -> ServerSettings.ModelSource {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex,
            !text[..<equals].contains(where: { ":/@?".contains($0) })
        else { return ServerSettings.ModelSource(ranker: try RankerSpecification(nameOrFile: text)) }
        return ServerSettings.ModelSource(
            name: String(text[..<equals]),
            ranker: try RankerSpecification(nameOrFile: String(text[text.index(after: equals)...])))
    }

    private mutating func readCache(_ flags: ServeOptions, _ values: SettingValues) throws {
        // A flag comes before what the environment and the file say of either.
        let bytes =
            flags.cache == nil ? try values.number("cache-bytes", flags.cacheBytes, in: 0...Int.max) : flags.cacheBytes
        let address = flags.cacheBytes == nil ? try flags.cache ?? values.string("cache") : flags.cache
        guard bytes == nil || address == nil else {
            throw RankingError(
                .invalidInput, what: "Both cache and cache-bytes are set.", why: "Each says where scores are kept.",
                fix: "Leave cache-bytes out: --cache memory:256MB says the same.")
        }
        settings.cacheBytes = bytes ?? settings.cacheBytes
        settings.cache = try address.map { text throws(RankingError) in try ScoreCacheAddress(parsing: text) }
    }

    private mutating func readLimits(_ flags: ServeOptions, _ values: SettingValues) throws {
        var limits = settings.limits
        let counts = 1...Int.max / 4
        limits.maxBodyBytes = try values.number("max-body-bytes", flags.maxBodyBytes, in: counts) ?? limits.maxBodyBytes
        // A body of the largest size always fits.
        limits.maxBufferedBytes = max(limits.maxBufferedBytes, 2 * limits.maxBodyBytes)
        limits.maxDocuments = try values.number("max-documents", flags.maxDocuments, in: counts) ?? limits.maxDocuments
        limits.maxDocumentBytes =
            try values.number("max-document-bytes", flags.maxDocumentBytes, in: counts) ?? limits.maxDocumentBytes
        limits.maxRequestTokens =
            try values.number("max-request-tokens", flags.maxRequestTokens, in: counts) ?? limits.maxRequestTokens
        limits.maxQueue = try values.number("max-queue", flags.maxQueue, in: counts) ?? limits.maxQueue
        limits.maxConnections =
            try values.number("max-connections", flags.maxConnections, in: counts) ?? limits.maxConnections
        limits.maxQueueWait = try values.time("max-queue-wait", flags.maxQueueWait) ?? limits.maxQueueWait
        limits.readTimeout = try values.time("read-timeout", flags.readTimeout) ?? limits.readTimeout
        limits.idleTimeout = try values.time("idle-timeout", flags.idleTimeout) ?? limits.idleTimeout
        limits.drainDelay = try values.time("drain-delay", flags.drainDelay, orZero: true) ?? limits.drainDelay
        limits.drainTimeout = try values.time("drain-timeout", flags.drainTimeout) ?? limits.drainTimeout
        settings.limits = limits
    }

    /// `DIRECTORY`, `NAME=DIRECTORY`; the directory `default` is the model inside the package, and one that was pulled from
    /// the hub can be called `owner/name`.
    private static func model(_ text: String) throws(RankingError) -> ServerSettings.ModelSource {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard parts.allSatisfy({ !$0.isEmpty }), let directory = parts.last else {
            throw SettingValues.wrong("model", text, "A model is DIRECTORY or NAME=DIRECTORY.")
        }
        return ServerSettings.ModelSource(
            name: parts.count == 2 ? parts[0] : nil,
            directory: directory == "default" ? nil : try ModelStore().directory(of: directory))
    }

    private static func keys(file: String?, _ values: SettingValues) throws -> [String] {
        var keys = try values.strings("api-keys", isSecret: true) ?? []
        if let file {
            let text = String(decoding: try InputBytes.read(path: file).bytes, as: UTF8.self)
            let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { !$0.isWhitespace } }
            let found = lines.filter { !$0.isEmpty && !$0.hasPrefix("#") }
            guard !found.isEmpty else {
                // An empty file must not open the server to everybody.
                throw RankingError(
                    .invalidInput, what: "\(file) has no API key.", why: "Without keys everybody would be let in.",
                    fix: "Write one key a line, or leave --api-keys-file out.")
            }
            keys += found
        }
        return keys
    }
}

/// Settings from the environment and from a file.
struct SettingValues {
    private let providers: [any ConfigProvider]

    /// What can stand in a file.
    private static let names = [
        "host", "port", "model", "reranker", "default-model", "alias", "unknown-models", "threads", "precision",
        "long-documents",
        "index", "embedder", "late-interaction", "api-keys", "api-keys-file", "tls-certificate", "tls-key",
        "cors-origin",
        "max-body-bytes", "max-documents", "max-document-bytes", "max-request-tokens", "max-queue", "max-queue-wait",
        "max-connections", "read-timeout", "idle-timeout", "drain-delay", "drain-timeout", "cache", "cache-bytes",
        "log-format",
        "log-level",
    ]

    init(file: String?) async throws {
        var providers: [any ConfigProvider] = [EnvironmentVariablesProvider()]
        if let file {
            try SettingValues.checkNames(file)
            do {
                // JSON is YAML too.
                providers.append(try await FileProvider<YAMLSnapshot>(filePath: FilePath(file)))
            } catch {
                throw SettingValues.unreadable(file, "\(error)")
            }
        }
        self.providers = providers
    }

    /// A name that nothing reads is a mistake, which would otherwise be silent.
    private static func checkNames(_ file: String) throws {
        let bytes = try InputBytes.read(path: file).bytes
        let loaded: Any?
        do {
            loaded = try Yams.load(yaml: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw unreadable(file, "\(error)")
        }
        guard let loaded else { return }
        guard let members = loaded as? [String: Any] else {
            throw unreadable(file, "It is no mapping of names to values.")
        }
        for name in members.keys.sorted() where !names.contains(name) {
            throw RankingError(
                .invalidInput, what: "\(file) sets \"\(name)\", which is no setting.",
                why: "Settings are \(names.joined(separator: ", ")).", fix: "Correct the name, or take it out.")
        }
    }

    private static func unreadable(_ file: String, _ why: String) -> RankingError {
        RankingError(
            .invalidInput, what: "\(file) cannot be read as settings.", why: why,
            fix: "Write YAML or JSON: one name and value for each setting.")
    }

    static func wrong(_ name: String, _ value: String, _ why: String) -> RankingError {
        RankingError(
            .invalidInput, what: "--\(name) is \"\(value)\".", why: why,
            fix: "Correct the flag, the variable \(variable(name)), or the file's \(name).")
    }

    private static func variable(_ name: String) -> String {
        "RESIFT_" + name.uppercased().replacing("-", with: "_")
    }

    private func content(_ name: String, _ type: ConfigType) throws -> ConfigContent? {
        for (place, provider) in providers.enumerated() {
            let key = AbsoluteConfigKey(place == 0 ? ["resift", name] : [name])
            do {
                if let value = try provider.value(forKey: key, type: type).value { return value.content }
            } catch {
                throw RankingError(
                    .invalidInput,
                    what:
                        "\(place == 0 ? SettingValues.variable(name) : "The file's \(name)") has a value of the wrong kind.",
                    why: "A \(type.rawValue) was expected.", fix: "Correct it, or take it out.", cause: error)
            }
        }
        return nil
    }

    func string(_ name: String) throws -> String? {
        guard case .string(let text)? = try content(name, .string) else { return nil }
        return text
    }

    func strings(_ name: String, isSecret: Bool = false) throws -> [String]? {
        guard case .stringArray(let texts)? = try content(name, .stringArray) else { return nil }
        let trimmed = texts.map { $0.trimmed }
        guard trimmed.allSatisfy({ !$0.isEmpty }) else {
            throw SettingValues.wrong(
                name, isSecret ? "(not shown)" : texts.joined(separator: ","), "An entry is empty.")
        }
        return trimmed
    }

    /// - Parameter flag: Comes first, and is checked too.
    func number(_ name: String, _ flag: Int?, in range: ClosedRange<Int>) throws -> Int? {
        var number = flag
        if number == nil, case .int(let stored)? = try content(name, .int) { number = stored }
        guard let number else { return nil }
        guard range.contains(number) else {
            throw SettingValues.wrong(name, "\(number)", "It has to be \(range.lowerBound) to \(range.upperBound).")
        }
        return number
    }

    func time(_ name: String, _ flag: String?, orZero: Bool = false) throws -> Duration? {
        guard let text = try flag ?? string(name) else { return nil }
        if orZero, ["0", "0s", "0ms"].contains(text) { return .zero }
        guard let time = TimeArgument(argument: text) else {
            throw SettingValues.wrong(name, text, "A time is a number with its unit, 500ms or 30s, up to a day.")
        }
        return time.duration
    }

    func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String, _ flag: Choice?) throws -> Choice? {
        if let flag { return flag }
        guard let text = try string(name) else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw SettingValues.wrong(name, text, "It is one of \(names).")
        }
        return choice
    }
}

extension String {
    fileprivate var trimmed: String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}
