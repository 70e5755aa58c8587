import Inference
import OrderedJSON
import Ranking
import Reranking
import Resift
import Retrieval

/// What a search request asks for.
struct SearchCall {
    var query: String
    var options = SearchOptions()

    init(_ body: RequestFields) throws(WireError) {
        query = try body.requiredString("query")
        let counts = 1...10_000
        options.limit = try body.integer("limit", in: counts) ?? 10
        options.poolSize = max(try body.integer("pool", in: counts) ?? 50, options.limit)
        if let text = try body.string("filter") {
            do throws(RankingError) { options.filter = try Filter(parsing: text) } catch {
                throw body.error("filter", "cannot be read: \(error.what) \(error.why)", fix: error.fix)
            }
        }
        options.rerank = try body.bool("rerank").map { $0 ? .always : .never } ?? .whenUseful
        let depth = max(100, options.poolSize)
        options.pools = try body.choice("stages", EvaluationStage.Retrieval.self)?.stages.map {
            CandidatePool($0, depth: depth)
        }
        if let deadline = try body.number("deadline_ms", in: 0.001...86_400_000) {
            options.deadline = .milliseconds(deadline)
        }
    }
}

/// The index of a server, and its searches.
struct SearchService: Sendable {
    let index: SearchIndex
    private let embedder: BiEncoder?
    private let tokenEncoder: LateInteractionEncoder?
    private let pool: ComputePool

    /// What "colbert" reranks by; nil for an index without token vectors.
    func storedTokenVectors() throws(RankingError) -> StoredLateInteraction? {
        guard let tokenEncoder else { return nil }
        return try StoredLateInteraction(index, encoder: tokenEncoder)
    }

    init(path: String, embedder: String?, lateInteraction: String?, pool: ComputePool) async throws {
        index = try SearchIndex.open(path: path)
        self.pool = pool
        self.embedder = try await IndexEmbedder.load(index.settings, directory: embedder, pool: pool)
        tokenEncoder = try await IndexTokenEncoder.load(index.settings, directory: lateInteraction, pool: pool)
    }

    func answer(
        _ call: SearchCall, _ served: ServedModels.Served, _ exchange: Exchange, _ limits: ServerLimits
    ) async throws -> (JSONValue, RerankReport?) {
        var options = call.options
        options.rerankOptions.client = exchange.client
        options.rerankOptions.maxWait = limits.maxQueueWait
        if let deadline = options.deadline {
            options.deadline = max(.microseconds(1), deadline - (.now - exchange.begin))
        }
        let pipeline = Pipeline(
            index: index, reranker: served.ranker, embedder: embedder, tokenEncoder: tokenEncoder, pool: pool)
        let answer = try await pipeline.search(call.query, options)
        return (json(answer, exchange), answer.reranking.report)
    }

    private func json(_ answer: SearchAnswer, _ exchange: Exchange) -> JSONValue {
        var object = JSONObject()
        object["id"] = .string(exchange.id)
        object["query"] = .string(answer.query)
        object["index"] = .string(index.path.split(separator: "/").last.map(String.init) ?? index.path)
        object["reranked"] = .bool(answer.reranking.reranked)
        object["reason"] = .string(answer.reranking.reason)
        object["complete"] = .bool(answer.isComplete)
        object["candidates"] = .count(answer.candidates)
        object["results"] = .array(
            answer.results.enumerated().map { place, result in .object(json(result, rank: place + 1, answer)) })
        object["resift"] = answer.reranking.report.map { .object($0.json) } ?? .null
        var milliseconds = JSONObject()
        milliseconds["retrieval"] = .finite(answer.retrievalMilliseconds)
        milliseconds["rerank"] = .finite(answer.reranking.report?.totalMilliseconds ?? 0)
        milliseconds["total"] = .finite(answer.totalMilliseconds)
        object["milliseconds"] = .object(milliseconds)
        return .object(object)
    }

    private func json(_ result: SearchResult, rank: Int, _ answer: SearchAnswer) -> JSONObject {
        var object = JSONObject()
        object["rank"] = .count(rank)
        object["id"] = .string(result.id)
        object["score"] = .finite(result.score)
        object["score_kind"] = .string(result.scoreKind.rawValue)
        if !result.document.title.isEmpty { object["title"] = .string(result.document.title) }
        object["text"] = .string(result.document.text)
        if !result.document.metadata.members.isEmpty { object["metadata"] = .object(result.document.metadata) }
        if let passage = result.passage {
            var span = JSONObject()
            span["start"] = .count(passage.start)
            span["end"] = .count(passage.end)
            object["passage"] = .object(span)
        }
        object["first_stage_rank"] = .count(result.firstStageRank)
        var stages = JSONObject()
        for (pool, found) in zip(answer.pools, result.poolRanks) {
            guard let found else { continue }
            var stage = JSONObject()
            stage["rank"] = .count(found.rank)
            stage["score"] = .finite(found.score)
            stages[pool.name] = .object(stage)
        }
        object["stages"] = .object(stages)
        return object
    }
}
