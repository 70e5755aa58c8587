public import Ranking
public import Reranking

/// Asks a language model about each document whether it is relevant, yes or no, and ranks by the probability of yes.
///
/// `score = p(yes) / (p(yes) + p(no))`, by the probabilities of the answer's first token: `ScoreKind.normalizedRelevance`;
/// the logit is `ln p(yes) - ln p(no)`. One request a document, of which one token of output. It needs a server that gives
/// `top_logprobs`: OpenAI's models that do not think, vLLM, llama.cpp, Ollama from 0.12.11.
///
/// A document whose answer begins with neither word has no score, and is counted as a malformed answer. With a deadline,
/// documents are asked about in the order given.
///
/// Source: Liang et al. 2022 (relevance generation), <https://arxiv.org/abs/2211.09110>.
public struct PointwiseReranker: LanguageModelRanker {
    public struct Settings: Sendable {
        /// The most tokens that are read of a document; `RerankOptions.maxDocumentTokens` overrides it.
        public var documentTokens = 1_024
        /// How many likely first tokens the server is asked for; many allow no more than 20.
        public var alternatives = 20
        /// Nil for our own words, `PromptTemplate.own(for: .yesNo)`.
        public var template: PromptTemplate?

        public init() {}
    }

    public let model: LanguageModel
    public let settings: Settings
    private let template: PromptTemplate

    /// Throws `invalidInput` for a setting outside its range, `unsupportedModel` for an interface without probabilities.
    public init(_ model: LanguageModel, settings: Settings = Settings()) throws(RankingError) {
        template = try PromptTemplate.checked(settings.template, for: .yesNo)
        try LanguageModelOptions.check(documentTokens: settings.documentTokens, maxOutputTokens: 1)
        guard (2...1_000).contains(settings.alternatives) else {
            throw RankingError(
                .invalidInput, what: "\(settings.alternatives) likely tokens are to be asked for.",
                why: "Yes and no are two, and no server gives a thousand.", fix: "Give a number from 2, such as 20.")
        }
        guard model.givesProbabilities else { throw PointwiseReranker.noProbabilities(model.name, cause: nil) }
        self.model = model
        self.settings = settings
    }

    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate {
        let estimate = estimate(try read(query, documents, limit: nil, options), options)
        try LanguageModelOptions.check(estimate, options)
        return estimate
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = ContinuousClock.now
        let texts = try read(query, documents, limit: limit, options)
        try LanguageModelOptions.check(estimate(texts, options), options)
        let call = ServiceCall(
            deadline: options.deadline.map { begin + $0 }, client: options.client, maxWait: options.maxWait)
        let asked = ContinuousClock.now
        let answers = try await answers(texts, call, options)
        let end = ContinuousClock.now

        var candidates = documents.indices.map { index in
            guard let answer = answers[index] else { return Candidate(unscored: documents[index], index: index) }
            return texts.candidate(
                documents[index], index: index, score: Float(answer.score), kind: .normalizedRelevance,
                logit: Float(answer.logit))
        }
        let scored = candidates.count { $0.isScored }
        var belowMinScore = 0
        if let minScore = options.minScore {
            candidates.removeAll { !$0.isScored || $0.score < minScore }
            belowMinScore = scored - candidates.count
        }
        candidates.sort(by: Candidate.precedes)
        if let limit { candidates = Array(candidates.prefix(limit)) }
        let usage = call.usage
        let report = RerankReport(
            model: name, documents: documents.count, belowMinScore: belowMinScore,
            unscoredDocuments: documents.count - scored, pairs: scored, tokens: usage.inputTokens ?? 0,
            truncatedDocuments: texts.truncatedDocuments, inferenceMilliseconds: (end - asked).milliseconds,
            totalMilliseconds: (.now - begin).milliseconds, usage: usage)
        return DocumentRanking(candidates: candidates, report: report)
    }
}

// MARK: - Requests

extension PointwiseReranker {
    /// By document; nil for one without a score.
    private func answers(
        _ texts: ReadDocuments, _ call: ServiceCall, _ options: RerankOptions
    ) async throws -> [YesNo?] {
        let count = texts.texts.count
        var answers = [YesNo?](repeating: nil, count: count)
        var answered = 0
        try await withThrowingTaskGroup(of: (index: Int, answer: Answer).self) { group in
            var next = 0
            func ask() {
                guard next < count else { return }
                let index = next
                next += 1
                group.addTask { (index, try await self.answer(texts, index, call, options)) }
            }
            for _ in 0..<model.maxRequestsAtOnce { ask() }
            while let (index, answer) = try await group.next() {
                switch answer {
                case .late: continue
                case .unreadable: answered += 1
                case .score(let score):
                    answered += 1
                    answers[index] = score
                }
                options.progress?(RerankProgress(scoredPairs: answered, totalPairs: count))
                ask()
            }
        }
        if answered > 0, answers.allSatisfy({ $0 == nil }) {
            throw RankingError(
                .unexpectedAnswer, what: "No answer of \(name) begins with yes or no.",
                why: "A model that thinks first, or a prompt that does not ask for one word.",
                fix: "Take a model that answers at once, or rerank listwise.")
        }
        return answers
    }

    private enum Answer {
        case score(YesNo)
        case unreadable
        /// The deadline came first.
        case late
    }

    private func answer(
        _ texts: ReadDocuments, _ index: Int, _ call: ServiceCall, _ options: RerankOptions
    ) async throws -> Answer {
        let answer: ChatAnswer
        do {
            answer = try await model.ask(prompt(texts.frame(CollectionOfOne(index)), options), call)
        } catch is DeadlinePassed {
            return .late
        } catch let error as RankingError {
            let refusal = (error.cause as? ServiceRefusal)?.message?.lowercased() ?? ""
            throw refusal.contains("logprob") ? PointwiseReranker.noProbabilities(name, cause: error) : error
        }
        guard answer.end != .refused else {
            call.add(faults: [.refusal])
            return .unreadable
        }
        guard let tokens = answer.firstTokens else { throw PointwiseReranker.noProbabilities(name, cause: nil) }
        guard let score = YesNo(tokens) else {
            call.add(faults: [tokens.isEmpty ? .empty : .unreadable])
            return .unreadable
        }
        return .score(score)
    }

    private func prompt(_ frame: PassageFrame, _ options: RerankOptions) -> ChatPrompt {
        let (system, user) = template.filled { place in
            switch place {
            case .query: frame.query
            case .passages: frame.passages
            case .boundary: frame.boundary
            case .instruction: options.instruction ?? PromptTemplate.ownInstruction
            // Places of other purposes, which a template of this one does not have.
            case .count, .answerForm: ""
            }
        }
        return ChatPrompt(
            system: system, user: user, answer: .firstToken(alternatives: settings.alternatives), maxOutputTokens: 1)
    }

    private func read(
        _ query: String, _ documents: [Document], limit: Int?, _ options: RerankOptions
    ) throws(RankingError) -> ReadDocuments {
        try LanguageModelOptions.check(options, limit: limit, template: template, hasScores: true, name: name)
        return try ReadDocuments(query, documents, options: options, documentTokens: settings.documentTokens)
    }

    private func estimate(_ texts: ReadDocuments, _ options: RerankOptions) -> RunEstimate {
        let count = texts.texts.count
        let empty = PassageFrame(query: texts.query, passages: [""])
        let words = prompt(empty, options).estimatedTokens
        return RunEstimate(
            requests: count, inputTokens: words * count + texts.texts.reduce(0) { $0 + $1.tokens }, outputTokens: count,
            maxOutputTokens: count, price: model.price)
    }

    private static func noProbabilities(_ name: String, cause: RankingError?) -> RankingError {
        RankingError(
            .unsupportedModel, what: "\(name) gives no probabilities of tokens.",
            why: cause?.why ?? "Its answer has no logprobs, and a yes or no alone would not rank.",
            fix: "Take a server that has top_logprobs (vLLM, llama.cpp, OpenAI), or rerank listwise.", cause: cause)
    }
}
