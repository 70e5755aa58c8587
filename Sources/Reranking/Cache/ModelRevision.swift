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
    /// SHA-256 of the names, sizes and bytes of config.json, the tokenizer's files and the weights.
    static func digest(directory: String) throws(RankingError) -> [UInt8] {
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: directory).filter(isPart).sorted()
            var hash = SHA256()
            for name in names {
                let file = try MappedFile(path: directory + "/" + name)
                hash.update(data: Array("\(name) \(file.bytes.count)\n".utf8))
                hash.update(bufferPointer: file.bytes)
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
