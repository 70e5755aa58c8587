import OrderedJSON
import Ranking
import Tokenizers

/// How a causal reranker is asked, as the library that it was published with asks it.
struct CausalPrompt: Sendable {
    enum Library: Sendable {
        /// mxbai-rerank 0.1.6. Parts are tokenized apart; the window holds query and document, the template comes on top.
        case mxbai
        /// The model card of Qwen3-Reranker. The body is tokenized as one text and cut at its end.
        case qwen3
        /// FlagEmbedding 1.4.2. Parts are tokenized apart.
        case flagEmbedding

        /// Without a window in the options.
        var defaultWindow: Int { self == .flagEmbedding ? 512 : 8_192 }
    }

    let library: Library
    private let tokenizer: Tokenizer
    private let firstToken: [Int32]

    init(_ library: Library, tokenizer: Tokenizer, config: JSONObject, path: String) throws(RankingError) {
        self.library = library
        self.tokenizer = tokenizer
        firstToken =
            library == .flagEmbedding
            ? [Int32(try FieldReader(config, source: path).integer("bos_token_id", in: 0...16_777_215))] : []
    }

    /// The tokens whose logits are compared: the answer that stands for relevance, and the other where it counts.
    func answers() throws(RankingError) -> [Int32] {
        switch library {
        case .mxbai: [try first("1"), try first("0")]
        case .qwen3: [try only("yes"), try only("no")]
        case .flagEmbedding: [try first("Yes")]
        }
    }

    private func first(_ answer: String) throws(RankingError) -> Int32 {
        guard let id = tokenizer.encode(answer).first else { throw missing(answer) }
        return id
    }

    private func only(_ answer: String) throws(RankingError) -> Int32 {
        let ids = tokenizer.encode(answer)
        guard ids.count == 1 else { throw missing(answer) }
        return ids[0]
    }

    private func missing(_ answer: String) -> RankingError {
        RankingError(
            .unsupportedModel, what: "The answer \"\(answer)\" is no token of this model.",
            why: "A causal reranker is scored by the logit of its answer.",
            fix: "Use a model that was trained to answer so.")
    }

    /// The longest window for a model of so many positions.
    func window(positions: Int) throws(RankingError) -> Int {
        let window = min(library.defaultWindow, positions - reserved(instruction: nil))
        guard window >= 2 else {
            throw RankingError(
                .unsupportedModel, what: "The model has \(positions) positions.",
                why: "Its prompt alone has \(reserved(instruction: nil)) tokens.", fix: "Use another checkpoint.")
        }
        return window
    }

    /// Tokens that come on top of the window.
    private func reserved(instruction: String?) -> Int {
        let parts = parts(instruction: instruction)
        switch library {
        case .mxbai: return parts.head.count + parts.tail.count
        case .qwen3: return 0
        case .flagEmbedding: return 2 * parts.tail.count
        }
    }

    private static let instruction = "Given a web search query, retrieve relevant passages that answer the query"
    static let qwen3Head = """
        <|im_start|>system
        Judge whether the Document meets the requirements based on the Query and the Instruct provided. Note that the \
        answer can only be "yes" or "no".<|im_end|>
        <|im_start|>user

        """
    static let qwen3Tail = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    private static let mxbaiHead = """
        <|im_start|>system
        You are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>
        <|im_start|>user

        """
    private static let mxbaiTask = """
        You are a search relevance expert who evaluates how well documents match search queries. For each query-document \
        pair, carefully analyze the semantic relationship between them, then provide your binary relevance judgment (0 \
        for not relevant, 1 for relevant).
        Relevance:
        """
    private static let flagEmbeddingTask = """
        Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a \
        prediction of either 'Yes' or 'No'.
        """

    /// Texts of a query and a document in Qwen3's form.
    static func qwen3(query: String, instruction: String?) -> String {
        "<Instruct>: \(instruction ?? CausalPrompt.instruction)\n<Query>: \(query)\n"
    }
    static func qwen3(document: String) -> String { "<Document>: \(document)" }

    /// What stands before, between and behind query and document.
    fileprivate struct Parts {
        var head: [Int32] = []
        var seam: [Int32] = []
        var tail: [Int32] = []
    }

    private func parts(instruction: String?) -> Parts {
        switch library {
        case .mxbai:
            let seam = tokenizer.encode("\n")
            return Parts(
                head: tokenizer.encode(CausalPrompt.mxbaiHead), seam: seam,
                tail: seam + tokenizer.encode(CausalPrompt.mxbaiTask)
                    + tokenizer.encode("<|im_end|>\n<|im_start|>assistant\n"))
        case .qwen3:
            return Parts(
                head: tokenizer.encode(CausalPrompt.qwen3Head), tail: tokenizer.encode(CausalPrompt.qwen3Tail))
        case .flagEmbedding:
            let seam = tokenizer.encode("\n")
            return Parts(
                head: firstToken, seam: seam,
                tail: seam + tokenizer.encode(instruction ?? CausalPrompt.flagEmbeddingTask))
        }
    }

    /// The prompt with a query in it.
    func asking(_ query: String, instruction: String?, window: Int) throws(RankingError) -> Question {
        let parts = parts(instruction: instruction)
        let question: Question
        switch library {
        case .mxbai:
            let text = (instruction.map { "instruction: \($0)\n" } ?? "") + "query: \(query)"
            question = Question(
                apart: tokenizer.encode(text), parts, documentPrefix: "document: ", window: window,
                total: window + parts.head.count, tokenizer)
        case .qwen3:
            question = Question(
                text: CausalPrompt.qwen3(query: query, instruction: instruction), parts, window: window, tokenizer)
        case .flagEmbedding:
            question = Question(
                apart: tokenizer.encode("A: \(query)"), parts, documentPrefix: "B: ", window: window,
                total: window + parts.tail.count, tokenizer)
        }
        // Qwen3's text is cut at its end, even where that is the query's; its own prompt has to fit.
        let isRoom =
            library == .qwen3
            ? window > parts.head.count + parts.tail.count : question.documentRoom > 0
        guard isRoom else {
            throw RankingError(
                .invalidInput, what: "A window of \(window) tokens has no room for a query and a document.",
                why: "The model's prompt and the query fill it.", fix: "Allow more tokens.")
        }
        return question
    }

    /// A prompt with its query, waiting for documents.
    struct Question: Sendable {
        private let tokenizer: Tokenizer
        private let parts: Parts
        private let query: [Int32]
        /// The query as text, where query and document are tokenized together.
        private let queryText: String?
        private let documentPrefix: String
        private let window: Int
        private let droppedQueryTokens: Int
        /// Tokens that a document may have; where it is tokenized together with the query, a few are kept for the seam.
        let documentRoom: Int

        /// Query and document are tokenized apart. `total` are the tokens up to the document's end.
        fileprivate init(
            apart query: [Int32], _ parts: Parts, documentPrefix: String, window: Int, total: Int,
            _ tokenizer: Tokenizer
        ) {
            let limit = TruncationPolicy.flagEmbedding.queryLimit(window: window)
            self.tokenizer = tokenizer
            self.parts = parts
            self.query = Array(query.prefix(limit))
            self.documentPrefix = documentPrefix
            self.window = window
            queryText = nil
            droppedQueryTokens = max(0, query.count - limit)
            documentRoom = min(window, total - parts.head.count - self.query.count - parts.seam.count)
        }

        fileprivate init(text query: String, _ parts: Parts, window: Int, _ tokenizer: Tokenizer) {
            self.tokenizer = tokenizer
            self.parts = parts
            self.query = tokenizer.encode(query)
            self.window = window
            queryText = query
            documentPrefix = ""
            droppedQueryTokens = 0
            let seam = 16
            documentRoom = max(0, window - parts.head.count - parts.tail.count - self.query.count - seam)
        }

        var queryTokens: Int { query.count }

        func encode(_ document: String) -> EncodedPair {
            let body: [Int32]
            let dropped: Int
            var droppedQuery = droppedQueryTokens
            if let queryText {
                let whole = tokenizer.encode(queryText + CausalPrompt.qwen3(document: document))
                body = Array(whole.prefix(max(0, window - parts.head.count - parts.tail.count)))
                droppedQuery = max(0, query.count - body.count)
                dropped = whole.count - body.count - droppedQuery
            } else {
                let ids = tokenizer.encode(documentPrefix + document)
                let kept = ids.prefix(documentRoom)
                body = query + parts.seam + kept
                dropped = ids.count - kept.count
            }
            let ids = parts.head + body + parts.tail
            return EncodedPair(
                tokenIDs: ids, typeIDs: [Int32](repeating: 0, count: ids.count), droppedFirst: droppedQuery,
                droppedSecond: dropped)
        }
    }
}
