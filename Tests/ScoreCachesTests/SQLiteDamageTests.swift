import Foundation
import GRDB
import Inference
import Ranking
import Reranking
import TestSupport
import Testing

@testable import ScoreCaches

@Suite("A file that is damaged, full or somebody else's costs no call")
struct SQLiteDamageTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/scores.db" }

    init() throws { folder = try TemporaryFolder() }

    private func open() throws -> SQLiteScoreCache { try SQLiteScoreCache(.init(path: path)) }

    private func store(_ entries: [(key: ScoreKey, value: StoredScore)], in cache: SQLiteScoreCache) async {
        await cache.store(entries)
        await cache.flush()
    }

    @Test("SIGKILL in the middle of writing leaves a whole file", arguments: [0, 1, 2])
    func killed(round: Int) async throws {
        let (process, output) = try OtherProcess.writer(path, 0, 1_000_000)
        var lines = 0
        // It is writing the next ones while this reads.
        while lines < 3 * (round + 1) {
            let data = output.availableData
            if data.isEmpty { break }
            lines += data.count { $0 == 0x0A }
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let check = try await DatabaseQueue(path: path).read { try String.fetchOne($0, sql: "PRAGMA integrity_check") }
        #expect(check == "ok")
        let cache = try open()
        let found = await cache.values(for: (0..<50 * lines).map(TestScores.key))
        #expect(found == (0..<50 * lines).map { TestScores.score($0) })
        await store(TestScores.entries(2_000_000..<2_000_010), in: cache)
        #expect(cache.tiers[0].failures == [:])
        await cache.close()
    }

    @Test("another program's file is refused, and left as it is")
    func foreignFiles() async throws {
        try folder.write("notes.txt", String(repeating: "my only copy\n", count: 1_000))
        let database = try DatabaseQueue(path: folder.path + "/other.db")
        try await database.write { try $0.execute(sql: "CREATE TABLE mine (a); INSERT INTO mine VALUES (1)") }
        try database.close()
        for name in ["notes.txt", "other.db"] {
            let file = folder.path + "/" + name
            let before = try Data(contentsOf: URL(fileURLWithPath: file))
            let error = #expect(throws: RankingError.self) { try SQLiteScoreCache(.init(path: file)) }
            #expect(error?.code == .corruptFile)
            #expect(try Data(contentsOf: URL(fileURLWithPath: file)) == before)
        }
    }

    @Test("a file of another version is refused")
    func otherVersion() async throws {
        let cache = try open()
        await cache.close()
        let database = try DatabaseQueue(path: path)
        try await database.write { try $0.execute(sql: "PRAGMA user_version = 2") }
        try database.close()
        let error = #expect(throws: RankingError.self) { try open() }
        #expect(error?.what.contains("version 2") == true)
    }

    @Test("a folder that is missing, or is no folder, is an error that says so")
    func noFolder() {
        for path in ["/nowhere/at/all/scores.db", "/proc/scores.db", folder.path] {
            let error = #expect(throws: RankingError.self) { try SQLiteScoreCache(.init(path: path)) }
            #expect(error?.code == .storage)
            #expect(error?.what.contains(path) == true)
        }
    }

    @Test("a damaged file is a miss, moved aside, and a new one takes its place", arguments: 0..<6 as Range<UInt64>)
    func damaged(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let first = try open()
        await store(TestScores.entries(0..<5_000), in: first)
        await first.close()
        // Everything behind the first page is noise: the header still says whose file it is.
        try folder.editBytes(path) { bytes in
            for place in 4_096..<bytes.count where random.oneIn(2) { bytes[place] = UInt8(random.int(in: 0...255)) }
        }
        let cache = try open()
        let keys = (0..<5_000).map(TestScores.key)
        for (number, value) in await cache.values(for: keys).enumerated() where value != nil {
            #expect(value == TestScores.score(number))
        }
        await store(TestScores.entries(0..<100), in: cache)
        await store(TestScores.entries(0..<100), in: cache)
        #expect(await cache.values(for: Array(keys.prefix(100))) == (0..<100).map { TestScores.score($0) })
        #expect((cache.tiers[0].failures[.damaged] ?? 0) > 0)
        #expect(FileManager.default.fileExists(atPath: path + ".damaged"))
        await cache.close()
        let again = try open()
        #expect(await again.values(for: [keys[0]]) == [TestScores.score(0)])
        #expect(again.tiers[0].failures == [:])
        await again.close()
    }

    @Test("a value that was changed in the file is a miss, and is counted")
    func damagedValue() async throws {
        let cache = try open()
        await store(TestScores.entries(0..<3), in: cache)
        try await DatabaseQueue(path: path).write { db in
            try db.execute(
                sql: "UPDATE score SET value = x'00' WHERE key = ?", arguments: [Data(TestScores.key(1).bytes)])
        }
        #expect(
            await cache.values(for: (0..<3).map(TestScores.key)) == [TestScores.score(0), nil, TestScores.score(2)])
        #expect(cache.tiers[0].failures == [.damaged: 1])
        await cache.close()
    }

    @Test(
        "what the system refuses is counted by its kind, and costs no call",
        .enabled(if: FileSystems.canBeMounted, "nobody but root can mount a file system"))
    func refusals() async throws {
        // A file system of 1 MB, which is then full, and then read-only.
        let disk = folder.path + "/disk"
        try FileManager.default.createDirectory(atPath: disk, withIntermediateDirectories: true)
        try #require(try FileSystems.run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk) == 0)
        defer { _ = try? FileSystems.run("umount", "-l", disk) }
        let cache = try SQLiteScoreCache(.init(path: disk + "/scores.db"))
        await store(TestScores.entries(0..<20), in: cache)
        for start in stride(from: 1_000, to: 20_000, by: 1_000) {
            await store(TestScores.entries(start..<start + 1_000), in: cache)
        }
        #expect((cache.tiers[0].failures[.full] ?? 0) + (cache.tiers[0].failures[.storage] ?? 0) > 0)
        #expect(await cache.values(for: [TestScores.key(3)]) == [TestScores.score(3)])
        await cache.close()
        try #require(try FileSystems.run("mount", "-o", "remount,ro", disk) == 0)
        let error = #expect(throws: RankingError.self) { try SQLiteScoreCache(.init(path: disk + "/new.db")) }
        #expect(error?.code == .storage)
    }
}

/// Small file systems for tests that fill them up.
private enum FileSystems {
    static let canBeMounted: Bool = {
        guard let folder = try? TemporaryFolder(), (try? run("mount", "-t", "tmpfs", "tmpfs", folder.path)) == 0 else {
            return false
        }
        return (try? run("umount", folder.path)) == 0
    }()

    /// The status of a command.
    static func run(_ arguments: String...) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}
