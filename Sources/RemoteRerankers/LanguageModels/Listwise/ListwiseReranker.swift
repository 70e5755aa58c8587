public import Ranking
public import Reranking

/// What becomes of a window whose answer names no document: a refusal, an empty answer, words without an order.
public enum UnusableAnswers: String, Sendable, CaseIterable {
    /// `rerank` throws `unexpectedAnswer`.
    case fail
    /// The window keeps the order it had, as if the model had said so; the report counts it. Where no window at all has a
    /// usable answer, `rerank` throws all the same.
    case keepOrder = "keep_order"
}

/// Lets a language model order documents: it reads up to twenty at once and answers with their order.
///
/// A pool that does not fit one window is ordered by `SlidingWindow`. A score is a place, `ScoreKind.rank`: the number of
/// candidates at or behind it. With a deadline, windows are read from the front; the documents that no window has reached
/// in time have no score. An answer that breaks its form is repaired as `ListwiseAnswer` says, and counted by `AnswerFault`.
///
/// The length of a document is estimated (`TokenEstimate`), and what is over `documentTokens` is cut off and reported.
public struct ListwiseReranker: LanguageModelRanker {
    public struct Settings: Sendable {
        public var window = SlidingWindow()
        /// The most tokens that are read of a document; `RerankOptions.maxDocumentTokens` overrides it.
        public var documentTokens = 512
        /// The most tokens that the model may write, which bounds what a model that thinks can think.
        public var maxOutputTokens = 4_096
        /// Nil for our own words, `PromptTemplate.own(for: .listwise)`.
        public var template: PromptTemplate?
        public var unusableAnswers = UnusableAnswers.fail

        public init() {}
    }

    public let model: LanguageModel
    public let settings: Settings
    private let template: PromptTemplate

    /// Throws `invalidInput` for a setting outside its range, or a template with another purpose.
    public init(_ model: LanguageModel, settings: Settings = Settings()) throws(RankingError) {
        try settings.window.check()
        template = try PromptTemplate.checked(settings.template, for: .listwise)
        try LanguageModelOptions.check(
            documentTokens: settings.documentTokens, maxOutputTokens: settings.maxOutputTokens)
        self.model = model
        self.settings = settings
    }

    public func estimate(
        _ query: String, _ documents: [Document], options: RerankOptions
    ) async throws -> RunEstimate {
        let estimate = try estimate(try read(query, documents, limit: nil, options), options)
        try LanguageModelOptions.check(estimate, options)
        return estimate
    }

    public func rerank(
        _ query: String, _ documents: [Document], limit: Int?, options: RerankOptions
    ) async throws -> DocumentRanking {
        let begin = ContinuousClock.now
        let texts = try read(query, documents, limit: limit, options)
        try LanguageModelOptions.check(try estimate(texts, options), options)
        let call = ServiceCall(
            deadline: options.deadline.map { begin + $0 }, client: options.client, maxWait: options.maxWait)
        let asked = ContinuousClock.now
        let order = try await order(texts, call, options)
        let end = ContinuousClock.now

        var candidates = order.list.enumerated().map { place, index in
            guard order.isReached[index] else { return Candidate(unscored: documents[index], index: index) }
            let score = Float(documents.count - place)
            return texts.candidate(documents[index], index: index, score: score, kind: .rank, logit: score)
        }
        candidates.sort(by: Candidate.precedes)
        let scored = candidates.count { $0.isScored }
        if let limit { candidates = Array(candidates.prefix(limit)) }
        let usage = call.usage
        let report = RerankReport(
            model: name, documents: documents.count, unscoredDocuments: documents.count - scored, pairs: scored,
            tokens: usage.inputTokens ?? 0, truncatedDocuments: texts.truncatedDocuments,
            inferenceMilliseconds: (end - asked).milliseconds, totalMilliseconds: (.now - begin).milliseconds,
            usage: usage)
        return DocumentRanking(candidates: candidates, report: report)
    }
}

// MARK: - Windows

extension ListwiseReranker {
    private struct Order {
        /// Positions in the caller's list, best first.
        var list: [Int]
        /// By position in the caller's list: whether a window with it was done.
        var isReached: [Bool]
    }

    private func order(
        _ texts: ReadDocuments, _ call: ServiceCall, _ options: RerankOptions
    ) async throws -> Order {
        let count = texts.texts.count
        var order = Order(list: Array(0..<count), isReached: Array(repeating: count == 1, count: count))
        var unusable: [Set<AnswerFault>] = []
        var asked = 0
        let windows = windows(count, options)
        for window in windows {
            let members = window.positions.map { order.list[$0] }
            let answer: ListwiseAnswer
            do {
                answer = try await self.answer(texts, members, call, options)
            } catch is DeadlinePassed {
                break
            }
            asked += 1
            call.add(faults: answer.faults)
            if answer.isUsable {
                window.reorder(&order.list, by: answer.order)
            } else {
                unusable.append(answer.faults)
                guard settings.unusableAnswers == .keepOrder else { throw unusableAnswer(answer.faults, members.count) }
            }
            for member in members { order.isReached[member] = true }
            options.progress?(RerankProgress(scoredPairs: order.isReached.count { $0 }, totalPairs: count))
        }
        if let faults = unusable.last, unusable.count == asked { throw unusableAnswer(faults, count) }
        if model.schemaRefusal != nil, !windows.isEmpty {
            call.add(note: "The server does not enforce JSON for this model; orders were asked for as text.")
        }
        return order
    }

    private func windows(_ count: Int, _ options: RerankOptions) -> [ListwiseWindow] {
        settings.window.windows(count: count, order: options.deadline == nil ? .backToFront : .frontToBack)
    }

    private func answer(
        _ texts: ReadDocuments, _ members: [Int], _ call: ServiceCall, _ options: RerankOptions
    ) async throws -> ListwiseAnswer {
        let frame = texts.frame(members)
        let (answer, form) = try await model.order(call) { form throws(RankingError) in
            prompt(frame, count: members.count, form, options)
        }
        return ListwiseAnswer(answer, count: members.count, form: form)
    }

    private func prompt(
        _ frame: PassageFrame, count: Int, _ form: AnswerForm, _ options: RerankOptions
    ) -> ChatPrompt {
        let (system, user) = template.filled { place in
            switch place {
            case .query: frame.query
            case .passages: frame.passages
            case .boundary: frame.boundary
            case .count: String(count)
            case .instruction: options.instruction ?? PromptTemplate.ownInstruction
            case .answerForm: PromptTemplate.answerForm(form)
            }
        }
        return ChatPrompt(
            system: system, user: user, answer: .order(form), maxOutputTokens: settings.maxOutputTokens)
    }

    private func read(
        _ query: String, _ documents: [Document], limit: Int?, _ options: RerankOptions
    ) throws(RankingError) -> ReadDocuments {
        try LanguageModelOptions.check(options, limit: limit, template: template, hasScores: false, name: name)
        return try ReadDocuments(query, documents, options: options, documentTokens: settings.documentTokens)
    }

    private func unusableAnswer(_ faults: Set<AnswerFault>, _ count: Int) -> RankingError {
        let names = faults.map(\.rawValue).sorted().joined(separator: ", ")
        return RankingError(
            .unexpectedAnswer, what: "\(name) gave no order for \(count) documents (\(names)).",
            why: faults.contains(.refusal)
                ? "The model, or a filter of the service, declined to answer."
                : faults.contains(.cut)
                    ? "It wrote \(settings.maxOutputTokens) tokens, and the order was not among them."
                    : "Its answer names none of them.",
            fix: faults.contains(.cut)
                ? "Let it write more (maxOutputTokens), or think less."
                : "Take another model or prompt, or let such windows keep their order (unusableAnswers).")
    }
}

// MARK: - Estimate

extension ListwiseReranker {
    /// Windows hold other documents as the order changes, so the mean of all documents stands for each.
    private func estimate(_ texts: ReadDocuments, _ options: RerankOptions) throws(RankingError) -> RunEstimate {
        let windows = windows(texts.texts.count, options)
        guard let largest = windows.map(\.positions.count).max() else { return .zero }
        // With texts of nothing, a window is its words and marks.
        let empty = PassageFrame(query: texts.query, passages: Array(repeating: "", count: largest))
        let words = prompt(empty, count: largest, model.orderForm, options).estimatedTokens
        let places = windows.reduce(0) { $0 + $1.positions.count }
        let documentTokens = texts.texts.reduce(0) { $0 + $1.tokens }
        return RunEstimate(
            requests: windows.count,
            inputTokens: words * windows.count + documentTokens * places / texts.texts.count,
            // A number, a comma and a space are two to four tokens.
            outputTokens: 16 * windows.count + 4 * places, maxOutputTokens: settings.maxOutputTokens * windows.count,
            price: model.price)
    }
}
