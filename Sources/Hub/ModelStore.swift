import AsyncHTTPClient
public import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The models of a Hugging Face hub that are, or can be, on this machine.
///
/// They are in the cache that all Hugging Face tools share: what another tool downloaded is found, and what Resift
/// downloads is found by the others. `directory(of:)` never touches the network; `download(_:)` does.
public struct ModelStore: Sendable {
    public var settings: HubSettings

    /// - Parameter settings: Default: what the environment says.
    public init(settings: HubSettings = HubSettings()) { self.settings = settings }

    /// Where a model's files are: a path as it is, or "owner/name[@revision]" as it is in the cache.
    ///
    /// A directory of that name wins. What is neither a directory nor a model's name is returned as it is: the loader
    /// says what is wrong with a path.
    ///
    /// Throws `notFound` where the cache does not have the model, or not all of it.
    public func directory(of model: String) throws(RankingError) -> String {
        if HubCache.isDirectory(model) { return model }
        guard let reference = ModelReference(model) else { return model }
        return try cache().snapshot(reference)
    }

    /// The reference with the commit that the cache has for it, which stands for the same files for ever; a path as it
    /// is. For what is written down to be found again later.
    public func pinned(_ model: String) throws(RankingError) -> String {
        if HubCache.isDirectory(model) { return model }
        guard let reference = ModelReference(model), let commit = try cache().commit(of: reference) else {
            return model
        }
        return reference.at(commit: commit).description
    }

    /// Downloads the files of a model that Resift reads, unless the cache has them, and checks their hashes.
    ///
    /// A file that came in part is gone on with. Several processes can do this at the same time: each file is
    /// downloaded once. With `isOffline` the answer is the cache's.
    ///
    /// - Parameter onEvent: Called from several threads.
    ///
    /// Throws CancellationError, or RankingError: `notFound`, `accessDenied` where the model is gated or private,
    /// `unsupportedModel` where it has no weights that Resift reads, `unreachable` where the network or the hub fails,
    /// `corruptFile` where a file has another hash, `storage` where it cannot be written.
    public func download(
        _ model: ModelReference, onEvent: @escaping @Sendable (DownloadEvent) -> Void = { _ in }
    ) async throws -> DownloadedModel {
        let cache = try cache()
        if settings.isOffline {
            let directory: String
            do {
                directory = try cache.snapshot(model)
            } catch {
                throw error.whileOffline
            }
            return DownloadedModel(
                model: model, commit: cache.commit(of: model) ?? model.revision, directory: directory, files: 0,
                downloadedFiles: 0)
        }
        return try await HubConnections.open(settings) { http in
            let client = try HubClient(model, settings, http, onEvent: onEvent)
            let contents = try await client.contents()
            let names = try ModelFiles.needed(of: contents.files, model)
            let files = try await inParallel(names, atOnce: 8) {
                try await client.metadata(of: $0, commit: contents.commit)
            }
            let missing = try await bring(files, contents.commit, cache, client, onEvent)
            try cache.publish(files, of: model, commit: contents.commit)
            return DownloadedModel(
                model: model, commit: contents.commit, directory: cache.snapshot(model, commit: contents.commit),
                files: files.count, downloadedFiles: missing)
        }
    }

    /// Makes all blobs be there; returns how many were not.
    private func bring(
        _ files: [RemoteFile], _ commit: String, _ cache: HubCache, _ client: HubClient,
        _ onEvent: @escaping @Sendable (DownloadEvent) -> Void
    ) async throws -> Int {
        @Sendable func download(_ file: RemoteFile, _ progress: DownloadProgress) -> FileDownload {
            FileDownload(client: client, cache: cache, file: file, commit: commit, progress: progress)
        }
        let unseen = DownloadProgress(total: nil) { _ in }
        var hashes: Set<String> = []
        // Files with the same content are one blob.
        let missing = files.filter { !download($0, unseen).isCached && hashes.insert($0.hash.text).inserted }
        guard !missing.isEmpty else { return 0 }
        let sizes = missing.compactMap(\.size)
        let total = sizes.reduce(Int64(0)) { sum, size in sum.addingReportingOverflow(size).overflow ? .max : sum + size
        }
        try HubCache.makeFolder(of: cache.folder(client.model) + "/blobs")
        let begun = missing.compactMap { HubCache.size(cache.blob($0, of: client.model) + ".incomplete") }
        try cache.checkSpace(for: max(0, total - begun.reduce(0, +)))
        let progress = DownloadProgress(total: sizes.count == missing.count ? total : nil, onEvent: onEvent)
        // The largest first: the others fill the time that it takes.
        let order = missing.sorted { ($0.size ?? .max) > ($1.size ?? .max) }
        _ = try await inParallel(order, atOnce: settings.parallelFiles) { try await download($0, progress).run() }
        return missing.count
    }

    private func cache() throws(RankingError) -> HubCache {
        guard let directory = settings.cacheDirectory else {
            throw RankingError(
                .notFound, what: "There is no folder for downloaded models.",
                why: "None of HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME and HOME names one.",
                fix: "Set HF_HUB_CACHE to a folder.")
        }
        return HubCache(directory: directory)
    }
}

extension RankingError {
    /// The same, of somebody who asked for a download and for no network.
    fileprivate var whileOffline: RankingError {
        var error = self
        error.why += " It was not asked for at the hub, because HF_HUB_OFFLINE or --offline forbids it."
        error.fix += " Leave out what forbids the network."
        return error
    }
}

/// A model that is in the cache after `ModelStore.download(_:)`.
public struct DownloadedModel: Sendable {
    public var model: ModelReference
    public var commit: String
    /// Its files: what `Reranker.load(directory:)` takes.
    public var directory: String
    /// Files that Resift reads; 0 where the hub was not asked.
    public var files: Int
    /// How many of them were not in the cache.
    public var downloadedFiles: Int
}

/// The results in the order of the items; the first error ends the others.
private func inParallel<Item: Sendable, Result: Sendable>(
    _ items: [Item], atOnce limit: Int, _ body: @escaping @Sendable (Item) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var results: [(Int, Result)] = []
        for (position, item) in items.enumerated() {
            if position >= max(1, limit), let done = try await group.next() { results.append(done) }
            group.addTask { (position, try await body(item)) }
        }
        for try await done in group { results.append(done) }
        return results.sorted { $0.0 < $1.0 }.map(\.1)
    }
}
