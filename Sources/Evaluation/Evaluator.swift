/// Measures of a run against judgements.
public struct EvaluationResult: Sendable {
    /// The values of each measure by query id.
    public let values: [Measure: [String: Double]]
    /// Queries that count, in ascending order of their ids.
    public let queryIDs: [String]
    /// Queries of the judgements that the run has no ranking for.
    public let missingQueries: Int
    /// Queries of the run that have no judgements; they do not count.
    public let unjudgedQueries: Int

    /// The mean over the queries that count; 0 if there is none.
    public func mean(_ measure: Measure) -> Double {
        guard let values = values[measure], !queryIDs.isEmpty else { return 0 }
        return queryIDs.reduce(0) { $0 + (values[$1] ?? 0) } / Double(queryIDs.count)
    }
}

/// How a run is measured.
public struct Evaluator: Sendable {
    public var measures: [Measure]
    /// Average over the run's own queries, as BEIR does, instead of giving missing ones 0, as `trec_eval -c` does.
    public var presentOnly: Bool
    /// Pass over documents whose id is the query's, as BEIR does: in some collections queries are documents.
    public var ignoresIdenticalIDs: Bool

    public init(_ measures: [Measure], presentOnly: Bool = false, ignoresIdenticalIDs: Bool = false) {
        self.measures = measures
        self.presentOnly = presentOnly
        self.ignoresIdenticalIDs = ignoresIdenticalIDs
    }

    public func evaluate(_ run: Run, _ qrels: Qrels) -> EvaluationResult {
        evaluate(Set(run.keys), qrels) { queryID, grades in
            var scores = run[queryID] ?? [:]
            if ignoresIdenticalIDs { scores[queryID] = nil }
            return JudgedRanking(scores: scores, grades: grades)
        }
    }

    /// The same figures, in less memory and time.
    public func evaluate(_ run: CompactRun, _ qrels: Qrels) -> EvaluationResult {
        evaluate(run.queryIDs, qrels) { queryID, grades in
            let ranking = run.ranking(of: queryID) ?? CompactRun.Ranking()
            return JudgedRanking(
                grades: ranking.grades(grades, passingOver: ignoresIdenticalIDs ? queryID : nil), judged: grades)
        }
    }

    private func evaluate(
        _ queryIDs: Set<String>, _ qrels: Qrels, ranking: (String, [String: Int]) -> JudgedRanking
    ) -> EvaluationResult {
        let judged = qrels.keys.sorted()
        let present = judged.filter { queryIDs.contains($0) }
        let counted = presentOnly ? present : judged
        var values: [Measure: [String: Double]] = [:]
        for queryID in counted {
            let ranking = ranking(queryID, qrels[queryID] ?? [:])
            for measure in measures { values[measure, default: [:]][queryID] = measure.value(ranking) }
        }
        return EvaluationResult(
            values: values, queryIDs: counted, missingQueries: judged.count - present.count,
            unjudgedQueries: queryIDs.count - present.count)
    }
}
