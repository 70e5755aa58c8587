import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Retrieval

@Suite("Filters over an index")
struct FilterEvaluationTests {
    /// Documents with random metadata, some of several passages, of which some were deleted and some updated.
    private func index(_ path: String, _ random: inout SeededFilters, tenants: [String] = []) async throws
        -> [String: JSONObject]
    {
        let settings = IndexSettings(analyzer: .unicode, tenantField: tenants.isEmpty ? nil : "tenant")
        let build = try IndexBuild(path: path, settings: settings, input: "", replacing: false)
        var live: [String: JSONObject] = [:]
        for number in 0..<random.int(in: 1...80) {
            let entry = entry("d\(number)", &random, tenants)
            live[entry.document.id] = entry.document.metadata
            _ = try build.isCommitted(id: entry.document.id)
            try build.writer.add(entry)
        }
        try build.finish()
        let writer = try IndexWriter.open(path: path)
        for round in 0..<3 {
            try writer.begin()
            for _ in 0..<random.int(in: 0...15) {
                let id = "d\(random.int(in: 0...90))"
                #expect(try writer.delete(id: id) == (live.removeValue(forKey: id) != nil))
                if random.oneIn(2) {
                    let entry = entry(id, &random, tenants)
                    try writer.add(entry)
                    live[id] = entry.document.metadata
                }
            }
            try writer.commit()
            if round == 1, random.oneIn(2) { try writer.compact() }
        }
        #expect(try await SearchIndex.verify(path: path).problems == [])
        return live
    }

    private func entry(_ id: String, _ random: inout SeededFilters, _ tenants: [String]) -> IndexEntry {
        var metadata = random.metadata()
        if !tenants.isEmpty, !random.oneIn(6) {
            let own = (0..<random.int(in: 1...2)).map { _ in JSONValue.string(random.pick(tenants)) }
            metadata["tenant"] = random.oneIn(2) ? own[0] : .array(own)
        }
        let text = "all " + (0..<random.int(in: 1...8)).map { _ in "w\(random.int(in: 0...9))" }.joined(separator: " ")
        let document = IndexDocument(id: id, text: text, metadata: metadata)
        let cut = text.utf8.count / 2
        return IndexEntry(document, passages: random.oneIn(3) ? [0..<cut, cut..<text.utf8.count] : nil)
    }

    /// The ids of all documents of a set; every passage of a document is in it or none.
    private static func ids(
        _ passages: DocumentSet?, _ all: [String], _ snapshot: borrowing IndexSnapshot
    ) throws -> Set<String> {
        var found: Set<String> = []
        for id in all {
            guard let stored = try snapshot.document(id: id) else { continue }
            let inside = stored.passages.indices.map { passages?.contains(stored.first + UInt32($0)) ?? true }
            #expect(Set(inside).count == 1, "\(id)")
            if inside[0] { found.insert(id) }
        }
        return found
    }

    /// True where an evaluation has to refuse the filter: a field that no document has, or a literal of a kind that none
    /// of its values is.
    private static func isRefused(_ filter: Filter, _ live: [String: JSONObject]) -> Bool {
        let entries = live.values.flatMap { MetadataValue.entries(of: $0) }
        func lacks(_ field: String, _ literals: [MetadataValue]) -> Bool {
            let kinds = Set(entries.filter { $0.field.utf8.elementsEqual(field.utf8) }.map(\.value.storedKind))
            return kinds.isEmpty || literals.contains { !kinds.contains($0.storedKind) }
        }
        switch filter {
        case .all(let filters), .any(let filters): return filters.contains { isRefused($0, live) }
        case .not(let filter): return isRefused(filter, live)
        case .compare(let field, _, let literal): return lacks(field, [literal])
        case .oneOf(let field, let literals): return lacks(field, literals)
        case .exists(let field): return lacks(field, [])
        }
    }

    @Test(
        "an index lets through what the definition in memory does, or refuses what could never hold", arguments: 0..<15)
    func evaluation(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        var random = SeededFilters(seed: seed)
        let live = try await index(folder.path + "/f.resift", &random)
        let index = try SearchIndex.open(path: folder.path + "/f.resift")
        var compared = 0
        for _ in 0..<150 {
            let filter = random.filter(depth: random.int(in: 0...2))
            let expected = Set(live.filter { filter.matches($0.value) }.keys)
            let isRefused = FilterEvaluationTests.isRefused(filter, live)
            do {
                let found = try await index.read { snapshot in
                    try FilterEvaluationTests.ids(
                        snapshot.passages(matching: filter), live.keys.sorted(), snapshot)
                }
                #expect(found == expected, "\(filter)")
                compared += 1
            } catch let error as RankingError {
                #expect(error.code == .invalidInput && isRefused, "\(filter): \(error)")
            }
        }
        #expect(compared > 20 || live.count < 20)
    }

    @Test("an unknown field names the one that was meant, a literal of another kind the kinds that there are")
    func messages() async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/m.resift"
        let build = try IndexBuild(path: path, settings: IndexSettings(), input: "", replacing: false)
        let metadata = try JSONObject(parsing: #"{"created_at": "2024-05-01", "year": 2020}"#)
        _ = try build.isCommitted(id: "a")
        try build.writer.add(IndexEntry(IndexDocument(id: "a", text: "river", metadata: metadata)))
        try build.finish()
        let index = try SearchIndex.open(path: path)
        for (text, what, why, fix) in [
            (
                "create_at > now", "No document has the metadata field \"create_at\".",
                "The fields are created_at, year.", "Did you mean \"created_at\"?"
            ),
            (
                "zebra = 1", "No document has the metadata field \"zebra\".", "The fields are created_at, year.",
                "Filter by one of the fields that there are."
            ),
            (
                "year > 2020-01-01",
                "The metadata field \"year\" is compared with a date, and no document has one there.",
                "Its values are: number. Only values of one kind are compared.",
                "Write the value as a number: texts in quotes, dates as 2026-01-31, numbers and true as they are."
            ),
        ] {
            let filter = try Filter(parsing: text)
            let error = await #expect(throws: RankingError.self) {
                try await index.read { _ = try $0.passages(matching: filter) }
            }
            #expect(error.map { [$0.what, $0.why, $0.fix] } == [what, why, fix])
            #expect(error?.code == .invalidInput)
        }
    }

    @Test("no search, look-up or filter of a handle for one tenant shows another's document", arguments: 0..<12)
    func tenants(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        var random = SeededFilters(seed: seed &+ 1_000)
        let tenants = ["acme", "'or' = 'x", "é", "e\u{301}"]
        let path = folder.path + "/t.resift"
        let live = try await index(path, &random, tenants: tenants)
        #expect(throws: RankingError.self) { try SearchIndex.open(path: path) }
        for tenant in tenants {
            let scope = Filter.compare(field: "tenant", .equal, .string(tenant))
            let own = Set(live.filter { scope.matches($0.value) }.keys)
            let all = live.keys.sorted()
            guard let index = try? SearchIndex.open(path: path, tenant: tenant), !own.isEmpty else { continue }
            let (found, searched, unfiltered, listed) = try await index.read { snapshot in
                (
                    try FilterEvaluationTests.ids(nil, all, snapshot),
                    try snapshot.bm25("all", limit: 1_000, in: snapshot.passages(matching: nil)).map(\.id),
                    try snapshot.bm25("all", limit: 1_000, in: nil).map(\.id),
                    try snapshot.passages(matching: nil)?.count ?? snapshot.passageCount
                )
            }
            #expect(found == own)
            #expect(Set(searched) == own)
            #expect(Set(unfiltered) == own, "a search without a filter")
            #expect(listed >= own.count)
            for _ in 0..<40 {
                var filter = random.filter(depth: 2)
                if random.oneIn(3) { filter = .any([filter, .not(filter), .exists(field: "tenant")]) }
                if random.oneIn(4) { filter = .not(.compare(field: "tenant", .equal, .string(random.pick(tenants)))) }
                let asked = filter
                guard
                    let hits = try? await index.read({ snapshot in
                        let passages = try snapshot.passages(matching: asked)
                        return try snapshot.bm25("all w1 w2", limit: 1_000, in: passages).map(\.id)
                    })
                else { continue }
                let expected = own.filter { live[$0].map(filter.matches) ?? false }
                #expect(Set(hits) == expected, "\(filter)")
            }
            let firsts = try await SearchIndex.openUnscoped(path: path).read { snapshot in
                try all.compactMap { try snapshot.document(id: $0)?.first }
            }
            for first in firsts {
                let shown = try? await index.read { try $0.documents([first]).map(\.document.id) }
                #expect(shown.map { own.isSuperset(of: $0) } ?? true)
            }
        }
    }

    @Test("an error names the fields of the handle's own documents only")
    func namesInScope() async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let path = folder.path + "/n.resift"
        let settings = IndexSettings(analyzer: .unicode, tenantField: "tenant")
        let build = try IndexBuild(path: path, settings: settings, input: "", replacing: false)
        for (tenant, field) in [("acme", "price"), ("other", "salary")] {
            var metadata = JSONObject()
            metadata["tenant"] = .string(tenant)
            metadata[field] = .string("x")
            try build.writer.add(IndexEntry(IndexDocument(id: tenant, text: "text", metadata: metadata)))
        }
        try build.finish()
        let index = try SearchIndex.open(path: path, tenant: "acme")
        let error = await #expect(throws: RankingError.self) {
            try await index.read { _ = try $0.passages(matching: Filter(parsing: "salery = x")) }
        }
        #expect(error?.why == "The fields are price, tenant.")
        #expect(error?.description.contains("salary") == false)
    }
}
