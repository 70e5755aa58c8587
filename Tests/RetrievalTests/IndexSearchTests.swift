import Foundation
import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Search of an index file")
struct IndexSearchTests {
    private func randomVector(_ dimension: Int, _ random: inout SeededGenerator) -> [Float] {
        (0..<dimension).map { _ in Float.random(in: -1...1, using: &random) }
    }

    @Test(
        "dense hits are the exact best by the fp32 vectors, after additions, deletions and compaction", arguments: 0..<6
    )
    func dense(seed: Int) async throws {
        var random = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/dense.resift"
        let dimension = 8
        var settings = IndexSettings(analyzer: .unicode)
        settings.embedder = EmbedderDescription(
            directory: "nowhere", dimension: dimension, probe: randomVector(dimension, &random))
        try IndexBuild(path: path, settings: settings, input: "", replacing: false).finish()
        var vectors: [String: [[Float]]] = [:]
        let index = try SearchIndex.open(path: path)
        for round in 0..<4 {
            let writer = try IndexWriter.open(path: path)
            try writer.begin()
            for number in 0..<Int.random(in: 100...3_000, using: &random) {
                let own = (0..<Int.random(in: 1...2, using: &random)).map { _ in randomVector(dimension, &random) }
                let id = "\(round)-\(number)"
                let passages = own.count == 1 ? [0..<4] : [0..<2, 2..<4]
                try writer.add(IndexEntry(IndexDocument(id: id, text: "word"), passages: passages, vectors: own))
                vectors[id] = own
            }
            for id in vectors.keys.sorted() where Int.random(in: 0..<5, using: &random) == 0 {
                #expect(try writer.delete(id: id))
                vectors[id] = nil
            }
            try writer.commit()
            if round == 2 { try writer.compact() }
            #expect(try await SearchIndex.verify(path: path).problems == [])
            let query = randomVector(dimension, &random)
            let hits = try await index.read { try $0.dense(query, limit: 20, in: nil) }
            let expected = vectors.mapValues { own in own.map { DenseScan.dot(query, $0[...]) }.max() ?? 0 }
                .sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.prefix(20)
            #expect(hits.map(\.id) == expected.map(\.key))
            #expect(hits.map(\.score) == expected.map(\.value))
        }
    }

    @Test("vectors of another dimension, or none, are refused, and nothing of their document is kept")
    func otherDimension() throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        var settings = IndexSettings()
        settings.embedder = EmbedderDescription(directory: "nowhere", dimension: 3, probe: [1, 0, 0])
        let build = try IndexBuild(path: folder.path + "/d.resift", settings: settings, input: "", replacing: false)
        for vectors in [[], [[1, 2]], [[1, 2, 3], [1, 2, 3]]] as [[[Float]]] {
            let error = #expect(throws: RankingError.self) {
                try build.writer.add(IndexEntry(IndexDocument(id: "a", text: "text"), vectors: vectors))
            }
            #expect(error?.what.contains("Document \"a\" has") == true)
        }
        try build.writer.add(IndexEntry(IndexDocument(id: "a", text: "text"), vectors: [[1, 2, 3]]))
        #expect(build.writer.documents == 1)
    }

    @Test("another model than the one that built the index is told apart by one sentence's vector")
    func otherModel() throws {
        let description = EmbedderDescription(directory: "built-with", dimension: 2, probe: [3, 4])
        try description.check(dimension: 2, probe: [3.001, 4], directory: "same")
        for (dimension, probe) in [(3, [3, 4, 0]), (2, [4, 3]), (2, [0, 0])] as [(Int, [Float])] {
            let error = #expect(throws: RankingError.self) {
                try description.check(dimension: dimension, probe: probe, directory: "other")
            }
            #expect(error?.code == .invalidInput)
            #expect(error?.description.contains("built-with") == true)
        }
    }

    @Test("the explanation's root is the score, and each term the product of its parts", arguments: 0..<5)
    func explanation(seed: Int) async throws {
        var random = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/e.resift"
        let build = try IndexBuild(path: path, settings: IndexSettings(), input: "", replacing: false)
        for number in 0..<50 {
            let words = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                "word\(Int.random(in: 0..<20, using: &random))"
            }
            let text = words.joined(separator: " ")
            let cut = text.utf8.count / 2
            try build.writer.add(
                IndexEntry(
                    IndexDocument(id: "\(number)", title: "word1", text: text),
                    passages: number % 2 == 0 ? nil : [0..<cut, cut..<text.utf8.count]))
        }
        try build.finish()
        let index = try SearchIndex.open(path: path)
        let query = "word1 word2 word2 word3 absent"
        for lengths in LengthEncoding.allCases {
            let bm25 = try BM25(lengths: lengths)
            try await index.read { snapshot in
                for hit in try snapshot.bm25(query, bm25: bm25, limit: 50, in: nil) {
                    let stored = try snapshot.documents([hit.first])[0]
                    let tree = try snapshot.explain(query, passage: hit.passage, of: stored, bm25: bm25)
                    #expect(tree.value == hit.score)
                    for term in tree.children {
                        let product = term.children.reduce(1) { $0 * $1.value }
                        #expect(abs(product - term.value) <= 0x1p-32)
                    }
                }
            }
        }
    }

    @Test("an interrupted build goes on where it was, and refuses another input")
    func resume() async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/r.resift"
        let entries = (0..<100).map { IndexEntry(IndexDocument(id: "d\($0)", text: "word number\($0)")) }
        do {
            let build = try IndexBuild(path: path, settings: IndexSettings(), input: "one", replacing: false)
            for entry in entries[..<60] {
                #expect(try !build.isCommitted(id: entry.document.id))
                try build.writer.add(entry)
            }
            try build.checkpoint()
            for entry in entries[60..<80] {
                _ = try build.isCommitted(id: entry.document.id)
                try build.writer.add(entry)
            }
            // What was not committed is lost, as by SIGKILL.
            try build.writer.rollback()
            try build.writer.close()
        }
        do {
            let other = try IndexBuild(path: path, settings: IndexSettings(), input: "one", replacing: false)
            #expect(other.resumedDocuments == 60)
            let error = #expect(throws: RankingError.self) {
                for number in 0..<100 { _ = try other.isCommitted(id: "x\(number)") }
            }
            #expect(error?.what.contains("changed since") == true)
            try other.writer.rollback()
            try other.writer.close()
        }
        let build = try IndexBuild(path: path, settings: IndexSettings(), input: "one", replacing: false)
        for entry in entries where try !build.isCommitted(id: entry.document.id) { try build.writer.add(entry) }
        try build.finish()
        let check = try await SearchIndex.verify(path: path)
        #expect(check.problems == [])
        #expect(check.documents == 100)
        let begunAnew = try IndexBuild(path: path, settings: IndexSettings(), input: "two", replacing: true)
        #expect(begunAnew.resumedDocuments == 0)
    }
}
