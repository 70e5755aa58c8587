/// What a model's score is, and which library it is the score of.
public struct ScoreRule: Sendable, Equatable {
    /// From logits to the score, before the activation.
    public var logit: String
    /// What surrounds query and document.
    public var prompt: String
    /// The library whose scores these are.
    public var reference: String
    /// How near they are, in fp32.
    public var agreement: String
    /// What the activation `sigmoid` is centred at: sigmoid(logit - centre).
    public var sigmoidCentre: Float = 0
}

extension ScoreRule {
    static let pair = ScoreRule(
        logit: "the head's", prompt: "the tokenizer's template for pairs",
        reference: "sentence-transformers 5.3.0, CrossEncoder.predict",
        agreement: "token ids equal, logits within 2e-5 on this family's fixture")

    /// `centre` is the library's estimate of the largest score, halved.
    static func mxbai(hiddenSize: Int) -> ScoreRule {
        ScoreRule(
            logit: "logit(\"1\") - logit(\"0\") of the next token",
            prompt: "mxbai-rerank's: query, document and task in a chat, each part tokenized apart",
            reference: "mxbai-rerank 0.1.6, MxbaiRerankV2.predict",
            agreement: "token ids equal, logits within 1e-4 on this family's fixture",
            // 9 for mxbai-rerank-base-v2, which is the one with this hidden size, and 12 for all others.
            sigmoidCentre: hiddenSize == 896 ? 4.5 : 6)
    }

    static let qwen3 = ScoreRule(
        logit: "logit(\"yes\") - logit(\"no\") of the next token",
        prompt: "Qwen3-Reranker's: instruction, query and document in a chat, tokenized as one text",
        reference: "the model card of Qwen3-Reranker, transformers 4.57.6",
        agreement: "token ids equal, logits within 1e-4 on this family's fixture")

    static let qwen3Classification = ScoreRule(
        logit: "the head's, over the last token",
        prompt: "Qwen3-Reranker's, put around query and document before they become a pair",
        reference: "sentence-transformers 5.3.0, CrossEncoder.predict of texts in the prompt",
        agreement: "token ids equal, logits within 1e-4 on this family's fixture")

    static let flagEmbedding = ScoreRule(
        logit: "logit(\"Yes\") of the next token",
        prompt: "FlagEmbedding's: query A, passage B and the task, each part tokenized apart",
        reference: "FlagEmbedding 1.4.2, FlagLLMReranker.compute_score",
        agreement: "token ids equal, logits within 1e-4 on this family's fixture")
}
