import ArgumentParser
import Resift

/// How a command gets a model that is named, not in a directory.
struct HubOptions: ParsableArguments {
    @Flag(help: "Download a model that is named owner/name and is not in the cache. Else that is an error.")
    var download = false

    /// The directory of a model: a directory as it is, owner/name[@revision] from the cache shared with other tools.
    ///
    /// Throws RankingError or CancellationError.
    func directory(of model: String) async throws -> String {
        let store = ModelStore()
        do {
            return try store.directory(of: model)
        } catch {
            guard download, error.code == .notFound, let reference = ModelReference(model) else { throw error }
            return try await DownloadLine.download(reference, from: store).directory
        }
    }
}

extension HubOptions {
    /// Nil where no model was named.
    func directoryIfNamed(_ model: String?) async throws -> String? {
        guard let model else { return nil }
        return try await directory(of: model)
    }

    /// Nil where no embedding model was named.
    func embedder(_ model: String?, pool: ComputePool) async throws -> BiEncoder? {
        guard let path = try await directoryIfNamed(model) else { return nil }
        return try BiEncoder.load(directory: path, pool: pool)
    }
}

/// A download with a line of progress on standard error.
enum DownloadLine {
    static func download(_ model: ModelReference, from store: ModelStore) async throws -> DownloadedModel {
        let line = ProgressLine()
        let begin = ContinuousClock().now
        defer { line.clear() }
        return try await store.download(model) { event in
            switch event {
            case .progress(let progress):
                let size = progress.total.map { " of \($0.inMegabytes)" } ?? ""
                let rate = Double(progress.transferred) / max((ContinuousClock().now - begin) / .seconds(1), 0.001)
                line.show("\(model): \(progress.bytes.inMegabytes)\(size), \(Int64(rate).inMegabytes)/s")
            case .waiting(let file):
                line.clear()
                StandardError.write("note: another process downloads \(file) of \(model); waiting for it\n")
            case .retrying(let wait, let reason):
                line.clear()
                StandardError.write("note: \(reason) Trying again in \((wait / .seconds(1)).formatted(places: 1)) s.\n")
            }
        }
    }
}
