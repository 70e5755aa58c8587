import Crypto
import Inference
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Tells apart models of one name: a digest of all files that a score depends on.
enum ModelRevision {
    /// SHA-256 of the names and digests of config.json, the tokenizer's files and the weights.
    ///
    /// - Parameters:
    ///   - settings: Names of further files that scores depend on.
    ///   - records: The folder where digests of large files are remembered (see `ContentDigest`); nil reads all.
    static func digest(
        directory: String, settings: Set<String> = [], records: String? = PackedWeights.sharedFolder
    ) throws(RankingError) -> [UInt8] {
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter {
                isPart($0) || settings.contains($0)
            }.sorted()
            var hash = SHA256()
            for name in names {
                let digest = ContentDigest.of(try MappedFile(path: directory + "/" + name), cache: records)
                hash.update(data: Array("\(name) \(digest)\n".utf8))
            }
            return Array(hash.finalize())
        } catch let error as RankingError {
            throw error
        } catch {
            throw RankingError(
                .notFound, what: "\(directory) cannot be listed.", why: "The system refused it: \(error)",
                fix: "Check the permissions of the folder.", cause: error)
        }
    }

    private static func isPart(_ name: String) -> Bool {
        ["config.json", "tokenizer.json", "tokenizer_config.json"].contains(name) || name.hasSuffix(".safetensors")
            || name.hasSuffix(".safetensors.index.json")
    }
}
