/// Relevance grades by query id and document id. A grade below 0 means: was in the pool, but is not judged.
public typealias Qrels = [String: [String: Int]]

/// Scores by query id and document id.
public typealias Run = [String: [String: Double]]

extension [String: Double] {
    /// Document ids in trec_eval's order: score descending, equal scores by id descending, byte by byte.
    public var ranked: [String] {
        sorted { a, b in
            a.value != b.value ? a.value > b.value : b.key.utf8.lexicographicallyPrecedes(a.key.utf8)
        }.map(\.key)
    }
}

/// One query's ranking beside its judgements: all that a measure looks at.
///
/// The order is that of `ranked`; the rank column of a run file is never used.
public struct JudgedRanking: Sendable {
    /// The grade of each retrieved document, best first; nil where it has none.
    public let grades: [Int?]
    /// The grades of all judged documents, highest first, whether retrieved or not.
    public let judgedGrades: [Int]

    public init(scores: [String: Double], grades: [String: Int]) {
        self.grades = scores.ranked.map { grades[$0] }
        judgedGrades = grades.values.sorted(by: >)
    }

    /// - Parameter grades: Of the retrieved documents, in the order that `ranked` would give them.
    init(grades: [Int?], judged: [String: Int]) {
        self.grades = grades
        judgedGrades = judged.values.sorted(by: >)
    }

    /// Documents graded `level` or higher.
    func relevantCount(level: Int) -> Int { judgedGrades.prefix { $0 >= level }.count }

    /// For each place of the ranking, down to a cutoff: is the document graded `level` or higher?
    func relevance(level: Int, cutoff: Int?) -> [Bool] {
        grades.prefix(cutoff ?? .max).map { ($0 ?? -1) >= level }
    }
}
