package import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What Resift keeps between runs and can make again: `$XDG_CACHE_HOME/resift`, else the system's folder for caches.
package enum UserCache {
    /// Nil where the environment names no such folder.
    package static var directory: String? {
        // A relative path is no answer, by the XDG Base Directory Specification.
        func variable(_ name: String) -> String? {
            getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
        }
        #if canImport(Darwin)
            let home = variable("HOME").map { $0 + "/Library/Caches" }
        #else
            let home = variable("HOME").map { $0 + "/.cache" }
        #endif
        return (variable("XDG_CACHE_HOME") ?? home).map { $0 + "/resift" }
    }

    /// A folder inside it, which is made where it is missing.
    ///
    /// - Parameter alternative: What the user can do instead, for errors: "Say where the index goes: --index FILE."
    package static func folder(_ name: String, alternative: String) throws(RankingError) -> String {
        guard let directory else {
            throw RankingError(
                .notFound, what: "There is no cache directory.", why: "Neither XDG_CACHE_HOME nor HOME names one.",
                fix: alternative)
        }
        let folder = directory + "/" + name
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw RankingError(
                .storage, what: "\(folder) cannot be made.", why: "The system refused it: \(error)",
                fix: "Check its permissions. \(alternative)", cause: error)
        }
        return folder
    }
}
