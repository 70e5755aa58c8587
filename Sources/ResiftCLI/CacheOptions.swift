import ArgumentParser
import Resift

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Where a command keeps scores for the next time.
struct CacheOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Keep scores, and use those that are kept: memory:SIZE, sqlite:FILE, redis://HOST, or several joined by \
            commas. Default: RESIFT_CACHE, else none.
            """, valueName: "address"))
    var cache: String?

    /// Passwords are better in the environment: every user of a machine sees its command lines.
    static let variable = "RESIFT_CACHE"

    var isGiven: Bool { cache != nil }

    /// Runs `body` with the cache, where one is asked for, and closes it: what was computed is kept then.
    func whileOpen<Result>(_ body: ((any ScoreCache)?) async throws -> Result) async throws -> Result {
        let address = cache ?? ProcessInfo.processInfo.environment[CacheOptions.variable] ?? ""
        let cache = address.isEmpty ? nil : try ScoreCacheAddress(parsing: address).open()
        do {
            let result = try await body(cache)
            await cache?.close()
            return result
        } catch {
            await cache?.close()
            throw error
        }
    }
}

extension Reranker {
    /// The same reranker, with a cache where there is one.
    func caching(inOptional cache: (any ScoreCache)?) throws(RankingError) -> Reranker {
        guard let cache else { return self }
        return try caching(in: cache)
    }
}
