import NIOCore
import NIOSSL
public import Ranking
public import Reranking

/// Scores on a Redis server, which many machines can share.
///
/// Nothing that happens to the server makes a call fail, or wait longer than `RedisSettings.timeout`: whatever goes wrong
/// is a miss, and is counted by its kind. Lookups are one pipelined MGET for 512 keys; what is stored goes out in the
/// background, over a connection of its own, so that no lookup waits behind it.
///
/// One server (or a proxy that looks like one): Redis Cluster's redirections and Sentinel's elections are not followed.
public final class RedisScoreCache: ScoreCache {
    /// Changes with the form of keys; that of values has a version of its own.
    private static let keyVersion = 1
    private static let keysAtOnce = 512
    /// Nobody waits for what is stored.
    private static let leastWriteTimeout = Duration.seconds(1)

    private let settings: RedisSettings
    private let reading: RedisLink
    private let writing: RedisLink
    private let counts: TierCounts
    private let writer: BackgroundWriter

    /// Does not connect yet. Throws `invalidInput` where the certificates cannot be read.
    public init(_ settings: RedisSettings) throws(RankingError) {
        let tls = try RedisScoreCache.tls(settings)
        let counts = TierCounts("redis")
        let writing = RedisLink(
            settings, timeout: max(settings.timeout, RedisScoreCache.leastWriteTimeout), tls: tls)
        self.settings = settings
        self.counts = counts
        self.writing = writing
        reading = RedisLink(settings, timeout: settings.timeout, tls: tls)
        writer = BackgroundWriter { entries in
            await RedisScoreCache.write(entries, settings, writing, counts)
        }
    }

    public var tiers: [CacheTierStatistics] { [counts.statistics] }

    public func values(for keys: [ScoreKey]) async -> [StoredScore?] {
        guard !keys.isEmpty else { return [] }
        var found = [StoredScore?](repeating: nil, count: keys.count)
        do {
            var commands = ByteBuffer()
            let groups = stride(from: 0, to: keys.count, by: RedisScoreCache.keysAtOnce).map {
                $0..<min($0 + RedisScoreCache.keysAtOnce, keys.count)
            }
            for group in groups {
                RESPCommand.append(
                    [Array("MGET".utf8)] + keys[group].map { RedisScoreCache.name($0, settings) }, to: &commands)
            }
            let replies = try await reading.send(commands, replies: groups.count)
            for (group, reply) in zip(groups, replies) {
                for (index, value) in zip(group, try values(reply, count: group.count)) {
                    guard let value else { continue }
                    found[index] = StoredScoreCoding.score(from: value, key: keys[index])
                    if found[index] == nil { counts.count(.damaged) }
                }
            }
        } catch let failure as RedisFailure {
            counts.count(failure.kind)
        } catch {
            // The caller was cancelled, and reads no answer.
        }
        counts.count(found: found)
        return found
    }

    /// The answer to one MGET.
    private func values(_ reply: RESPValue, count: Int) throws(RedisFailure) -> [[UInt8]?] {
        switch reply {
        case .error(let text): throw RedisFailure(reply: text)
        case .array(let values) where values.count == count:
            return values.map { value in
                if case .string(let bytes) = value { bytes } else { nil }
            }
        default:
            // Whatever comes next would be read as the answer to something else.
            reading.drop()
            throw RedisFailure(.malformed)
        }
    }

    public func store(_ entries: [(key: ScoreKey, value: StoredScore)]) async {
        counts.count(.dropped, writer.add(entries))
    }

    public func close() async {
        await writer.finish()
        await reading.close()
        await writing.close()
    }

    /// Returns when everything that was stored has been sent and answered, or was given up.
    package func flush() async { await writer.flush() }

    private static func write(
        _ entries: [BackgroundWriter.Entry], _ settings: RedisSettings, _ link: RedisLink, _ counts: TierCounts
    ) async {
        var commands = ByteBuffer()
        var sent = 0
        for (key, value) in entries {
            guard let bytes = StoredScoreCoding.bytes(of: value, key: key) else {
                counts.count(.dropped)
                continue
            }
            var words = [Array("SET".utf8), name(key, settings), bytes]
            if let time = settings.timeToLive {
                words += [Array("PX".utf8), Array("\(max(1, time.milliseconds64))".utf8)]
            }
            RESPCommand.append(words, to: &commands)
            sent += 1
        }
        guard sent > 0 else { return }
        do {
            let replies = try await link.send(commands, replies: sent)
            let refusals = replies.compactMap { reply in
                if case .error(let text) = reply { RedisFailure(reply: text).kind } else { nil }
            }
            counts.change { $0.stored += replies.count - refusals.count }
            for kind in Set(refusals) { counts.count(kind) }
        } catch let failure as RedisFailure {
            counts.count(failure.kind)
        } catch {
            // Nobody cancels the writer: it is not part of any call.
        }
    }

    /// "resift:score:1:" and the key in hexadecimal.
    private static func name(_ key: ScoreKey, _ settings: RedisSettings) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        var name = Array("\(settings.keyPrefix):score:\(keyVersion):".utf8)
        for byte in key.bytes { name += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return name
    }

    private static func tls(_ settings: RedisSettings) throws(RankingError) -> NIOSSLContext? {
        guard settings.usesTLS else { return nil }
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            if let file = settings.authorities {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(file))
            }
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw RankingError(
                .invalidInput, what: "TLS to \(settings.host) cannot be set up.", why: "\(error)",
                fix: "Check the certificates\(settings.authorities.map { " in \($0)" } ?? "").", cause: error)
        }
    }
}

extension Duration {
    /// Whole milliseconds; what does not fit is as long as can be said.
    var milliseconds64: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000)
        return overflow ? .max / 4 : product + attoseconds / 1_000_000_000_000_000
    }
}
