import GRDB
public import Inference
public import Ranking

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Builds an index beside its final place, and moves it there when it is whole.
///
/// What is committed on the way stays in `PATH.building`. A build that was killed goes on from there, as long as its
/// input and its settings are the same; an index that was at `PATH` before is untouched until the new one replaces it.
public final class IndexBuild {
    public let path: String
    public let writer: IndexWriter
    /// Documents that an interrupted build had committed: `isCommitted` is true for as many.
    public let resumedDocuments: Int
    private let input: String
    private let replacing: Bool
    private let identity: FileIdentity?
    private var seenDocuments = 0
    private var digest = BuildDigest()
    private let resumedDigest: BuildDigest

    /// Where the unfinished index is.
    public static func unfinishedPath(for path: String) -> String { path + ".building" }

    /// Removes what an interrupted build left.
    public static func discardUnfinished(path: String) throws(RankingError) {
        let unfinished = unfinishedPath(for: path)
        // Another process may be at it.
        if FileIdentity(path: unfinished) != nil, let writer = try? IndexWriter.open(path: unfinished) {
            try writer.lockFile()
        }
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(unfinished + suffix) }
    }

    /// Begins or goes on.
    ///
    /// - Parameters:
    ///   - input: What is read, with its size and time of change: an unfinished build of another input begins anew.
    ///   - replacing: Whether an index that is at the path already may be replaced.
    ///
    /// Throws `invalidInput` where there is something at the path that may not be replaced, `busy` where another
    /// process builds there.
    public init(path: String, settings: IndexSettings, input: String, replacing: Bool) throws(RankingError) {
        self.path = path
        self.input = input
        self.replacing = replacing
        if FileIdentity(path: path) != nil {
            guard replacing else {
                throw RankingError(
                    .invalidInput, what: "\(path) exists already.", why: "A build makes a new index.",
                    fix: "Add to it with `resift index add`, replace it with --replace, or name another file.")
            }
            // What is not an index is not ours to replace.
            try IndexFile.checkIsIndex(path: path)
        }
        let unfinished = IndexBuild.unfinishedPath(for: path)
        if let (writer, documents, digest) = try IndexBuild.resume(unfinished, settings: settings, input: input) {
            (self.writer, resumedDocuments, resumedDigest) = (writer, documents, digest)
        } else {
            for suffix in ["", "-wal", "-shm", "-journal"] { unlink(unfinished + suffix) }
            writer = try IndexWriter.create(path: unfinished, settings: settings)
            (resumedDocuments, resumedDigest) = (0, BuildDigest())
            try writer.lockFile()
        }
        identity = FileIdentity(path: unfinished)
        writer.learnsCentroids = false
        try writer.begin()
    }

    private static func resume(
        _ unfinished: String, settings: IndexSettings, input: String
    ) throws(RankingError) -> (IndexWriter, Int, BuildDigest)? {
        guard FileIdentity(path: unfinished) != nil else { return nil }
        do {
            let writer = try IndexWriter.open(path: unfinished)
            try writer.lockFile()
            let (found, documents, digest) = try IndexFile.reporting(unfinished) {
                try writer.queue.read { db in
                    (
                        try IndexProperty.buildInput.text(db), try IndexProperty.buildDocuments.integer(db),
                        try IndexProperty.buildDigest.integer(db)
                    )
                }
            }
            guard writer.settings == settings, found == input, let documents, let digest else { return nil }
            return (writer, documents, BuildDigest(value: UInt64(bitPattern: Int64(digest))))
        } catch  where error.code == .corruptFile {
            // Killed before the first commit.
            return nil
        }
    }

    /// True for a document that an interrupted build committed; it need not be added again. Call it for every document
    /// of the input, in order. Throws `invalidInput` where the input is not what it was then.
    public func isCommitted(id: String) throws(RankingError) -> Bool {
        seenDocuments += 1
        digest.append(id)
        guard seenDocuments <= resumedDocuments else { return false }
        if seenDocuments == resumedDocuments, digest != resumedDigest { throw otherInput() }
        return true
    }

    private func otherInput() -> RankingError {
        RankingError(
            .invalidInput, what: "The input changed since the build of \(path) was interrupted.",
            why: "Its first \(resumedDocuments) documents are not those that were read then.",
            fix: "Begin anew with --restart.")
    }

    /// Commits what was added so far; a build that is killed later goes on from here.
    public func checkpoint() throws(RankingError) {
        try commit()
        try writer.begin()
    }

    private func commit() throws(RankingError) {
        let (input, documents, digest) = (input, seenDocuments, digest)
        try writer.commit { db in
            try IndexProperty.buildInput.set(input, db)
            try IndexProperty.buildDocuments.set(documents, db)
            try IndexProperty.buildDigest.set(Int(truncatingIfNeeded: Int64(bitPattern: digest.value)), db)
        }
    }

    /// Commits, learns centroids of token vectors, joins the parts of the posting lists, and moves the index to its place.
    ///
    /// - Parameter pool: Its threads learn the centroids.
    public func finish(
        pool: ComputePool = .shared, progress: (Double) -> Void = { _ in }
    ) throws(RankingError) {
        if seenDocuments < resumedDocuments { throw otherInput() }
        try commit()
        try writer.begin()
        try writer.trainTokenVectors(pool: pool, progress: progress)
        try writer.rewrite(progress: progress)
        try commit()
        let unfinished = IndexBuild.unfinishedPath(for: path)
        if writer.settings.lateInteraction?.form.residualBits != nil {
            // The room of the vectors that waited for centroids. A build that is killed here is resumed at its end.
            try IndexFile.reporting(unfinished) {
                try writer.queue.writeWithoutTransaction { db in try IndexFile.vacuum(db, path: unfinished) }
            }
        }
        try writer.begin()
        try writer.commit { db in
            for property in [IndexProperty.buildInput, .buildDocuments, .buildDigest] { try property.remove(db) }
        }
        guard FileIdentity(path: unfinished) == identity else {
            throw RankingError(
                .busy, what: "\(unfinished) was replaced by another process.", why: "Two builds write to \(path).",
                fix: "Let one of them finish.")
        }
        try IndexFile.reporting(unfinished) {
            try writer.queue.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) }
        }
        try writer.close()
        if FileIdentity(path: path) != nil {
            try IndexBuild.holding(path) { () throws(RankingError) in try move(unfinished) }
        } else {
            try move(unfinished)
        }
    }

    /// Runs `body` while nobody else has the old index open: whoever writes into it now would write into nothing.
    private static func holding(_ path: String, _ body: () throws(RankingError) -> Void) throws(RankingError) {
        try IndexFile.reporting(path) {
            let old = try IndexFile.writable(path: path)
            try old.writeWithoutTransaction { db in
                // This moves what is in the write-ahead log into the file, and removes the log: the new index must not
                // find it.
                try db.execute(sql: "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE")
                try body()
                try db.execute(sql: "ROLLBACK")
            }
            try old.close()
        }
    }

    private func move(_ unfinished: String) throws(RankingError) {
        guard rename(unfinished, path) == 0 else {
            throw RankingError(
                .storage, what: "\(unfinished) cannot be moved to \(path).",
                why: "\(String(cString: strerror(errno))).",
                fix:
                    "Check the permissions of the folder; the index is whole, and moving it by hand finishes the build."
            )
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        // So that the new name survives a power failure too; some file systems have no such call.
        let descriptor = open(folder, O_RDONLY)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
    }
}

/// A number that depends on the ids of all documents so far and their order.
struct BuildDigest: Equatable {
    var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func append(_ id: String) {
        // FNV-1a; 0xff ends an id, since UTF-8 has no such byte.
        for byte in id.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        value = (value ^ 0xff) &* 0x100_0000_01b3
    }
}
