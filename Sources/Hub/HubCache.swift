import Ranking

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

/// The folder of downloaded models that all Hugging Face tools share.
///
///     models--owner--name/
///       blobs/HASH                 a file, named by the hash of what it holds
///       snapshots/COMMIT/NAME      a relative link to a blob
///       refs/main                  the commit that the branch stood for
///     .locks/models--owner--name/HASH.lock
///
/// Source: <https://huggingface.co/docs/huggingface_hub/guides/manage-cache>.
struct HubCache: Sendable {
    let directory: String

    func folder(_ model: ModelReference) -> String { "\(directory)/models--\(model.owner)--\(model.name)" }

    func snapshot(_ model: ModelReference, commit: String) -> String { "\(folder(model))/snapshots/\(commit)" }

    func blob(_ file: RemoteFile, of model: ModelReference) -> String { "\(folder(model))/blobs/\(file.hash.text)" }

    func lock(_ file: RemoteFile, of model: ModelReference) -> String {
        "\(directory)/.locks/models--\(model.owner)--\(model.name)/\(file.hash.text).lock"
    }

    /// The commit that a revision stood for when it was last downloaded; nil where it never was.
    func commit(of model: ModelReference) -> String? {
        if ModelReference.isCommit(model.revision) { return model.revision }
        let text = try? String(contentsOfFile: "\(folder(model))/refs/\(model.revision)", encoding: .utf8)
        guard let commit = text?.split(whereSeparator: \.isWhitespace).first.map(String.init),
            ModelReference.isCommit(commit)
        else { return nil }
        return commit
    }

    /// The directory of a model that was downloaded before, by Resift or another tool.
    ///
    /// Throws `notFound` where it is not there, or not all of it.
    func snapshot(_ model: ModelReference) throws(RankingError) -> String {
        let pull = "Run `resift models pull \(model)`, which downloads it"
        guard let commit = commit(of: model),
            HubCache.isDirectory(snapshot(model, commit: commit))
        else {
            throw RankingError(
                .notFound, what: "There is no directory \(model), and no model \(model) in the cache.",
                why: "Looked for the model in \(folder(model)). Nothing is downloaded unless asked.",
                fix: "\(pull), or check the path.")
        }
        let path = snapshot(model, commit: commit)
        let missing = ModelFiles.missing(
            in: path, isFile: HubCache.isFile,
            files: { (try? FileManager.default.contentsOfDirectory(atPath: $0)) ?? [] })
        if let missing {
            throw RankingError(
                .notFound, what: "The cache has only parts of \(model): \(missing) is missing.",
                why: "\(path) was made by a download that is not finished, or was of other files.",
                fix: "\(pull), with what is missing.")
        }
        return path
    }

    /// Makes the snapshot of a commit whose blobs are all there, and then the ref that leads to it.
    ///
    /// config.json, which no model loads without, comes last.
    func publish(_ files: [RemoteFile], of model: ModelReference, commit: String) throws(RankingError) {
        let snapshot = snapshot(model, commit: commit)
        for file in files.sorted(by: { $0.name != "config.json" && $1.name == "config.json" }) {
            let link = "\(snapshot)/\(file.name)"
            let up = String(repeating: "../", count: 1 + file.name.split(separator: "/").count)
            let target = "\(up)blobs/\(file.hash.text)"
            // A cache that others keep may be read-only.
            if (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == target { continue }
            try HubCache.makeFolder(of: link)
            try HubCache.replace(link) { symlink(target, $0) }
        }
        guard model.revision != commit, self.commit(of: model) != commit else { return }
        let ref = "\(folder(model))/refs/\(model.revision)"
        try HubCache.makeFolder(of: ref)
        try HubCache.replace(ref) { path in
            (try? commit.write(toFile: path, atomically: false, encoding: .utf8)) == nil ? -1 : 0
        }
    }

    /// Makes something under a name of its own and moves it into place: others see what was there before, or this.
    private static func replace(_ path: String, _ make: (String) -> Int32) throws(RankingError) {
        let new = "\(path).\(getpid()).\(UInt32.random(in: 0 ... .max))"
        guard make(new) == 0, rename(new, path) == 0 else {
            let reason = errno
            unlink(new)
            throw storageError(path, reason)
        }
    }

    static func makeFolder(of file: String) throws(RankingError) {
        let folder = file.lastIndex(of: "/").map { String(file[..<$0]) } ?? "."
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw RankingError(
                .storage, what: "\(folder) cannot be made.", why: "The system refused it: \(error)",
                fix: "Check its permissions and the disk's space, or name another cache with HF_HUB_CACHE.",
                cause: error)
        }
    }

    /// Sees through links.
    static func isFile(_ path: String) -> Bool { mode(path).map { $0 & S_IFMT == S_IFREG } ?? false }
    static func isDirectory(_ path: String) -> Bool { mode(path).map { $0 & S_IFMT == S_IFDIR } ?? false }

    private static func mode(_ path: String) -> mode_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode : nil
    }

    /// Nil where there is no file.
    static func size(_ path: String) -> Int64? {
        var status = stat()
        return stat(path, &status) == 0 ? Int64(status.st_size) : nil
    }

    /// Throws `storage` where the disk has less space than this.
    func checkSpace(for bytes: Int64) throws(RankingError) {
        var status = statvfs()
        // A file system that does not say is found out by writing.
        guard statvfs(directory, &status) == 0 else { return }
        let (free, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        guard !overflow, free < bytes else { return }
        throw RankingError(
            .storage,
            what: "The model needs \(bytes.inMegabytes), and \(directory) has \(Int64(free).inMegabytes) left.",
            why: "The disk is nearly full.", fix: "Make room, or name a cache on another disk with HF_HUB_CACHE.")
    }
}

/// What the system said about a file that could not be written.
func storageError(_ path: String, _ code: Int32) -> RankingError {
    RankingError(
        .storage, what: "\(path) cannot be written.", why: "The system says: \(String(cString: strerror(code))).",
        fix: code == ENOSPC || code == EDQUOT
            ? "Make room, or name a cache on another disk with HF_HUB_CACHE; what is there already is kept."
            : "Check the permissions of the cache, or name another one with HF_HUB_CACHE.")
}

extension Int64 {
    /// "12.3 MB", as progress and errors show sizes.
    package var inMegabytes: String {
        let tenths = (self + 50_000) / 100_000
        return "\(tenths / 10).\(tenths % 10) MB"
    }
}
