import Foundation
import GRDB
import Inference
import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Token vectors in an index file")
struct TokenVectorIndexTests {
    private static let dimension = 16
    private let folder: TemporaryFolder
    private var path: String { folder.path + "/tokens.resift" }

    init() throws { folder = try TemporaryFolder() }

    /// Looks at every passage, and scores every passage exactly.
    private let everything = LateInteractionProbing(centroids: Centroids.maxCount, exact: 1_000_000)

    private func entry(_ id: String, _ maker: inout TokenVectorMaker, year: Int = 0) -> IndexEntry {
        var random = maker.random
        let isSplit = Int.random(in: 0..<4, using: &random) == 0
        var metadata = JSONObject()
        metadata["year"] = .number(JSONNumber(year))
        let document = IndexDocument(id: id, text: "word", metadata: metadata)
        return isSplit
            ? IndexEntry(document, passages: [0..<2, 2..<4], tokenVectors: [maker.passage(), maker.passage()])
            : IndexEntry(document, tokenVectors: [maker.passage()])
    }

    private func build(
        _ form: TokenVectorForm, documents: Int, _ maker: inout TokenVectorMaker
    ) throws -> [String: IndexEntry] {
        let build = try IndexBuild(path: path, settings: maker.settings(form), input: "", replacing: true)
        var entries: [String: IndexEntry] = [:]
        for number in 0..<documents {
            let entry = entry("d\(number)", &maker, year: number % 5)
            _ = try build.isCommitted(id: entry.document.id)
            try build.writer.add(entry)
            entries[entry.document.id] = entry
        }
        try build.finish()
        return entries
    }

    private func best(
        _ entries: [String: IndexEntry], _ query: [Float], limit: Int
    ) -> [(id: String, score: Double)] {
        let scores = entries.mapValues { entry in
            entry.tokenVectors.map { TokenVectorMaker.maxSim(query, $0, dimension: Self.dimension) }.max() ?? 0
        }
        return scores.sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }.prefix(limit)
            .map { ($0.key, $0.value) }
    }

    @Test(
        "hits are the exact best, after additions, deletions and compaction; what is added has a place among the centroids",
        arguments: TokenVectorForm.allCases)
    func exhaustive(form: TokenVectorForm) async throws {
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 30, seed: 1)
        var entries = try build(form, documents: 300, &maker)
        let index = try SearchIndex.open(path: path)
        var random = SeededGenerator(seed: 2)
        for round in 0..<4 {
            #expect(try await SearchIndex.verify(path: path).problems == [])
            for _ in 0..<3 {
                let query = maker.passage(tokens: 4...12)
                let hits = try await index.read { [everything] in
                    try $0.lateInteraction(query, limit: 10, probing: everything, in: nil)
                }
                let expected = best(entries, query, limit: 10)
                switch form {
                case .float32, .float16:
                    #expect(hits.map(\.id) == expected.map(\.id))
                    for (hit, other) in zip(hits, expected) { #expect(abs(hit.score - other.score) < 0.01) }
                case .int8, .residual4:
                    for (hit, other) in zip(hits, expected) { #expect(abs(hit.score - other.score) < 0.4) }
                case .residual2:
                    #expect(!Set(hits.map(\.id)).isDisjoint(with: expected.map(\.id)))
                }
                let scores = try await index.read { try $0.maxSim(query, documents: hits.map(\.id) + ["none", ""]) }
                #expect(scores.map { $0.map { Double($0.score) } } == hits.map(\.score) + [nil, nil])
                #expect(scores.dropLast(2).map { $0?.passages } == hits.map { entries[$0.id]?.passages.count })
            }
            let writer = try IndexWriter.open(path: path)
            try writer.begin()
            for id in entries.keys.sorted() where Int.random(in: 0..<4, using: &random) == 0 {
                #expect(try writer.delete(id: id))
                entries[id] = nil
            }
            for number in 0..<100 {
                let entry = entry("r\(round)-\(number)", &maker)
                try writer.add(entry)
                entries[entry.document.id] = entry
            }
            try writer.commit()
            if round == 1 { try writer.compact() }
        }
    }

    @Test("probing a few centroids finds nearly what looking at everything finds, the same on any number of threads")
    func probing() async throws {
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 200, seed: 3)
        // More than one chunk.
        _ = try build(.residual4, documents: 5_000, &maker)
        let index = try SearchIndex.open(path: path)
        let (one, three) = (ComputePool(threads: 1), ComputePool(threads: 3))
        defer { for pool in [one, three] { pool.shutDown() } }
        var found = 0
        for _ in 0..<10 {
            let query = maker.passage(tokens: 8...8, noise: 0.3)
            let probing = LateInteractionProbing(centroids: 4, exact: 400)
            let hits = try await index.read {
                try $0.lateInteraction(query, limit: 20, probing: probing, in: nil, pool: one)
            }
            let again = try await index.read {
                try $0.lateInteraction(query, limit: 20, probing: probing, in: nil, pool: three)
            }
            #expect(hits == again)
            let all = try await index.read { [everything] in
                try $0.lateInteraction(query, limit: 20, probing: everything, in: nil)
            }
            found += Set(hits.map(\.id)).intersection(all.map(\.id)).count
            let seen = try await index.read { snapshot in
                try snapshot.lateInteractionSearch(query, limit: 20, probing: probing, in: nil).candidates(on: nil).seen
            }
            #expect(seen < 4_500)
        }
        #expect(found >= 190)
    }

    @Test("filters and tenants hold, and a limit beyond the near passages looks at all that are allowed")
    func filters() async throws {
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 50, seed: 4)
        let third = JSONValue.number(JSONNumber(3))
        let entries = try build(.float16, documents: 400, &maker).filter { $0.value.document.metadata["year"] == third }
        let query = maker.passage(tokens: 6...6)
        let filter = try Filter(parsing: "year = 3")
        let open = try SearchIndex.open(path: path)
        let scoped = try SearchIndex.open(path: path, scope: filter)
        let probing = LateInteractionProbing(centroids: 1, exact: 1)
        let hits = try await open.read {
            try $0.lateInteraction(query, limit: 1_000, probing: probing, in: $0.passages(matching: filter))
        }
        #expect(Set(hits.map(\.id)) == Set(entries.keys))
        #expect(hits.map(\.id).prefix(10) == best(entries, query, limit: 10).map(\.id)[...])
        #expect(try await scoped.read { try $0.lateInteraction(query, limit: 1_000, in: nil) } == hits)
        let ids = ["d3", "d4"]
        #expect(try await scoped.read { try $0.maxSim(query, documents: ids) }.map { $0 == nil } == [false, true])
    }

    @Test("an index converts to fewer bytes as if it had been built in them, and never to more")
    func conversion() async throws {
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 30, seed: 5)
        _ = try build(.float32, documents: 200, &maker)
        let query = maker.passage(tokens: 6...6)
        let reader = try SearchIndex.open(path: path)
        let before = try await reader.read { try $0.lateInteraction(query, limit: 5, in: nil) }
        var bytes = try #require(try await IndexInfo.read(path: path).tokenVectors?.bytes)
        for form in TokenVectorForm.allCases.dropFirst() {
            let writer = try IndexWriter.open(path: path)
            // Compaction closes a gap too.
            _ = try writer.delete(ids: ["d\(bytes % 7 + 20)"], ignoringMissing: true)
            try writer.compact(tokenVectors: TokenVectorConversion(form: form))
            #expect(writer.settings.lateInteraction?.form == form)
            try writer.begin()
            try writer.add(entry("after \(form)", &maker))
            try writer.commit()
            #expect(try await SearchIndex.verify(path: path).problems == [])
            let info = try #require(try await IndexInfo.read(path: path).tokenVectors)
            #expect(info.bytes < bytes)
            bytes = info.bytes
            let hits = try await SearchIndex.open(path: path).read { try $0.lateInteraction(query, limit: 10, in: nil) }
            #expect(hits.filter { hit in before.contains { $0.id == hit.id } }.count >= (form == .residual2 ? 1 : 3))
        }
        // A handle from before sees the form that there is now.
        let now = try await SearchIndex.open(path: path).read { try $0.lateInteraction(query, limit: 10, in: nil) }
        #expect(try await reader.read { try $0.lateInteraction(query, limit: 10, in: nil) } == now)
        #expect(try await reader.read { $0.settings.lateInteraction?.form } == .residual2)
        let writer = try IndexWriter.open(path: path)
        for conversion in [TokenVectorConversion(form: .int8), TokenVectorConversion(form: .float32)] {
            #expect(throws: RankingError.self) { try writer.compact(tokenVectors: conversion) }
        }
        let vectors = try #require(try await IndexInfo.read(path: path).tokenVectors?.vectors)
        try writer.compact(tokenVectors: TokenVectorConversion(pooling: TokenPooling(factor: 2)))
        let pooled = try #require(try await IndexInfo.read(path: path).tokenVectors?.vectors)
        #expect(Double(pooled) < 0.65 * Double(vectors))
        #expect(try await SearchIndex.verify(path: path).problems == [])
        #expect(throws: RankingError.self) {
            try writer.compact(tokenVectors: TokenVectorConversion(pooling: TokenPooling(factor: 3)))
        }
    }

    @Test("a build that was interrupted after a checkpoint gives the vectors of one that was not")
    func resumed() async throws {
        func add(_ documents: Range<Int>, to build: IndexBuild, _ maker: inout TokenVectorMaker) throws {
            for number in 0..<documents.upperBound {
                let isCommitted = try build.isCommitted(id: "d\(number)")
                #expect(isCommitted == (number < documents.lowerBound))
                if !isCommitted { try build.writer.add(entry("d\(number)", &maker)) }
            }
        }
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 30, seed: 6)
        let settings = maker.settings(.residual2)
        do {
            let build = try IndexBuild(path: path, settings: settings, input: "", replacing: false)
            try add(0..<100, to: build, &maker)
            try build.checkpoint()
            _ = try build.writer.add(entry("lost", &maker))
            try build.writer.close()
        }
        let build = try IndexBuild(path: path, settings: settings, input: "", replacing: false)
        #expect(build.resumedDocuments == 100)
        try add(100..<200, to: build, &maker)
        try build.finish()
        let check = try await SearchIndex.verify(path: path)
        #expect(check.problems == [] && check.documents == 200)
    }

    @Test("vectors that do not fit, and searches of an index without any, are refused")
    func refusals() async throws {
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 3, seed: 7)
        let build = try IndexBuild(path: path, settings: maker.settings(.int8), input: "", replacing: false)
        let wrong = [[Float](repeating: .nan, count: 16), [Float](repeating: 1, count: 16)]
        for vectors in [[], [[]], [[1, 2]], [maker.passage(), maker.passage()], [wrong[0]], [wrong[1]]] {
            let error = #expect(throws: RankingError.self) {
                try build.writer.add(IndexEntry(IndexDocument(id: "a", text: "text"), tokenVectors: vectors))
            }
            #expect(error?.what.contains("Document \"a\" has token vectors") == true)
        }
        try build.writer.add(IndexEntry(IndexDocument(id: "a", text: "text"), tokenVectors: [maker.passage()]))
        try build.finish()
        let index = try SearchIndex.open(path: path)
        for query in [[], [1, 2, 3], wrong[0]] as [[Float]] {
            await #expect(throws: RankingError.self) {
                try await index.read { try $0.lateInteraction(query, limit: 1, in: nil) }
            }
        }
        let plain = folder.path + "/plain.resift"
        let other = try IndexBuild(path: plain, settings: IndexSettings(), input: "", replacing: false)
        #expect(throws: RankingError.self) {
            try other.writer.add(IndexEntry(IndexDocument(id: "a", text: "text"), tokenVectors: [maker.passage()]))
        }
        try other.writer.add(IndexEntry(IndexDocument(id: "a", text: "text")))
        try other.finish()
        let query = maker.passage()
        let error = await #expect(throws: RankingError.self) {
            try await SearchIndex.open(path: plain).read { try $0.lateInteraction(query, limit: 1, in: nil) }
        }
        #expect(error?.fix.contains("--late-interaction") == true)
    }

    @Test("an index without documents has nothing to find, and takes some later")
    func empty() async throws {
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 3, seed: 8)
        try IndexBuild(path: path, settings: maker.settings(.residual4), input: "", replacing: false).finish()
        #expect(try await SearchIndex.verify(path: path).problems == [])
        let query = maker.passage()
        #expect(try await SearchIndex.open(path: path).read { try $0.lateInteraction(query, limit: 3, in: nil) } == [])
        let writer = try IndexWriter.open(path: path)
        try writer.begin()
        let entries = (0..<20).map { entry("d\($0)", &maker) }
        for entry in entries { try writer.add(entry) }
        try writer.commit()
        #expect(try await SearchIndex.verify(path: path).problems == [])
        let hits = try await SearchIndex.open(path: path).read { try $0.lateInteraction(query, limit: 30, in: nil) }
        #expect(Set(hits.map(\.id)) == Set(entries.map(\.document.id)))
    }

    @Test(
        "an index whose documents were all deleted converts, and takes new ones", arguments: TokenVectorForm.allCases)
    func emptied(form: TokenVectorForm) async throws {
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 3, seed: 10)
        let entries = try build(.float32, documents: 20, &maker)
        let writer = try IndexWriter.open(path: path)
        #expect(try writer.delete(ids: entries.keys.sorted(), ignoringMissing: false) == 20)
        let index = try SearchIndex.open(path: path)
        let query = maker.passage()
        #expect(try await index.read { try $0.lateInteraction(query, limit: 3, in: nil) } == [])
        try writer.compact(tokenVectors: TokenVectorConversion(form: form))
        #expect(try await SearchIndex.verify(path: path).problems == [])
        #expect(try await index.read { try $0.lateInteraction(query, limit: 3, in: nil) } == [])
        try writer.begin()
        // One that comes and goes leaves nothing to learn from.
        try writer.add(entry("gone", &maker))
        try writer.delete(id: "gone")
        try writer.commit()
        #expect(try await index.read { try $0.lateInteraction(query, limit: 3, in: nil) } == [])
        try writer.begin()
        for number in 0..<10 { try writer.add(entry("n\(number)", &maker)) }
        try writer.commit()
        #expect(try await SearchIndex.verify(path: path).problems == [])
        #expect(try await index.read { try $0.lateInteraction(query, limit: 30, in: nil) }.count == 10)
    }

    @Test("what is damaged in the tables of token vectors is found, and no search crashes on it", arguments: 0..<10)
    func damage(kind: Int) async throws {
        var maker = TokenVectorMaker(dimension: Self.dimension, topics: 30, seed: 9)
        _ = try build(.residual4, documents: 100, &maker)
        let statements = [
            "UPDATE token_vector SET vectors = substr(vectors, 2) WHERE passage = 7",
            "UPDATE token_vector SET vectors = x'ffff' || substr(vectors, 3) WHERE passage = 7",
            "UPDATE token_vector SET vectors = 5 WHERE passage = 7", "DELETE FROM token_vector WHERE passage = 7",
            "DELETE FROM token_chunk", "UPDATE token_chunk SET counts = x'01', centroids = x'0000'",
            "UPDATE token_chunk SET centroids = zeroblob(length(centroids) - 2) || x'ffff'",
            "UPDATE token_chunk SET number = -1", "DELETE FROM centroid WHERE number = 0",
            "DELETE FROM property WHERE name = 'token_levels'",
        ]
        let queue = try DatabaseQueue(path: path)
        try await queue.write { try $0.execute(sql: statements[kind]) }
        try queue.close()
        do {
            #expect(try await SearchIndex.verify(path: path).problems != [])
        } catch let error as RankingError {
            #expect(error.code == .corruptFile)
        }
        let query = maker.passage()
        let error = await #expect(throws: RankingError.self) {
            try await SearchIndex.open(path: path).read { [everything] in
                _ = try $0.lateInteraction(query, limit: 100, probing: everything, in: nil)
            }
        }
        #expect(error?.code == .corruptFile)
    }
}
