import Evaluation
public import Ranking
public import TextFiles

/// The documents that each query ranks.
public struct CandidatePools: Sendable {
    private let documents: [Document]
    /// Positions in `documents` by query id; nil where every query ranks all of them.
    private let positions: [String: [Int]]?
    /// Queries that the run has no line for.
    public let queriesWithoutCandidates: Int

    /// `run` is a TREC run; nil if every query ranks all documents.
    ///
    /// Throws `invalidInput` where the run names a document or a query that is not there.
    public init(documents: [Document], run: InputBytes?, queries: [Query]) throws(RankingError) {
        self.documents = documents
        guard let run else {
            positions = nil
            queriesWithoutCandidates = 0
            return
        }
        // By bytes: strings that look alike can have different ones.
        var position: [[UInt8]: Int] = [:]
        for (index, document) in documents.enumerated() {
            if let id = document.id { position[Array(id.utf8)] = index }
        }
        let known = Set(queries.map(\.id))
        var positions: [String: [Int]] = [:]
        for (queryID, scores) in try RunReader().run(in: run).sorted(by: { $0.key < $1.key }) {
            guard known.contains(queryID) else {
                throw RankingError(
                    .invalidInput,
                    what: "\(run.name) has candidates for the query \"\(queryID)\", which is not among the queries.",
                    why: "The run and the queries belong to different collections.",
                    fix: "Give the queries that the run was made for.")
            }
            for id in scores.ranked {
                guard let index = position[Array(id.utf8)] else {
                    throw RankingError(
                        .invalidInput,
                        what: "\(run.name) names the document \"\(id)\", which is not among the documents.",
                        why: "The run and the documents belong to different collections, or the documents have no ids.",
                        fix: "Give the documents that the run was made from, with \"id\" or \"_id\".")
                }
                positions[queryID, default: []].append(index)
            }
        }
        self.positions = positions
        queriesWithoutCandidates = queries.count { positions[$0.id] == nil }
    }

    /// By the run's scores, best first; without a run, in the order of the documents.
    public func documents(for query: Query) -> [Document] {
        guard let positions else { return documents }
        return (positions[query.id] ?? []).map { documents[$0] }
    }
}
