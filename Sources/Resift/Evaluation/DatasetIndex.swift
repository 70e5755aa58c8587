import Ranking
public import Reranking
public import Retrieval

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

/// The index of a dataset's corpus: the one that is there, as long as it is of this corpus and has these settings, or a
/// new one.
///
/// Beside an index that it built, at `PATH.source`, stands which corpus it is of.
public struct DatasetIndex: Sendable {
    public enum Origin: Sendable, Equatable {
        case reused
        /// Built with `resift index build`: nothing says of which corpus it is. It is never replaced.
        case foreign
        /// The reason, a sentence.
        case built(String)
    }

    public let index: SearchIndex
    public let origin: Origin

    /// - Parameters:
    ///   - path: Where the index is or goes; nil for a place in the user's cache that depends on the dataset's
    ///     directory and the embedder's.
    ///   - embedder: The model of `settings.embedder`.
    ///   - tokenEncoder: The model of `settings.lateInteraction`.
    public static func open(
        of dataset: JudgedDataset, path: String?, settings: IndexSettings, embedder: BiEncoder?,
        tokenEncoder: LateInteractionEncoder? = nil,
        progress: @escaping @Sendable (IndexingProgress) -> Void = { _ in }
    ) async throws -> DatasetIndex {
        var source = try CorpusDocuments(CorpusReader(sources: [dataset.directory]))
        let file = try path ?? cachePath(dataset, settings)
        let record = file + ".source"
        let stored = access(record, F_OK) == 0 ? try? String(contentsOfFile: record, encoding: .utf8) : nil
        var reason = "There was none."
        if access(file, F_OK) == 0 {
            guard let stored else {
                let index = try SearchIndex.open(path: file)
                // The model has to be the one that made its vectors.
                if let own = settings.embedder {
                    _ = try await IndexEmbedder.load(index.settings, directory: own.directory)
                }
                if let own = settings.lateInteraction {
                    _ = try await IndexTokenEncoder.load(index.settings, directory: own.model.directory)
                }
                return DatasetIndex(index: index, origin: .foreign)
            }
            if stored != source.fingerprint {
                reason = "The corpus changed since the last one was built."
            } else if let index = try? SearchIndex.open(path: file) {
                if index.settings == settings { return DatasetIndex(index: index, origin: .reused) }
                reason = "The last one was built with other settings."
            } else {
                reason = "The last one cannot be read."
                for suffix in ["", "-wal", "-shm"] { unlink(file + suffix) }
            }
        }
        let indexer = try Indexer(
            settings: settings, embedder: embedder, tokenEncoder: tokenEncoder, progress: progress)
        unlink(record)
        let fingerprint = source.fingerprint
        _ = try await indexer.build(&source, input: fingerprint, to: file, replacing: true)
        do {
            try fingerprint.write(toFile: record, atomically: true, encoding: .utf8)
        } catch {
            throw RankingError(
                .storage, what: "\(record) cannot be written.", why: "It records of which corpus the index is.",
                fix: "Check the permissions and the space of the folder, or name another index file.", cause: error)
        }
        return DatasetIndex(index: try SearchIndex.open(path: file), origin: .built(reason))
    }

    private static func cachePath(_ dataset: JudgedDataset, _ settings: IndexSettings) throws(RankingError) -> String {
        let folder = try UserCache.folder("evaluate", alternative: "Say where the index goes: --index FILE.")
        var digest = BuildFingerprint()
        digest.append(dataset.directory)
        digest.append(settings.embedder?.directory ?? "")
        if let own = settings.lateInteraction {
            digest.append("\(own.model.directory) \(own.form.rawValue) \(own.pooling.factor)")
        }
        let name = dataset.directory.split(separator: "/").last.map(String.init) ?? "dataset"
        return "\(folder)/\(name)-\(String(digest.value, radix: 16)).resift"
    }
}

/// FNV-1a, 64 bits: tells names of files apart, no more.
private struct BuildFingerprint {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func append(_ text: String) {
        for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        value = (value ^ 0xff) &* 0x100_0000_01b3
    }
}
