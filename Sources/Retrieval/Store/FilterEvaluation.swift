import GRDB
import Ranking

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Finds the passages whose documents a filter lets through, from the metadata tables of an index.
struct FilterEvaluation {
    let state: SearchIndex.State
    let db: Database

    /// Throws `invalidInput` for a field that no document has.
    func passages(matching filter: Filter) throws -> DocumentSet {
        for field in filter.fields where state.fields[UTF8Key(field)] == nil { throw try unknown(field) }
        return try set(filter)
    }

    private func set(_ filter: Filter) throws -> DocumentSet {
        switch filter {
        case .all(let filters):
            var set = live
            for filter in filters { set.formIntersection(try self.set(filter)) }
            return set
        case .any(let filters):
            var set = DocumentSet()
            for filter in filters { set.formUnion(try self.set(filter)) }
            return set
        case .not(let filter): return complement(try set(filter))
        case .compare(let field, .notEqual, let literal):
            return complement(try set(.compare(field: field, .equal, literal)))
        case .compare(let field, let comparison, let literal):
            try checkKind(of: literal, in: field)
            return try select(
                field, "AND kind = ? AND value \(comparison.rawValue) ?",
                [
                    literal.storedKind, literal.storedValue,
                ])
        case .oneOf(let field, let literals):
            var set = DocumentSet()
            for literal in literals { set.formUnion(try self.set(.compare(field: field, .equal, literal))) }
            return set
        case .exists(let field): return try select(field, "", [])
        }
    }

    private var live: DocumentSet {
        var set = DocumentSet(upTo: state.table.count)
        set.subtract(state.table.deleted)
        return set
    }

    private func complement(_ other: DocumentSet) -> DocumentSet {
        var set = live
        set.subtract(other)
        return set
    }

    private func select(
        _ field: String, _ condition: String, _ arguments: [any DatabaseValueConvertible]
    ) throws -> DocumentSet {
        var set = DocumentSet(capacity: state.table.count)
        guard let number = state.fields[UTF8Key(field)] else { return set }
        let documents = try UInt32.fetchCursor(
            db.cachedStatement(sql: "SELECT document FROM attribute WHERE field = ? \(condition)"),
            arguments: StatementArguments([number] + arguments))
        while let first = try documents.next() {
            guard Int(first) < state.table.count else { throw IndexProperty.corrupt("has metadata of no document") }
            for passage in state.table.passages(ofDocument: first) { set.insert(passage) }
        }
        return set
    }

    /// A comparison with another kind of value would let nothing through, and nobody would know why.
    private func checkKind(of literal: MetadataValue, in field: String) throws {
        guard let number = state.fields[UTF8Key(field)] else { return }
        let known = try Int.fetchOne(
            db.cachedStatement(sql: "SELECT 1 FROM attribute WHERE field = ? AND kind = ? LIMIT 1"),
            arguments: [number, literal.storedKind])
        if known != nil { return }
        let kinds = try Int.fetchAll(
            db.cachedStatement(sql: "SELECT DISTINCT kind FROM attribute WHERE field = ?"), arguments: [number])
        let names = kinds.compactMap { kind in
            kind < MetadataValue.kindNames.count ? MetadataValue.kindNames[kind] : nil
        }
        throw RankingError(
            .invalidInput,
            what:
                "The metadata field \"\(field)\" is compared with a \(MetadataValue.kindNames[literal.storedKind]), and no document has one there.",
            why: "Its values are: \(names.joined(separator: ", ")). Only values of one kind are compared.",
            fix:
                "Write the value as a \(names.first ?? "value"): texts in quotes, dates as 2026-01-31, numbers and true as they are."
        )
    }

    /// The fields that documents in the handle's scope have: a message must not tell one tenant of another's.
    private func visibleFieldNames() throws -> [String] {
        guard let scope = state.scope else { return state.fieldNames }
        return try state.fieldNames.filter { name in
            var documents = try select(name, "", [])
            documents.formIntersection(scope)
            return !documents.isEmpty
        }
    }

    private func unknown(_ field: String) throws -> RankingError {
        let known = try visibleFieldNames()
        let nearest = known.min { EditDistance.between(field, $0) < EditDistance.between(field, $1) }
        let isNear = nearest.map { EditDistance.between(field, $0) <= max(2, field.count / 3) } ?? false
        return RankingError(
            .invalidInput, what: "No document has the metadata field \"\(field)\".",
            why: known.isEmpty ? "No document has metadata." : "The fields are \(known.joined(separator: ", ")).",
            fix: isNear ? "Did you mean \"\(nearest ?? "")\"?" : "Filter by one of the fields that there are.")
    }
}

/// How many characters have to be inserted, removed or replaced to make one text the other.
enum EditDistance {
    static func between(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.unicodeScalars.prefix(100)), Array(b.unicodeScalars.prefix(100)))
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let replaced = diagonal + (left == right ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, diagonal + 1, row[j] + 1)
            }
        }
        return row[b.count]
    }
}

extension MetadataValue {
    /// By `storedKind`.
    static let kindNames = ["text", "number", "truth value", "date"]

    /// What the table `attribute` holds: kinds are compared among themselves only.
    var storedKind: Int {
        switch self {
        case .string: 0
        case .number: 1
        case .boolean: 2
        case .date: 3
        }
    }

    var storedValue: DatabaseValue {
        switch self {
        // A byte in front, because SQLite takes empty bytes for NULL.
        case .string(let text): Data([1] + text.utf8).databaseValue
        // SQLite has one zero.
        case .number(let number): (number == 0 ? 0 : number).databaseValue
        case .boolean(let flag): (flag ? 1 : 0).databaseValue
        case .date(let seconds): seconds.databaseValue
        }
    }
}
