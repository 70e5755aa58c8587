import Foundation
import GRDB
import Inference
import Ranking
import Reranking
import TestSupport
import Testing

@testable import ScoreCaches

@Suite("A file keeps scores")
struct SQLiteScoreCacheTests {
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/scores.db" }

    init() throws { folder = try TemporaryFolder() }

    private func open(
        maxBytes: Int = 1 << 30, timeToLive: Duration? = nil, clock: TestClock = TestClock()
    ) throws -> SQLiteScoreCache {
        try SQLiteScoreCache(
            .init(path: path, maxBytes: maxBytes, timeToLive: timeToLive), now: clock.now)
    }

    private func has(_ cache: SQLiteScoreCache, _ number: Int) async -> Bool {
        await cache.values(for: [TestScores.key(number)]) != [nil]
    }

    private func store(_ entries: [(key: ScoreKey, value: StoredScore)], in cache: SQLiteScoreCache) async {
        await cache.store(entries)
        await cache.flush()
    }

    @Test("what was stored is there for the next process, replaced values as they are now")
    func persistence() async throws {
        let first = try open()
        await store(TestScores.entries(0..<1_000), in: first)
        await store([(TestScores.key(5), TestScores.score(5, passages: 3))], in: first)
        #expect(first.tiers[0].entries == 1_000)
        await first.close()
        #expect(await has(first, 1) == false)
        let second = try open()
        let found = await second.values(for: (0..<1_001).map(TestScores.key))
        #expect(found[5] == TestScores.score(5, passages: 3))
        #expect(found[999] == TestScores.score(999))
        #expect(found[1_000] == nil)
        #expect(
            second.tiers == [
                CacheTierStatistics(
                    tier: "sqlite", hits: 1_000, misses: 1, entries: 1_000, bytes: first.tiers[0].bytes)
            ])
        await second.close()
    }

    @Test("a score is gone when its time is over")
    func timeToLive() async throws {
        let clock = TestClock()
        let cache = try open(timeToLive: .seconds(60), clock: clock)
        await store(TestScores.entries(0..<1), in: cache)
        clock.advance(59)
        #expect(await has(cache, 0))
        clock.advance(1)
        #expect(await has(cache, 0) == false)
        await cache.close()
    }

    @Test("reading writes nothing until scores are stored; what was used longest ago makes place")
    func leastRecentlyUsed() async throws {
        let clock = TestClock()
        let each =
            (StoredScoreCoding.bytes(of: TestScores.score(1), key: TestScores.key(1))?.count ?? 0) + ScoreFile.rowBytes
        let cache = try open(maxBytes: 100 * each, clock: clock)
        await store(TestScores.entries(0..<50), in: cache)
        clock.advance(10)
        await store(TestScores.entries(50..<100), in: cache)
        clock.advance(SQLiteScoreCache.useInterval)
        let reader = try DatabaseQueue(path: path)
        func changes() throws -> Int { try reader.read { try Int.fetchOne($0, sql: "PRAGMA data_version") ?? 0 } }
        let before = try changes()
        for number in 0..<40 { #expect(await has(cache, number)) }
        #expect(try changes() == before)
        clock.advance(10)
        // One more than fits: a tenth makes place, the oldest in use first.
        await store(TestScores.entries(100..<101), in: cache)
        #expect(try changes() != before)
        let found = await cache.values(for: (0..<101).map(TestScores.key))
        #expect(found[0..<40].allSatisfy { $0 != nil })
        #expect(found[40..<50].allSatisfy { $0 == nil })
        #expect(found[100] != nil)
        let statistics = cache.tiers[0]
        #expect(statistics.evictions == 101 - (statistics.entries ?? 0))
        #expect(statistics.bytes ?? .max <= 100 * each)
        try reader.close()
        await cache.close()
    }

    @Test("under any calls the totals are those of the rows, and within the limit", arguments: 0..<10 as Range<UInt64>)
    func property(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let clock = TestClock()
        let maxBytes = 20_000
        let cache = try open(maxBytes: maxBytes, timeToLive: random.oneIn(2) ? .seconds(40) : nil, clock: clock)
        var expected: [Int: StoredScore] = [:]
        for _ in 0..<40 {
            clock.advance(Int64(random.int(in: 0...20)))
            let numbers = (0..<random.int(in: 1...20)).map { _ in random.int(in: 0...120) }
            if random.oneIn(2) {
                let found = await cache.values(for: numbers.map(TestScores.key))
                // It may be gone, but what is there is right.
                for (number, value) in zip(numbers, found) where value != nil { #expect(value == expected[number]) }
            } else {
                let entries = numbers.map { number in
                    let score = TestScores.score(number, passages: random.int(in: 1...9))
                    expected[number] = score
                    return (key: TestScores.key(number), value: score)
                }
                await store(entries, in: cache)
                let (rows, bytes) = try await DatabaseQueue(path: path).read { db in
                    let row = try #require(
                        try Row.fetchOne(db, sql: "SELECT count(*), total(length(value)) FROM score"))
                    return (row[0] as Int, Int(row[1] as Double))
                }
                #expect(cache.tiers[0].entries == rows)
                #expect(cache.tiers[0].bytes == bytes + rows * ScoreFile.rowBytes)
                #expect(cache.tiers[0].bytes ?? .max <= maxBytes)
            }
        }
        #expect(cache.tiers[0].failures == [:])
        await cache.close()
    }

    @Test("the file is about as large as the limit says")
    func fileSize() async throws {
        let maxBytes = 2 << 20
        let cache = try open(maxBytes: maxBytes)
        for start in stride(from: 0, to: 30_000, by: 2_000) {
            await store(TestScores.entries(start..<start + 2_000), in: cache)
        }
        await cache.close()
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        #expect(size > maxBytes / 2 && size < maxBytes * 3 / 2, "\(size)")
    }

    // MARK: Two processes

    /// The program of Tests/ScoreCacheWriter, built beside the tests.
    private func writer(_ first: Int, _ count: Int) throws -> (Process, FileHandle) {
        #if os(Linux)
            let tests = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        #else
            let tests =
                Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL ?? Bundle.main.bundleURL
        #endif
        let process = Process()
        process.executableURL = tests.deletingLastPathComponent().appendingPathComponent("ScoreCacheWriter")
        process.arguments = [path, "\(first)", "\(count)"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        return (process, pipe.fileHandleForReading)
    }

    @Test("two processes write and read the same file at once")
    func twoProcesses() async throws {
        // Both make the file.
        let processes = try [writer(0, 2_000), writer(1_000, 2_000)]
        let cache = try open()
        var seen = 0
        while processes.contains(where: \.0.isRunning) {
            let found = await cache.values(for: (0..<3_000).map(TestScores.key))
            for (number, value) in found.enumerated() where value != nil {
                #expect(value == TestScores.score(number))
            }
            seen = found.count { $0 != nil }
            await store(TestScores.entries(5_000..<5_010), in: cache)
        }
        for (process, output) in processes {
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            let text = String(decoding: output.readDataToEndOfFile(), as: UTF8.self)
            #expect(text.hasSuffix("failures [:]\n"), "\(text.suffix(200))")
        }
        #expect(seen <= 3_000)
        #expect(await cache.values(for: (0..<3_000).map(TestScores.key)).allSatisfy { $0 != nil })
        #expect(cache.tiers[0].failures == [:])
        await cache.close()
    }

    @Test("SIGKILL in the middle of writing leaves a whole file", arguments: [0, 1, 2])
    func killed(round: Int) async throws {
        let (process, output) = try writer(0, 1_000_000)
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

    // MARK: Bad files

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
