import OrderedJSON
import Outbound
public import Ranking
public import Reranking
import Synchronization

/// A reranker that is a service: hosted, or a server of one's own.
///
/// Every document of a call gets exactly one score from the service, or the call throws: an answer that leaves one out,
/// names one twice, or has a score that is no finite number is refused. Calls with more documents than a request may have
/// are sent in parts, at the same time.
///
/// What a service's interface has no field for is refused as `invalidInput`; see `RerankOptions` for what that can be.
/// Obeyed here, for every service, are `rankFields` (documents are sent as the text that a model on this machine would
/// read), `minScore`, `maxDocumentBytes`, `deadline`, `client`, `maxWait` and `progress`. Where documents are longer than
/// the model's window, `truncate` lets the service cut them by its own rule; it does not say how much, so that
/// `report.truncatedDocuments` does not count them.
///
/// With a deadline, documents whose part was not answered in time are `unscored`. A service that fails before then is an
/// error: the caller can still use the time for another reranker.
public struct RemoteReranker: DocumentRanker {
    public let name: String
    public var services: [String] { [name] }
    /// Whether the service is asked at the moment.
    public var circuitBreaker: CircuitBreaker { client.circuitBreaker }

    private let contract: any RerankContract.Type
    private let model: String?
    private let client: ServiceClient
    private let options: RemoteRerankerOptions
    private let price: ServicePrice?
    private let limits: KnownLimits

    /// Throws RankingError: `invalidInput` where the name lacks a model or an address that the service needs, or a setting
    /// cannot be used; `accessDenied` where a hosted service gets no key. Does not touch the network.
    ///
    /// - Parameter environment: Where keys are looked up; nil for the variables of this process.
    public init(
        _ name: RemoteRerankerName, settings: ServiceSettings = ServiceSettings(),
        options: RemoteRerankerOptions = RemoteRerankerOptions(), environment: [String: String]? = nil
    ) throws(RankingError) {
        contract = name.service.contract
        self.name = name.description
        self.options = options
        model = name.model
        price = options.prices[name.service, name.model]
        if let most = options.maxDocumentsPerRequest, most < 1 {
            throw RankingError(
                .invalidInput, what: "Requests to \(name) may have \(most) documents.",
                why: "None could be sent.", fix: "Give a number from 1, or none for the service's own.")
        }
        guard name.model != nil || !contract.needsModel else { throw name.lacksModel }
        var key = settings.key
        if key == nil { key = try ServiceKey.fromEnvironment(contract.keyVariables, in: environment) }
        let ownAddress = name.baseURL ?? settings.baseURL
        guard let address = ownAddress ?? contract.baseURL(for: key) else { throw name.lacksAddress }
        guard key != nil || ownAddress != nil else { throw name.lacksKey(contract.keyVariables) }
        client = try ServiceClient(
            name: name.description, baseURL: address, key: key, settings: settings, rules: contract.rules)
        limits = KnownLimits(most: options.maxDocumentsPerRequest)
    }

    /// Every token that is sent counts, the query's once for each document; what a service cuts off is not known. A TEI that
    /// was not asked for its limit yet is taken for one with the usual limit.
    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate {
        let texts = try read(query, documents, options).texts
        let parts = limits.expected(contract).parts(of: texts, query: query)
        let queryTokens = TokenEstimate.tokens(query)
        let tokens = texts.map { queryTokens + TokenEstimate.tokens($0) }
        let units = parts.compactMap { contract.searchUnits(ofPairs: tokens[$0]) }
        return RunEstimate(
            requests: parts.count, inputTokens: tokens.reduce(0, +),
            searchUnits: units.isEmpty ? nil : units.reduce(0, +), price: price)
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = ContinuousClock.now
        try RerankInput.check(limit: limit)
        let (contract, rule, texts) = try read(query, documents, options)
        let call = ServiceCall(
            deadline: options.deadline.map { begin + $0 }, client: options.client, maxWait: options.maxWait)
        let answered = try await scores(of: texts, query, contract, rule, call, options)
        let scored = ContinuousClock.now
        var candidates = answered.enumerated().map { index, score in
            score.map { rule.candidate(documents[index], index: index, $0) }
                ?? Candidate(unscored: documents[index], index: index)
        }
        let unscored = candidates.count { !$0.isScored }
        var belowMinScore = 0
        if let minScore = options.minScore {
            let count = candidates.count
            // As for a model on this machine: what has no score may be above or below, and cannot be vouched for.
            candidates.removeAll { !$0.isScored || $0.score < minScore }
            belowMinScore = count - unscored - candidates.count
        }
        candidates.sort(by: Candidate.precedes)
        if let limit { candidates = Array(candidates.prefix(limit)) }
        var usage = call.usage
        usage.cost = price?.cost(of: usage)
        let end = ContinuousClock.now
        let report = RerankReport(
            model: name, documents: documents.count, belowMinScore: belowMinScore, unscoredDocuments: unscored,
            pairs: documents.count - unscored, tokens: usage.inputTokens ?? 0,
            inferenceMilliseconds: (scored - begin).milliseconds, rankMilliseconds: (end - scored).milliseconds,
            totalMilliseconds: (end - begin).milliseconds, usage: usage)
        return DocumentRanking(candidates: candidates, report: report)
    }

    // MARK: Requests

    /// The service's score of each document; nil for those that the deadline left out.
    private func scores(
        of texts: [String], _ query: String, _ contract: any RerankContract, _ rule: RemoteScoreRule,
        _ call: ServiceCall, _ options: RerankOptions
    ) async throws -> [Float?] {
        var scores = [Float?](repeating: nil, count: texts.count)
        let parts: [Range<Int>]
        do {
            parts = try await limits.of(self.contract, client, call).parts(of: texts, query: query)
        } catch is DeadlinePassed {
            return scores
        }
        try await withThrowingTaskGroup(of: (part: Range<Int>, scores: [Float])?.self) { group in
            for part in parts {
                group.addTask {
                    do {
                        return (part, try await partScores(Array(texts[part]), query, contract, rule, call))
                    } catch is DeadlinePassed {
                        return nil
                    }
                }
            }
            var scored = 0
            // A part that fails ends the others.
            for try await answered in group {
                guard let answered else { continue }
                for (index, score) in zip(answered.part, answered.scores) { scores[index] = score }
                scored += answered.part.count
                options.progress?(RerankProgress(scoredPairs: scored, totalPairs: texts.count))
            }
        }
        return scores
    }

    private func partScores(
        _ texts: [String], _ query: String, _ contract: any RerankContract, _ rule: RemoteScoreRule,
        _ call: ServiceCall
    ) async throws -> [Float] {
        let request = contract.request(query, texts, model: model)
        let answer = AnswerReader(
            value: try await client.post(request.path, .object(request.body), call).json(), client: client)
        let answered = try contract.scores(in: answer)
        // What an answer that is refused below cost is owed all the same.
        call.add(contract.usage(in: answer))
        return try answer.scores(answered, documents: texts.count, rule)
    }

    /// What is sent, and how the answer is read.
    private func read(
        _ query: String, _ documents: [Document], _ options: RerankOptions
    ) throws(RankingError) -> (contract: any RerankContract, rule: RemoteScoreRule, texts: [String]) {
        try RerankInput.check(query, documents, options)
        let contract = try contract.init(options: options, name: name)
        let rule = try RemoteScoreRule(
            given: self.options.scoreKind ?? contract.scoreKind, isDeclared: self.options.scoreKind != nil, options,
            name)
        return (contract, rule, try texts(of: documents, options))
    }

    private func texts(of documents: [Document], _ options: RerankOptions) throws(RankingError) -> [String] {
        var texts: [String] = []
        texts.reserveCapacity(documents.count)
        for (index, document) in documents.enumerated() {
            let text = try document.text(rankFields: options.rankFields)
            if let most = options.maxDocumentBytes, text.utf8.count > most {
                throw RankingError(
                    .invalidInput, what: "Document \(index) has \(text.utf8.count) bytes of text.",
                    why: "The limit is \(most).", fix: "Shorten it, or split it into several documents.")
            }
            texts.append(text)
        }
        return texts
    }
}

/// What one request may hold, once it is known.
private final class KnownLimits: Sendable {
    /// What the caller allows.
    private let most: Int?
    private let known = Mutex<RequestLimits?>(nil)

    init(most: Int?) { self.most = most }

    /// Without asking.
    func expected(_ contract: any RerankContract.Type) -> RequestLimits {
        known.withLock(\.self)
            ?? most.map { RequestLimits(documents: $0, bytes: contract.limits.bytes) } ?? contract.limits
    }

    /// Asks a service that says it, until it has said so; not where the caller has.
    func of(
        _ contract: any RerankContract.Type, _ client: ServiceClient, _ call: ServiceCall
    ) async throws -> RequestLimits {
        if let known = known.withLock(\.self) { return known }
        let limits =
            if most == nil { try await contract.limits(of: client, call) } else { expected(contract) }
        known.withLock { $0 = limits }
        return limits
    }
}
