import Foundation
import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Index file")
struct IndexFileTests {
    @Test("a built index finds what was put into it, and verifies")
    func buildAndSearch() async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/small.resift"
        let build = try IndexBuild(path: path, settings: IndexSettings(), input: "test", replacing: false)
        for (id, text) in [("a", "The cat sat on the mat"), ("b", "Dogs chase cats"), ("c", "Refund policy")] {
            #expect(try !build.isCommitted(id: id))
            try build.writer.add(IndexEntry(IndexDocument(id: id, text: text)))
        }
        try build.finish()
        #expect(!FileManager.default.fileExists(atPath: IndexBuild.unfinishedPath(for: path)))
        let index = try SearchIndex.open(path: path)
        let hits = try await index.read { try $0.bm25("cats", limit: 10, in: nil) }
        // Both have "cat" once; "b" is shorter (3 terms against 3: "cat sat mat"), so that ids decide.
        #expect(hits.map(\.id) == ["a", "b"])
        let check = try await SearchIndex.verify(path: path)
        #expect(check.problems == [])
        #expect(check.documents == 3)
    }

    @Test(
        "after any additions, deletions and compactions an index ranks as one that was built from what is left",
        arguments: 0..<12)
    func historyLeavesNoTrace(seed: Int) async throws {
        var random = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/history.resift"
        let build = try IndexBuild(path: path, settings: IndexSettings(analyzer: .unicode), input: "", replacing: false)
        var live: [String: IndexEntry] = [:]
        for number in 0..<Int.random(in: 0...300, using: &random) {
            let entry = randomEntry("d\(number)", &random)
            live[entry.document.id] = entry
            _ = try build.isCommitted(id: entry.document.id)
            try build.writer.add(entry)
            if Int.random(in: 0..<50, using: &random) == 0 { try build.checkpoint() }
        }
        try build.finish()
        let index = try SearchIndex.open(path: path)
        for _ in 0..<8 {
            let writer = try IndexWriter.open(path: path)
            if Int.random(in: 0..<4, using: &random) == 0 {
                try writer.compact()
            } else {
                try writer.begin()
                for _ in 0..<Int.random(in: 0...60, using: &random) {
                    let id = "d\(Int.random(in: 0..<400, using: &random))"
                    let deleted = try writer.delete(id: id)
                    #expect(deleted == (live.removeValue(forKey: id) != nil))
                    if Bool.random(using: &random) {
                        let entry = randomEntry(id, &random)
                        try writer.add(entry)
                        live[id] = entry
                    }
                }
                try writer.commit()
            }
            let check = try await SearchIndex.verify(path: path)
            #expect(check.problems == [])
            #expect(check.documents == live.count)
            try await expectSameRankings(index, live, &random)
        }
    }

    private func randomEntry(_ id: String, _ random: inout SeededGenerator) -> IndexEntry {
        // Few words, some far more frequent than others, so that lists have several blocks and scores are often equal.
        let words = (0..<Int.random(in: 1...40, using: &random)).map { _ in
            "w\(min(Int.random(in: 0..<60, using: &random), Int.random(in: 0..<60, using: &random)))"
        }
        let text = words.joined(separator: " ")
        let length = text.utf8.count
        guard length > 20, Bool.random(using: &random) else { return IndexEntry(IndexDocument(id: id, text: text)) }
        let cut = text.utf8.count / 2
        return IndexEntry(
            IndexDocument(id: id, title: "t\(id)", text: text), passages: [0..<cut, cut - 5..<length])
    }

    private func expectSameRankings(
        _ index: SearchIndex, _ live: [String: IndexEntry], _ random: inout SeededGenerator
    ) async throws {
        var builder = InvertedIndexBuilder(analyzer: .unicode)
        var owners: [String] = []
        for (id, entry) in live.sorted(by: { $0.key < $1.key }) {
            for passage in entry.passages {
                try builder.add(entry.document.passageText(passage))
                owners.append(id)
            }
        }
        let fresh = builder.finish()
        for _ in 0..<5 {
            let query = (0..<Int.random(in: 1...5, using: &random)).map { _ in
                "w\(Int.random(in: 0..<60, using: &random))"
            }.joined(separator: " ")
            let limit = Int.random(in: 1...30, using: &random)
            var best: [String: Double] = [:]
            for passage in try fresh.search(query, limit: Int.max) {
                let owner = owners[Int(passage.document)]
                best[owner] = max(best[owner] ?? 0, passage.score)
            }
            let expected = best.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.prefix(limit)
            let hits = try await index.read { try $0.bm25(query, limit: limit, in: nil) }
            #expect(hits.map(\.id) == expected.map(\.key))
            #expect(hits.map(\.score) == expected.map(\.value))
        }
    }
}
