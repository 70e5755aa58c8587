import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Filters over an index")
struct FilterIndexTests {
    @Test("let the documents through that the definition lets through", arguments: 0..<10)
    func asDefined(seed: UInt64) async throws {
        var random = RandomFilters(seed: seed)
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/filters.resift"
        let build = try IndexBuild(path: path, settings: IndexSettings(), input: "", replacing: false)
        // Two passages in some, and several deleted: numbers of passages are not numbers of documents.
        var documents: [(id: String, metadata: JSONObject)] = []
        for number in 0..<120 {
            let document = IndexDocument(id: "d\(number)", text: "one two three four", metadata: random.metadata())
            documents.append((document.id, document.metadata))
            let passages: [Range<Int>] = random.generator.oneIn(3) ? [0..<8, 4..<18] : [0..<18]
            try build.writer.add(IndexEntry(document, passages: passages))
        }
        try build.finish()
        let writer = try IndexWriter.open(path: path)
        let deleted = documents.filter { _ in random.generator.oneIn(6) }.map(\.id)
        #expect(try writer.delete(ids: deleted, ignoringMissing: false) == deleted.count)
        documents.removeAll { deleted.contains($0.id) }

        let index = try SearchIndex.open(path: path)
        var compared = 0
        for _ in 0..<150 {
            let filter = random.filter(depth: 3, isTame: true)
            let expected = documents.filter { filter.matches($0.metadata) }.map(\.id)
            do {
                let found = try await index.read { snapshot in
                    let passages = try snapshot.passages(matching: filter)
                    return try snapshot.bm25("two", limit: 200, in: passages).map(\.id)
                }
                #expect(Set(found) == Set(expected), "\(filter)")
                compared += 1
            } catch let error as RankingError {
                // A literal of a kind that the field never has is refused, and nothing else.
                #expect(error.code == .invalidInput && error.what.contains("is compared with a"), "\(error)")
            }
        }
        #expect(compared > 100)
    }

    @Test("an unknown field is an error that names the nearest, and the fields that there are")
    func unknownField() async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/fields.resift"
        let build = try IndexBuild(path: path, settings: IndexSettings(), input: "", replacing: false)
        let metadata = try FilterMatchingTests.metadata(#"{"created_at": "2026-01-31", "plan": "pro"}"#)
        try build.writer.add(IndexEntry(IndexDocument(id: "a", text: "text", metadata: metadata)))
        try build.finish()
        let index = try SearchIndex.open(path: path)
        func error(_ text: String) async throws -> RankingError? {
            let filter = try FilterParsingTests.parse(text)
            return await #expect(throws: RankingError.self) {
                try await index.read { snapshot in _ = try snapshot.passages(matching: filter) }
            }
        }
        let near = try await error("create_at > now-30d")
        #expect(near?.what == "No document has the metadata field \"create_at\".")
        #expect(near?.why == "The fields are created_at, plan.")
        #expect(near?.fix == "Did you mean \"created_at\"?")
        let far = try await error("plan = pro or not exists(zzzzzzzz)")
        #expect(far?.fix == "Filter by one of the fields that there are.")
        let kind = try await error("plan > 3")
        #expect(
            kind?.what == "The metadata field \"plan\" is compared with a number, and no document has one there.")
    }
}
