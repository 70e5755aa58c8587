import Foundation
import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Readers beside a writer")
struct IndexReadersTests {
    private static let groupSize = 20

    private static func entry(_ group: Int, _ number: Int) throws -> IndexEntry {
        var metadata = JSONObject()
        metadata["group"] = .number(JSONNumber(group))
        let filler = String(repeating: "filler ", count: number % 5)
        return IndexEntry(
            IndexDocument(id: "\(group)-\(number)", text: "common g\(group) \(filler)", metadata: metadata))
    }

    /// Every commit adds or deletes a whole group, or compacts.
    private static func write(_ path: String, commits: Int, seed: Int) throws {
        var random = SeededGenerator(seed: seed)
        var live: Set<Int> = []
        for _ in 0..<commits {
            let writer = try IndexWriter.open(path: path)
            if Int.random(in: 0..<6, using: &random) == 0 {
                try writer.compact()
                continue
            }
            try writer.begin()
            let group = Int.random(in: 0..<8, using: &random)
            for number in 0..<groupSize {
                if live.contains(group) {
                    #expect(try writer.delete(id: "\(group)-\(number)"))
                } else {
                    try writer.add(entry(group, number))
                }
            }
            try writer.commit()
            live.formSymmetricDifference([group])
        }
    }

    private struct Sight {
        var documents = 0
        var found = 0
        var byGroup: [Int] = []
    }

    @Test("see whole commits only, through several handles at the same time", arguments: 0..<3)
    func wholeCommits(seed: Int) async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/shared.resift"
        try IndexBuild(path: path, settings: IndexSettings(), input: "", replacing: false).finish()
        let isDone = Flag()
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for _ in 0..<3 {
                tasks.addTask {
                    let index = try SearchIndex.open(path: path)
                    var sights = 0
                    while await !isDone.isSet || sights < 3 {
                        let sight = try await index.read { snapshot in
                            var sight = Sight(documents: snapshot.documentCount)
                            sight.found = try snapshot.bm25("common", limit: 1_000, in: nil).count
                            for group in 0..<8 {
                                sight.byGroup.append(try snapshot.bm25("g\(group)", limit: 1_000, in: nil).count)
                            }
                            return sight
                        }
                        #expect(sight.documents == sight.found)
                        #expect(sight.byGroup.reduce(0, +) == sight.found)
                        #expect(sight.byGroup.allSatisfy { $0 == 0 || $0 == IndexReadersTests.groupSize })
                        sights += 1
                    }
                }
            }
            tasks.addTask {
                try IndexReadersTests.write(path, commits: 40, seed: seed)
                await isDone.set()
            }
            try await tasks.waitForAll()
        }
        #expect(try await SearchIndex.verify(path: path).problems == [])
    }

    private actor Flag {
        private(set) var isSet = false
        func set() { isSet = true }
    }
}
