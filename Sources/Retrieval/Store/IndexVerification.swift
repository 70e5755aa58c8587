import GRDB
import OrderedJSON
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What a check of a whole index found.
public struct IndexVerification: Sendable {
    public var documents = 0
    public var passages = 0
    public var terms = 0
    public var postings = 0
    public var vectors = 0
    public var tokenVectors = 0
    /// What is wrong, a sentence each; the first hundred. Empty for an index that is whole.
    public var problems: [String] = []
    /// Problems beyond the first hundred.
    public var furtherProblems = 0

    public var isWhole: Bool { problems.isEmpty }

    fileprivate mutating func report(_ problem: String) {
        if problems.count < 100 { problems.append(problem) } else { furtherProblems += 1 }
    }
}

extension SearchIndex {
    /// Reads everything and compares it with everything else: SQLite's own structure; that the postings are exactly
    /// what the documents' texts give, in the encoding that their lengths give, bounds included; that the dictionary
    /// counts them; that metadata and vectors are those of the documents; that the token vectors are whole.
    ///
    /// - Parameter progress: Called with the share that is done, 0 ... 1.
    ///
    /// Throws RankingError where the file cannot be read at all.
    public static func verify(
        path: String, progress: @escaping @Sendable (Double) -> Void = { _ in }
    ) async throws -> IndexVerification {
        try await openUnscoped(path: path).read { snapshot in
            var check = IndexCheck(snapshot.state, snapshot.settings, snapshot.db, progress)
            return try check.run()
        }
    }
}

private struct IndexCheck {
    private var found = IndexVerification()
    private let table: PassageTable
    private let state: SearchIndex.State
    private let settings: IndexSettings
    private let db: Database
    private let progress: (Double) -> Void
    /// Sums over all postings of a hash of term, passage and frequency: of the texts, and of the lists.
    private var expectedPostings: UInt64 = 0
    private var storedPostings: UInt64 = 0
    private var expectedAttributes: UInt64 = 0

    init(
        _ state: SearchIndex.State, _ settings: IndexSettings, _ db: Database, _ progress: @escaping (Double) -> Void
    ) {
        self.state = state
        self.settings = settings
        self.db = db
        self.progress = progress
        table = state.table
    }

    mutating func run() throws -> IndexVerification {
        for line in try String.fetchAll(db, sql: "PRAGMA integrity_check(10)") where line != "ok" {
            found.report("SQLite: \(line)")
        }
        // What SQLite rejects is not worth reading further.
        guard found.isWhole else { return found }
        try checkDocuments()
        try checkPostings()
        try checkAttributes()
        try checkVectors()
        try checkTokenVectors()
        progress(1)
        return found
    }

    private mutating func checkDocuments() throws {
        let rows = try Row.fetchCursor(
            db, sql: "\(StoredDocument.query) ORDER BY document.first")
        var next: UInt32 = 0
        while let row = try rows.next() {
            let stored: StoredDocument
            do {
                stored = try StoredDocument(row)
            } catch let error as RankingError {
                found.report(error.what)
                continue
            }
            if found.documents % 1024 == 0 { progress(0.6 * Double(found.documents) / Double(max(1, state.documents))) }
            found.documents += 1
            for passage in next..<max(next, stored.first) where !table.deleted.contains(passage) {
                found.report("Passage \(passage) belongs to no document.")
            }
            let end = stored.first + UInt32(stored.passages.count)
            next = end
            guard Int(end) <= table.count, table.passages(ofDocument: stored.first) == stored.first..<end else {
                found.report("Document \"\(stored.document.id)\" and the passage table disagree.")
                continue
            }
            for (place, span) in stored.passages.enumerated() {
                checkPassage(stored.first + UInt32(place), stored.document.passageText(span))
            }
            for (field, value) in MetadataValue.entries(of: stored.document.metadata) {
                let attribute = Attribute(
                    field: state.fields[UTF8Key(field)] ?? -1, kind: value.storedKind, value: value.storedValue,
                    document: Int64(stored.first))
                if seenAttributes.insert(attribute).inserted { expectedAttributes &+= attribute.digest }
            }
            seenAttributes.removeAll(keepingCapacity: true)
        }
        for passage in next..<max(next, UInt32(table.count)) where !table.deleted.contains(passage) {
            found.report("Passage \(passage) belongs to no document.")
        }
        let texts = try Int.fetchOne(db, sql: "SELECT count(*) FROM content") ?? 0
        if texts != found.documents { found.report("There are \(texts) texts for \(found.documents) documents.") }
        if found.documents != state.documents {
            found.report("There are \(found.documents) documents; the index counts \(state.documents).")
        }
    }

    /// Of one document: a list can hold a value twice.
    private var seenAttributes: Set<Attribute> = []

    private mutating func checkPassage(_ passage: UInt32, _ text: String) {
        found.passages += 1
        if table.deleted.contains(passage) { found.report("Passage \(passage) is deleted, its document is not.") }
        var frequencies: [UTF8Key: (hash: UInt64, count: UInt32)] = [:]
        var length: UInt32 = 0
        settings.analyzer.forEachTerm(of: text) { bytes, _ in
            length += 1
            frequencies[UTF8Key(bytes), default: (IndexCheck.hash(bytes), 0)].count += 1
        }
        for (_, entry) in frequencies {
            expectedPostings &+= IndexCheck.hash(entry.hash, UInt64(passage), UInt64(entry.count))
        }
        if length != table.lengths[Int(passage)] {
            found.report("Passage \(passage) has \(length) terms; its stored length is \(table.lengths[Int(passage)]).")
        }
    }

    private mutating func checkPostings() throws {
        let total = try Int.fetchOne(db, sql: "SELECT count(*) FROM term") ?? 0
        let rows = try Row.fetchCursor(db, sql: "SELECT text, number, passages FROM term")
        var lists = 0
        while let row = try rows.next() {
            if found.terms % 4096 == 0 { progress(0.6 + 0.3 * Double(found.terms) / Double(max(1, total))) }
            found.terms += 1
            let text = try row.blob(0)
            let name = String(decoding: text, as: UTF8.self)
            let hash = text.withUnsafeBytes { IndexCheck.hash($0.bindMemory(to: UInt8.self)) }
            var last: Int64 = -1
            var live = 0
            do {
                for list in try PostingWriter.lists(of: row.int64(1), db) {
                    lists += 1
                    let postings = try list.postings()
                    guard let first = postings.first, Int64(first.document) > last,
                        let end = postings.last, Int(end.document) < table.count
                    else {
                        found.report("The parts of the list of \"\(name)\" overlap, or reach beyond the passages.")
                        break
                    }
                    last = Int64(end.document)
                    if try PostingList.encode(postings, lengths: table.lengths)[...] != list.bytes {
                        found.report("A list of \"\(name)\" is not encoded as its passages' lengths demand.")
                    }
                    for posting in postings where !table.deleted.contains(posting.document) {
                        live += 1
                        storedPostings &+= IndexCheck.hash(hash, UInt64(posting.document), UInt64(posting.frequency))
                    }
                }
            } catch let error as RankingError {
                found.report("A list of \"\(name)\": \(error.what)")
            }
            found.postings += live
            let counted = try row.integer(2)
            if counted != live { found.report("\(live) passages have \"\(name)\"; the dictionary counts \(counted).") }
        }
        if expectedPostings != storedPostings { found.report("The postings are not those of the documents' texts.") }
        let stored = try Int.fetchOne(db, sql: "SELECT count(*) FROM posting") ?? 0
        if stored != lists { found.report("\(stored - lists) posting lists belong to no term.") }
    }

    private mutating func checkAttributes() throws {
        var sum: UInt64 = 0
        let rows = try Row.fetchCursor(db, sql: "SELECT field, kind, value, document FROM attribute")
        while let row = try rows.next() {
            sum &+= try Attribute(
                field: row.int64(0), kind: row.integer(1), value: row[2], document: row.int64(3)
            ).digest
        }
        if sum != expectedAttributes { found.report("The metadata for filters is not that of the documents.") }
    }

    private mutating func checkVectors() throws {
        guard let embedder = settings.embedder else { return }
        for problem in try VectorCheck(table: table, dimension: embedder.dimension).problems(db, &found.vectors) {
            found.report(problem)
        }
    }

    private mutating func checkTokenVectors() throws {
        guard let settings = settings.lateInteraction else { return }
        for problem in try TokenVectorCheck(table: table, settings: settings).problems(db, &found.tokenVectors) {
            found.report(problem)
        }
    }

    private struct Attribute: Hashable {
        var field: Int64
        var kind: Int
        var value: DatabaseValue
        var document: Int64

        var digest: UInt64 {
            var text: UInt64
            switch value.storage {
            case .int64(let number): text = UInt64(bitPattern: number)
            case .double(let number): text = number.bitPattern
            case .blob(let data): text = data.withUnsafeBytes { IndexCheck.hash($0.bindMemory(to: UInt8.self)) }
            default: text = 0
            }
            text = IndexCheck.hash(text, UInt64(bitPattern: Int64(kind)), UInt64(bitPattern: field))
            return IndexCheck.hash(text, UInt64(bitPattern: document), 1)
        }
    }

    /// FNV-1a.
    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Each bit of the three numbers changes half of the bits (the finalizer of SplitMix64, three times).
    private static func hash(_ a: UInt64, _ b: UInt64, _ c: UInt64) -> UInt64 {
        func mix(_ value: UInt64) -> UInt64 {
            var z = value &+ 0x9e37_79b9_7f4a_7c15
            z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
            return z ^ z >> 31
        }
        return mix(mix(mix(a) ^ b) ^ c)
    }
}
