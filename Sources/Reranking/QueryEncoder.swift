import Ranking
import Tokenizers

/// A query as the model is asked it, waiting for documents: texts in, token ids out, cut to the window.
struct QueryEncoder: Sendable {
    private enum Input: Sendable {
        case pair(PairEncoder, query: [Int32], droppedQuery: Int)
        case causal(CausalPrompt.Question)
    }

    private let tokenizer: Tokenizer
    private let input: Input
    /// Put before and behind a document, as text.
    private let before: String
    private let behind: String
    private let window: Int
    private let truncation: TruncationPolicy

    /// - Parameter addsPrompt: False leaves the texts of a classification head without the prompt of its model.
    init(
        _ query: String, _ model: CrossEncoder, truncation: TruncationPolicy?, instruction: String?, maxTokens: Int?,
        addsPrompt: Bool = true
    ) throws(RankingError) {
        tokenizer = model.tokenizer
        window = min(maxTokens ?? .max, model.description.maxTokens)
        self.truncation = truncation ?? .longestFirst
        var query = query
        switch model.form {
        case .causal(let prompt):
            guard truncation == nil else {
                throw RankingError(
                    .invalidInput, what: "\(model.description.name) is a causal model.",
                    why: "Its prompt says what is cut: the document, and a query that takes too much of the window.",
                    fix: "Leave the truncation out.")
            }
            input = .causal(try prompt.asking(query, instruction: instruction, window: window))
            (before, behind) = ("", "")
            return
        case .qwen3Pair where addsPrompt:
            query = CausalPrompt.qwen3Head + CausalPrompt.qwen3(query: query, instruction: instruction)
            (before, behind) = (CausalPrompt.qwen3(document: ""), CausalPrompt.qwen3Tail)
        case .pair, .qwen3Pair:
            guard instruction == nil else {
                throw RankingError(
                    .invalidInput, what: "\(model.description.name) takes no instruction.",
                    why: "Only prompts of \(QueryEncoder.instructed) have a place for it.",
                    fix: "Leave the instruction out.")
            }
            (before, behind) = ("", "")
        }
        let encoder = PairEncoder(tokenizer: tokenizer, maxLength: window, truncation: self.truncation.ofPair)
        guard window - encoder.specialTokens >= 2 else {
            throw RankingError(
                .invalidInput, what: "A window of \(window) tokens has no room for a query and a document.",
                why: "\(encoder.specialTokens) of them are special tokens.",
                fix: "Allow at least \(encoder.specialTokens + 2) tokens.")
        }
        let ids = tokenizer.encode(query)
        let kept = ids.prefix(self.truncation.queryLimit(window: window))
        input = .pair(encoder, query: Array(kept), droppedQuery: ids.count - kept.count)
    }

    private static let instructed = "Qwen2, Qwen3 and Gemma"

    var queryTokens: Int {
        switch input {
        case .pair(_, let query, _): query.count
        case .causal(let question): question.queryTokens
        }
    }

    /// The tokens that query and document may have together.
    var budget: Int {
        switch input {
        case .pair(let encoder, _, _): window - encoder.specialTokens
        case .causal(let question): question.queryTokens + question.documentRoom
        }
    }

    /// How a query shares the window with the passages of a document of so many tokens: the query keeps half the room, or
    /// what a shorter document leaves, as longest_first would cut it.
    func shares(documentTokens tokens: Int) -> (query: Int, passage: Int) {
        switch input {
        case .pair(_, let query, _):
            let room = truncation == .longestFirst ? max(budget / 2, budget - tokens) : query.count
            let kept = min(query.count, room)
            return (kept, budget - kept - wrapping)
        case .causal(let question): return (question.queryTokens, question.documentRoom)
        }
    }

    /// Tokens of the prompt around a document.
    private var wrapping: Int {
        before.isEmpty && behind.isEmpty ? 0 : tokenizer.encode(before).count + tokenizer.encode(behind).count
    }

    /// `tokens` are those of the text, where they are known. A pair's query can be cut to `queryTokens` first.
    func encode(
        _ document: String, tokens: [Int32]?, queryTokens: Int = .max
    ) throws(RankingError) -> EncodedPair {
        switch input {
        case .causal(let question): return question.encode(document)
        case .pair(let encoder, let query, let droppedQuery):
            let isPlain = before.isEmpty && behind.isEmpty
            let ids = (isPlain ? tokens : nil) ?? tokenizer.encode(before + document + behind)
            let kept = query.prefix(queryTokens)
            var pair = try encoder.encode(kept, ids)
            pair.droppedFirst += droppedQuery + query.count - kept.count
            return pair
        }
    }
}
