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

    @Test("two processes write and read the same file at once")
    func twoProcesses() async throws {
        // Both make the file.
        let processes = try [OtherProcess.writer(path, 0, 2_000), OtherProcess.writer(path, 1_000, 2_000)]
        let cache = try open()
        while processes.contains(where: { $0.0.isRunning }) {
            let found = await cache.values(for: (0..<3_000).map(TestScores.key))
            for (number, value) in found.enumerated() where value != nil {
                #expect(value == TestScores.score(number))
            }
            await store(TestScores.entries(5_000..<5_010), in: cache)
        }
        for (process, output) in processes {
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            let text = String(decoding: output.readDataToEndOfFile(), as: UTF8.self)
            #expect(text.hasSuffix("failures [:]\n"), "\(text.suffix(200))")
        }
        #expect(await cache.values(for: (0..<3_000).map(TestScores.key)).allSatisfy { $0 != nil })
        #expect(cache.tiers[0].failures == [:])
        await cache.close()
    }
}
