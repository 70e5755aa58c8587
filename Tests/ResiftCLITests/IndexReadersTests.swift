import Foundation
import Resift
import TestSupport
import Testing

/// Each commit adds, deletes or replaces whole groups of documents that carry one word and one tag. A reader that sees a
/// part of a group has seen a part of a commit.
@Suite("Readers see each commit whole or not at all", .blocking, .serialized)
struct IndexReadersTests {
    private static let groupSize = 50
    private static let groups = 6

    private static func group(_ number: Int, version: Int) -> [String] {
        (0..<groupSize).map { place in
            #"{"_id": "g\#(number)-\#(place)", "text": "all group\#(number) v\#(version)", "tag": "t\#(number)", "#
                + #""version": \#(version)}"#
        }
    }

    private func index() throws -> TestIndex {
        try TestIndex(
            (0..<IndexReadersTests.groups).flatMap { IndexReadersTests.group($0, version: 0) },
            ["--passage-tokens", "0"])
    }

    /// Adds, replaces, deletes and compacts with the command, a random sequence of commits, until enough was read. On a
    /// thread of its own: other tests keep those of tasks busy.
    private func write(_ index: TestIndex, rounds: Int, seed: UInt64, _ reading: Reading) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            Thread.detachNewThread {
                continuation.resume(with: Result { try write(index, rounds: rounds, seed: seed, reading) })
            }
        }
    }

    private func write(_ index: TestIndex, rounds: Int, seed: UInt64, _ reading: Reading) throws {
        defer { reading.end() }
        var random = SeededGenerator(seed: seed)
        var there = Set(0..<IndexReadersTests.groups)
        for version in 1...20 * rounds where version <= rounds || reading.count < 60 {
            let number = random.int(in: 0...IndexReadersTests.groups - 1)
            let lines = IndexReadersTests.group(number, version: version)
            switch random.int(in: 0...5) {
            case 0, 1:
                guard there.remove(number) != nil else { continue }
                let ids = (0..<IndexReadersTests.groupSize).map { "g\(number)-\($0)" }
                try expectSuccess(index.delete(ids))
            case 2: try expectSuccess(index.look("compact"))
            default:
                try expectSuccess(index.add(lines, ["--existing", "update"]))
                there.insert(number)
            }
        }
    }

    /// What one read sees.
    private struct Sight: Sendable, Equatable {
        var documents: Int
        /// Documents of each group: by its word, by its tag, by their ids.
        var byWord: [Int] = []
        var byTag: [Int] = []
        var byID: [Int] = []
        /// The versions of a group's documents.
        var versions: [Set<String>] = []

        var isWhole: Bool {
            byWord == byTag && byTag == byID && byWord.allSatisfy { $0 == 0 || $0 == IndexReadersTests.groupSize }
                && byWord.reduce(0, +) == documents && versions.allSatisfy { $0.count <= 1 }
        }

        init(_ snapshot: borrowing IndexSnapshot) throws {
            documents = snapshot.documentCount
            for number in 0..<IndexReadersTests.groups {
                let hits = try snapshot.bm25("group\(number)", limit: 10_000, in: nil)
                byWord.append(hits.count)
                let found = try snapshot.documents(hits.map(\.first))
                versions.append(Set(found.map(\.document.text)))
                let passages = try snapshot.passages(matching: Filter(parsing: "tag = t\(number) or version < 0"))
                byTag.append(try snapshot.bm25("all", limit: 10_000, in: passages).count)
                byID.append(
                    try (0..<IndexReadersTests.groupSize).count {
                        try snapshot.document(id: "g\(number)-\($0)") != nil
                    })
            }
        }
    }

    @Test("handles in this process, while commands change the file", arguments: [1])
    func handles(seed: UInt64) async throws {
        let index = try index()
        defer { withExtendedLifetime(index.folder) {} }
        let reading = Reading()
        let path = index.path
        let seen = try await withThrowingTaskGroup(of: (reads: Int, sights: Int).self) { group in
            for _ in 0..<2 {
                // The first sight comes before the first commit, and the last after the last, however busy the machine is.
                let handle = try SearchIndex.open(path: path)
                let first = try await handle.read { try Sight($0) }
                #expect(first.isWhole, "\(first)")
                group.addTask {
                    var (reads, sights) = (1, 1)
                    var last = first
                    var isLast = false
                    while !isLast || reads <= 5 {
                        isLast = !reading.goesOn()
                        let sight = try await handle.read { try Sight($0) }
                        #expect(sight.isWhole, "\(sight)")
                        reads += 1
                        sights += sight == last ? 0 : 1
                        last = sight
                    }
                    return (reads, sights)
                }
            }
            try await write(index, rounds: 40, seed: seed, reading)
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(seen.allSatisfy { $0.reads > 5 && $0.sights > 1 }, "\(seen)")
        try await index.expectWhole(documents: SearchIndex.open(path: path).read { $0.documentCount })
    }

    @Test("commands that search, while others change the file", arguments: [2])
    func commands(seed: UInt64) async throws {
        let index = try index()
        defer { withExtendedLifetime(index.folder) {} }
        let reading = Reading()
        let seen = try await withThrowingTaskGroup(of: [String: Int].self) { group in
            for reader in 0..<2 {
                group.addTask {
                    try await Task.detached {
                        var random = SeededGenerator(seed: seed &+ UInt64(reader))
                        var seen: [String: Int] = [:]
                        while reading.goesOn() {
                            let number = random.int(in: 0...IndexReadersTests.groups - 1)
                            let output = try index.search(
                                "group\(number)", ["--no-rerank", "--limit", "1000", "--format", "tsv"])
                            #expect(output.status == 0, "\(output.stderr)")
                            let columns = output.lines.map { $0.split(separator: "\t").map(String.init) }
                            #expect([0, IndexReadersTests.groupSize].contains(columns.count))
                            let texts = Set(columns.map { $0[3] })
                            #expect(texts.count <= 1, "\(texts)")
                            seen[texts.first ?? "none", default: 0] += 1
                            // The one that writes needs a thread, too.
                            await Task.yield()
                        }
                        return seen
                    }.value
                }
            }
            try await write(index, rounds: 25, seed: seed, reading)
            return try await group.reduce(into: []) { $0.append($1) }
        }
        print("what each reader saw: \(seen)")
        #expect(seen.allSatisfy { $0.values.reduce(0, +) > 2 }, "\(seen)")
    }

    @Test("a handle sees every commit of a command, also after another handle on the file was opened and closed")
    func secondHandle() async throws {
        let index = try index()
        defer { withExtendedLifetime(index.folder) {} }
        let handle = try SearchIndex.open(path: index.path)
        for version in 1...6 {
            #expect(try await handle.read { try Sight($0) }.isWhole)
            // Opening and closing must not take away the locks by which commands know that somebody reads.
            _ = try await SearchIndex.open(path: index.path).read { $0.documentCount }
            try expectSuccess(
                index.add(IndexReadersTests.group(1, version: version), ["--existing", "update"]))
            let sight = try await handle.read { try Sight($0) }
            #expect(sight.isWhole)
            #expect(sight.versions[1] == ["all group1 v\(version)"])
        }
    }

    @Test("one of two commands that write at the same time waits or is refused as busy, and the index stays whole")
    func twoWriters() async throws {
        let index = try index()
        defer { withExtendedLifetime(index.folder) {} }
        let outputs = try await withThrowingTaskGroup(of: Resift.Output.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    let lines = (0..<3_000).map { #"{"_id": "w\#(writer)-\#($0)", "text": "all writer\#(writer)"}"# }
                    let file = try index.file(lines, "writer\(writer).jsonl")
                    return try index.run("add", [file, "--index", index.path])
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outputs.allSatisfy { $0.status == 0 || $0.status == 75 }, "\(outputs.map(\.stderr))")
        let added = outputs.count { $0.status == 0 }
        #expect(added > 0)
        try index.expectWhole(documents: IndexReadersTests.groups * IndexReadersTests.groupSize + 3_000 * added)
    }

    @Test("a handle that is open while the index is built anew sees the old one or the new one, and nothing between")
    func replaced() async throws {
        let index = try index()
        defer { withExtendedLifetime(index.folder) {} }
        let handle = try SearchIndex.open(path: index.path)
        let before = try await handle.read { try Sight($0) }
        let output = try index.build([#"{"_id": "new", "text": "all new"}"#], ["--replace"])
        // A command cannot replace what somebody reads, or it does, and the reader keeps what it had.
        #expect(output.status == 0 || output.status == 75, "\(output.stderr)")
        let after = try await handle.read { try Sight($0) }
        #expect(after == before || after.documents == 1)
        try index.expectWhole(documents: output.status == 0 ? 1 : before.documents)
    }
}

/// How much was read, and whether there is more to come.
private final class Reading: @unchecked Sendable {
    private let lock = NSLock()
    private var reads = 0
    private var isDone = false

    var count: Int { lock.withLock { reads } }
    func end() { lock.withLock { isDone = true } }

    /// Counts a read that begins; false after the end.
    func goesOn() -> Bool {
        lock.withLock {
            reads += 1
            return !isDone
        }
    }
}
