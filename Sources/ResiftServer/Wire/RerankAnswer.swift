import Inference
import OrderedJSON
import Ranking
import Reranking
import Resift

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The answer to a rerank request, in the form that its client reads.
struct RerankAnswer {
    let call: RerankCall
    let ranking: DocumentRanking
    /// Of each candidate, where the request asked for them.
    var spans: [[RelevantSpan]]?
    /// Where the request asked for it.
    var explanation: Explanation?
    let requestID: String
    /// The name of the model that scored.
    let model: String
    let warnings: [String]

    /// A part of a document that matches the query on its own.
    struct RelevantSpan: Equatable {
        /// Unicode code points of the text that the model read, half-open.
        var start: Int
        var end: Int
        /// 0 to 1.
        var score: Double
    }

    /// Which token of a result each token of the query counted.
    struct Explanation {
        /// Results of one answer that are explained: each of them is encoded again.
        static let maxDocuments = 100

        /// Of each candidate; nil for one that is not explained.
        var matches: [[TokenMatch]?]

        init(_ ranking: DocumentRanking) {
            matches = Array(repeating: nil, count: ranking.candidates.count)
        }

        var count: Int { matches.count { $0 != nil } }

        var warning: String? {
            guard count < matches.count else { return nil }
            return """
                \(matches.count - count) of \(matches.count) results are not explained: the deadline came first, another \
                ranker scored them, or they are behind the first \(Explanation.maxDocuments).
                """
        }
    }

    var json: JSONValue {
        switch call.dialect {
        case .tei: .array(entries(teiEntry))
        case .cohere1: .object(cohere(version: "1"))
        case .cohere2: .object(cohere(version: "2"))
        case .voyage: .object(voyage)
        case .mixedbread: .object(mixedbread)
        case .infinity: .object(infinity)
        case .pinecone: .object(pinecone)
        case .isaacus: .object(isaacus)
        }
    }

    // MARK: Forms

    private func cohere(version: String) -> JSONObject {
        var object = JSONObject()
        object["id"] = .string(requestID)
        object["model"] = .string(model)
        if version == "1" { object["object"] = .string("list") }
        object["results"] = .array(
            entries { candidate, score, entry in
                scored(candidate, score, "relevance_score", &entry)
                if call.returnsDocuments { entry["document"] = .object(documentObject(candidate)) }
            })
        object["usage"] = .object(usage)
        var apiVersion = JSONObject()
        apiVersion["version"] = .string(version)
        apiVersion["is_experimental"] = .bool(false)
        var units = JSONObject()
        units["search_units"] = .count(1)
        var tokens = JSONObject()
        tokens["input_tokens"] = .count(ranking.report.tokens)
        var meta = JSONObject()
        meta["api_version"] = .object(apiVersion)
        meta["billed_units"] = .object(units)
        meta["tokens"] = .object(tokens)
        if !warnings.isEmpty { meta["warnings"] = .array(warnings.map(JSONValue.string)) }
        object["meta"] = .object(meta)
        addReport(to: &object)
        return object
    }

    private var voyage: JSONObject {
        var object = JSONObject()
        object["object"] = .string("list")
        object["data"] = .array(
            entries { candidate, score, entry in
                scored(candidate, score, "relevance_score", &entry)
                if call.returnsDocuments { entry["document"] = documentText(candidate) }
            })
        object["model"] = .string(model)
        object["usage"] = .object(usage)
        addReport(to: &object)
        return object
    }

    private var mixedbread: JSONObject {
        var usage = usage
        usage["completion_tokens"] = .count(0)
        var object = JSONObject()
        object["usage"] = .object(usage)
        object["model"] = .string(model)
        object["data"] = .array(
            entries { candidate, score, entry in
                scored(candidate, score, "score", &entry)
                entry["input"] = call.returnsDocuments ? documentAsGiven(candidate) : .null
                entry["object"] = .string("rank_result")
            })
        object["object"] = .string("list")
        object["top_k"] = .count(call.limit ?? ranking.report.documents)
        object["return_input"] = .bool(call.returnsDocuments)
        addReport(to: &object)
        return object
    }

    private var infinity: JSONObject {
        var object = JSONObject()
        object["object"] = .string("rerank")
        object["results"] = .array(
            entries { candidate, score, entry in
                scored(candidate, score, "relevance_score", &entry)
                entry["document"] = call.returnsDocuments ? documentAsGiven(candidate) : .null
            })
        object["model"] = .string(model)
        object["usage"] = .object(usage)
        object["id"] = .string(requestID)
        object["created"] = .count(Int(Date().timeIntervalSince1970))
        addReport(to: &object)
        return object
    }

    private var pinecone: JSONObject {
        var units = JSONObject()
        units["rerank_units"] = .count(1)
        var object = JSONObject()
        object["model"] = .string(model)
        object["data"] = .array(
            entries { candidate, score, entry in
                scored(candidate, score, "score", &entry)
                if call.returnsDocuments { entry["document"] = .object(documentObject(candidate)) }
            })
        object["usage"] = .object(units)
        addReport(to: &object)
        return object
    }

    private var isaacus: JSONObject {
        var usage = JSONObject()
        usage["input_tokens"] = .count(ranking.report.tokens)
        var object = JSONObject()
        object["results"] = .array(entries { candidate, score, entry in scored(candidate, score, "score", &entry) })
        object["usage"] = .object(usage)
        addReport(to: &object)
        return object
    }

    private func teiEntry(_ candidate: Candidate, _ score: JSONValue, _ entry: inout JSONObject) {
        entry["index"] = .count(candidate.index)
        if call.returnsDocuments { entry["text"] = documentText(candidate) }
        entry["score"] = score
    }

    // MARK: Parts

    private func entries(_ write: (Candidate, JSONValue, inout JSONObject) -> Void) -> [JSONValue] {
        let relevances = ranking.relevances
        return ranking.candidates.enumerated().map { place, candidate in
            var entry = JSONObject()
            let score = relevances[place].map { call.rawScores ? Double(candidate.logit) : $0 }
            write(candidate, score.map(JSONValue.finite) ?? .null, &entry)
            if let spans = spans?[place] { entry["relevant_spans"] = .array(spans.map(\.json)) }
            if call.wantsReport, call.dialect != .tei { entry["resift"] = .object(details(candidate, place)) }
            return .object(entry)
        }
    }

    private func scored(_ candidate: Candidate, _ score: JSONValue, _ key: String, _ entry: inout JSONObject) {
        entry["index"] = .count(candidate.index)
        entry[key] = score
    }

    private var usage: JSONObject {
        var usage = JSONObject()
        usage["prompt_tokens"] = .count(ranking.report.tokens)
        usage["total_tokens"] = .count(ranking.report.tokens)
        return usage
    }

    /// An object with all fields that were given; a text is its `text`.
    private func documentObject(_ candidate: Candidate) -> JSONObject {
        switch candidate.document.content {
        case .fields(let fields): return fields
        case .text(let text):
            var object = JSONObject()
            object["text"] = .string(text)
            return object
        }
    }

    /// What the model read of it.
    private func documentText(_ candidate: Candidate) -> JSONValue {
        (try? candidate.document.text(rankFields: call.options.rankFields)).map(JSONValue.string) ?? .null
    }

    private func documentAsGiven(_ candidate: Candidate) -> JSONValue {
        switch candidate.document.content {
        case .fields(let fields): .object(fields)
        case .text(let text): .string(text)
        }
    }

    private func details(_ candidate: Candidate, _ place: Int) -> JSONObject {
        var object = JSONObject()
        object["logit"] = candidate.isScored ? .finite(Double(candidate.logit)) : .null
        object["score_kind"] = .string(kind(candidate).rawValue)
        object["tokens"] = .count(candidate.tokens)
        object["passages"] = .count(candidate.passages)
        object["truncated_tokens"] = .count(candidate.truncatedTokens)
        if let passage = candidate.passage {
            object["passage"] = passage.span
        }
        if let ranker = candidate.rankedBy { object["ranked_by"] = .string(ranker) }
        if !candidate.additions.isEmpty {
            object["additions"] = .array(
                candidate.additions.map { addition in
                    var object = JSONObject()
                    object["rule"] = .string(addition.rule)
                    object["value"] = .finite(addition.value)
                    object["reason"] = .string(addition.reason)
                    return .object(object)
                })
        }
        if let explanation {
            object["matches"] = explanation.matches[place].map { .array($0.map(\.json)) } ?? .null
        }
        return object
    }

    /// Of the score in the answer: a logit is written after a sigmoid.
    private func kind(_ candidate: Candidate) -> ScoreKind {
        if call.rawScores, candidate.isScored { return candidate.scoreKind == .maxSim ? .maxSim : .logit }
        return candidate.scoreKind == .logit ? .normalizedRelevance : candidate.scoreKind
    }

    private func addReport(to object: inout JSONObject) {
        guard call.wantsReport else { return }
        var report = ranking.report.json
        if let explanation { report["explained_documents"] = .count(explanation.count) }
        object["resift"] = .object(report)
    }
}

extension Passage {
    /// Unicode code points, half-open.
    fileprivate var span: JSONValue {
        var span = JSONObject()
        span["start"] = .count(start)
        span["end"] = .count(end)
        return .object(span)
    }
}

extension TokenMatch {
    /// Null stands for a special token, the marker, or a token of the expansion.
    fileprivate var json: JSONValue {
        var object = JSONObject()
        object["query"] = queryToken?.span ?? .null
        object["document"] = documentToken?.span ?? .null
        object["similarity"] = .finite(Double(similarity))
        return .object(object)
    }
}

extension RerankAnswer.RelevantSpan {
    fileprivate var json: JSONValue {
        var object = JSONObject()
        object["start"] = .count(start)
        object["end"] = .count(end)
        object["score"] = .finite(score)
        return .object(object)
    }
}

extension Candidate {
    /// 0 to 1: a logit after a sigmoid, in double precision, so that high logits stay apart; another score as it is.
    var relevance: Double { scoreKind == .logit ? 1 / (1 + exp(-Double(score))) : Double(score) }
}

extension DocumentRanking {
    /// Of each candidate, in the order of the ranking, so that clients who sort by it get the same order; nil for one
    /// without a score.
    ///
    /// Where scores are places, or several rankers gave them, it is a place: the share of documents at or behind it.
    var relevances: [Double?] {
        let hasScores = candidates.areComparable && !candidates.contains { $0.scoreKind == .rank }
        return candidates.enumerated().map { place, candidate in
            guard candidate.isScored else { return nil }
            return hasScores ? candidate.relevance : Double(report.documents - place) / Double(report.documents)
        }
    }

    /// Leaves out what is less relevant.
    mutating func keepRelevant(_ minimum: Double, limit: Int?) {
        let count = candidates.count
        candidates = zip(candidates, relevances).filter { $0.1.map { $0 >= minimum } ?? false }.map(\.0)
        report.belowMinScore += count - candidates.count - report.unscoredDocuments
        if let limit { candidates = Array(candidates.prefix(limit)) }
    }
}

extension ServiceUsage {
    var json: JSONObject {
        var object = JSONObject()
        object["requests"] = .count(requests)
        object["retries"] = .count(retries)
        if let inputTokens { object["input_tokens"] = .count(inputTokens) }
        if let outputTokens { object["output_tokens"] = .count(outputTokens) }
        if let searchUnits { object["search_units"] = .finite(searchUnits) }
        if let cost { object["cost_usd"] = .finite(cost) }
        if malformedAnswers > 0 { object["malformed_answers"] = .count(malformedAnswers) }
        if !notes.isEmpty { object["notes"] = .array(notes.map(JSONValue.string)) }
        return object
    }
}

extension RerankReport {
    var json: JSONObject {
        var object = JSONObject()
        object["model"] = .string(model)
        if let compute {
            object["precision"] = .string(compute.precision.rawValue)
            object["kernels"] = .string(compute.kernels)
            object["threads"] = .count(compute.threads)
        }
        object["documents"] = .count(documents)
        object["pairs"] = .count(pairs)
        object["tokens"] = .count(tokens)
        object["truncated_documents"] = .count(truncatedDocuments)
        object["truncated_query_tokens"] = .count(truncatedQueryTokens)
        object["cache_hits"] = .count(cacheHits)
        if let storedDocuments { object["stored_documents"] = .count(storedDocuments) }
        object["unscored_documents"] = .count(unscoredDocuments)
        object["below_min_score"] = .count(belowMinScore)
        object["complete"] = .bool(isComplete)
        object["reranked"] = .bool(isReranked)
        if let failure {
            var entry = JSONObject()
            entry["ranker"] = .string(failure.ranker)
            entry["code"] = .string(failure.code.rawValue)
            entry["reason"] = .string(failure.reason)
            entry["ranked_by"] = failure.rankedBy.map(JSONValue.string) ?? .null
            object["failure"] = .object(entry)
        }
        if let usage { object["usage"] = .object(usage.json) }
        if !skippedRankers.isEmpty { object["skipped_rankers"] = .array(skippedRankers.map(JSONValue.string)) }
        if !parts.isEmpty { object["parts"] = .array(parts.map { .object($0.json) }) }
        var milliseconds = JSONObject()
        milliseconds["queue"] = .finite(queueMilliseconds)
        milliseconds["tokenize"] = .finite(tokenizeMilliseconds)
        milliseconds["inference"] = .finite(inferenceMilliseconds)
        milliseconds["rank"] = .finite(rankMilliseconds)
        milliseconds["total"] = .finite(totalMilliseconds)
        object["milliseconds"] = .object(milliseconds)
        return object
    }
}

extension JSONValue {
    static func count(_ number: Int) -> JSONValue { .number(JSONNumber(number)) }
    /// Null where JSON has no way to write the number.
    static func finite(_ number: Double) -> JSONValue { JSONNumber(number).map(JSONValue.number) ?? .null }
}
