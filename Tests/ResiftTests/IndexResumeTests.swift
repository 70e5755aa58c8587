import Foundation
import Ranking
import Resift
import TestSupport
import Testing

@Suite("A build that was interrupted goes on from its last commit")
struct IndexResumeTests {
    private struct Interruption: Error {}

    /// Documents in memory, that end with an error where they are told to.
    private struct Source: DocumentSource {
        var documents: ArraySlice<IndexDocument>
        var untilInterruption = Int.max
        var position: String { "the documents" }
        var progress: Double? { nil }

        mutating func next() throws -> IndexDocument? {
            guard untilInterruption > 0 else { throw Interruption() }
            untilInterruption -= 1
            return documents.popFirst()
        }
    }

    private static func documents(_ count: Int, _ prefix: String = "d") -> [IndexDocument] {
        (0..<count).map { IndexDocument(id: "\(prefix)\($0)", text: "all w\($0 % 7) w\($0 % 31) u\($0)") }
    }

    private func indexer(interval: Int) throws -> Indexer {
        var indexer = try Indexer(settings: IndexSettings(), embedder: nil)
        indexer.checkpointInterval = interval
        return indexer
    }

    private func build(
        _ path: String, _ documents: [IndexDocument], interval: Int, interruptedAfter: Int = Int.max,
        input: String = "input", replacing: Bool = true
    ) async throws -> IndexingReport {
        var source = Source(documents: documents[...], untilInterruption: interruptedAfter)
        return try await indexer(interval: interval).build(&source, input: input, to: path, replacing: replacing)
    }

    private func ranking(_ path: String) async throws -> [DocumentHit] {
        try await SearchIndex.open(path: path).read { try $0.bm25("all w3 u17 u900", limit: 10_000, in: nil) }
    }

    @Test(
        "documents that were committed are not added again, and the index is that of a build in one go",
        arguments: 0..<12)
    func resume(seed: Int) async throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/i.resift"
        let documents = IndexResumeTests.documents(2_000)
        let whole = folder.path + "/whole.resift"
        #expect(try await build(whole, documents, interval: 250_000).resumed == 0)
        _ = try await build(path, IndexResumeTests.documents(10, "old"), interval: 256)
        let old = try await ranking(path)
        var committed = 0
        for _ in 0..<random.int(in: 1...4) {
            let stop = random.int(in: 0...1_999)
            let interval = random.pick([256, 512])
            await #expect(throws: (any Error).self) {
                _ = try await build(path, documents, interval: interval, interruptedAfter: stop)
            }
            // Batches of 256 documents begin after what is committed; a batch that is cut short is lost.
            if stop > committed { committed += (stop - committed) / interval * interval }
            #expect(try await ranking(path) == old, "the index that was there")
        }
        let report = try await build(path, documents, interval: 256)
        #expect(report.resumed == committed)
        #expect(report.added == 2_000)
        #expect(try await ranking(path) == ranking(whole))
        let check = try await SearchIndex.verify(path: path)
        #expect(check.problems == [])
        #expect(check.documents == 2_000)
        #expect(!FileManager.default.fileExists(atPath: path + ".building"))
    }

    @Test(
        "a build of another input, or with other settings, begins anew; other documents of the same input are refused")
    func otherInput() async throws {
        let documents = IndexResumeTests.documents(600)
        func interrupted() async throws -> TemporaryFolder {
            let folder = try TemporaryFolder()
            await #expect(throws: Interruption.self) {
                try await build(folder.path + "/i.resift", documents, interval: 256, interruptedAfter: 550)
            }
            return folder
        }
        let first = try await interrupted()
        let renewed = try await build(first.path + "/i.resift", documents, interval: 256, input: "changed")
        #expect(renewed.resumed == 0 && renewed.added == 600)
        let second = try await interrupted()
        for changed in [IndexResumeTests.documents(600, "x"), IndexResumeTests.documents(300)] {
            let error = await #expect(throws: RankingError.self) {
                try await build(second.path + "/i.resift", changed, interval: 256)
            }
            #expect(error?.code == .invalidInput)
            #expect(error?.what.hasPrefix("The input changed since the build of") == true)
        }
        try IndexBuild.discardUnfinished(path: second.path + "/i.resift")
        let restarted = try await build(
            second.path + "/i.resift", IndexResumeTests.documents(600, "x"), interval: 256)
        #expect(restarted.resumed == 0)
        withExtendedLifetime((first, second)) {}
    }

    @Test("a corpus is another one when a file of it changed, inside a directory too")
    func fingerprint() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        try FileManager.default.createDirectory(
            atPath: folder.path + "/docs/sub", withIntermediateDirectories: true)
        try folder.write("docs/sub/a.txt", "one")
        try folder.write("c.jsonl", "{}")
        for (path, file) in [("docs", "docs/sub/a.txt"), ("c.jsonl", "c.jsonl")] {
            func fingerprint() throws -> String {
                try CorpusDocuments(CorpusReader(sources: [folder.path + "/" + path])).fingerprint
            }
            let before = try fingerprint()
            #expect(try fingerprint() == before)
            // In place, so that no directory changes.
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path + "/" + file))
            try handle.write(contentsOf: Data("three".utf8))
            try handle.close()
            #expect(try fingerprint() != before, "\(path)")
        }
    }
}
