public import Evaluation
import Inference
public import Ranking
import TextFiles

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A collection with judged queries, in BEIR's layout: `corpus.jsonl`, `queries.jsonl` and `qrels/SPLIT.tsv`, each also
/// compressed as `.gz`.
public struct JudgedDataset: Sendable {
    /// Absolute, with symbolic links resolved.
    public let directory: String
    public let split: String
    /// The last part of the directory.
    public var name: String { directory.split(separator: "/").last.map(String.init) ?? directory }
    /// The queries of the split that have judgements, in the order of the file.
    public let queries: [Query]
    public let qrels: Qrels
    /// Judged queries that queries.jsonl does not have; they count as queries for which nothing was found.
    public let queriesWithoutText: Int

    /// Throws `notFound` where the directory or one of its files is missing, and what the readers of the files throw.
    public init(directory: String, split: String = "test") throws(RankingError) {
        guard let resolved = realpath(directory, nil) else {
            throw RankingError(
                .notFound, what: "There is no dataset \(directory).", why: "\(String(cString: strerror(errno))).",
                fix: "Name a directory in BEIR's layout: corpus.jsonl, queries.jsonl, qrels/\(split).tsv.")
        }
        defer { free(resolved) }
        let root = String(cString: resolved)
        self.directory = root
        self.split = split
        qrels = try QrelsReader().qrels(
            in: .read(
                path: JudgedDataset.file(
                    "qrels/\(split)", ["tsv", "tsv.gz"], in: root,
                    why: "Its splits are: \(JudgedDataset.splits(root)).", fix: "Name one with --split.")))
        let all = try QueryReader().queries(
            in: .read(
                path: JudgedDataset.file(
                    "queries", ["jsonl", "jsonl.gz"], in: root, why: "The judged queries have no texts.",
                    fix: "Put one JSON object a line there: {\"_id\": \"1\", \"text\": \"...\"}.")))
        _ = try JudgedDataset.file(
            "corpus", ["jsonl", "jsonl.gz"], in: root, why: "There is nothing to search.",
            fix: "Put one JSON object a line there: {\"_id\": \"1\", \"title\": \"...\", \"text\": \"...\"}.")
        let judged = qrels
        queries = all.filter { judged[$0.id] != nil }
        queriesWithoutText = qrels.count - queries.count
        guard !queries.isEmpty else {
            throw RankingError(
                .invalidInput, what: "\(root): none of the \(qrels.count) judged queries is among the queries.",
                why: "The ids of qrels/\(split) and of queries.jsonl do not agree.",
                fix: "Check that both files are of one dataset.")
        }
    }

    /// The dataset with some of its queries, and no other judged ones.
    public func restricted(to kept: [Query]) -> JudgedDataset {
        let ids = Set(kept.map(\.id))
        return JudgedDataset(self, kept, qrels.filter { ids.contains($0.key) })
    }

    private init(_ whole: JudgedDataset, _ queries: [Query], _ qrels: Qrels) {
        directory = whole.directory
        split = whole.split
        self.queries = queries
        self.qrels = qrels
        queriesWithoutText = 0
    }

    private static func file(
        _ name: String, _ extensions: [String], in root: String, why: String, fix: String
    ) throws(RankingError) -> String {
        for kind in extensions {
            let path = "\(root)/\(name).\(kind)"
            if access(path, F_OK) == 0 { return path }
        }
        throw RankingError(
            .notFound, what: "\(root) has no \(extensions.map { "\(name).\($0)" }.joined(separator: " or ")).",
            why: why, fix: fix)
    }

    private static func splits(_ root: String) -> String {
        guard let folder = opendir("\(root)/qrels") else { return "none" }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: CChar.self, capacity: MemoryLayout.size(ofValue: entry.pointee.d_name)) {
                    String(cString: $0)
                }
            }
            for kind in [".tsv", ".tsv.gz"] where name.hasSuffix(kind) {
                names.append(String(name.dropLast(kind.count)))
            }
        }
        return names.isEmpty ? "none" : names.sorted().joined(separator: ", ")
    }
}
