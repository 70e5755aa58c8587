import OrderedJSON
import Ranking
import Reranking

/// The form in which a client asks, and wants its answer.
enum Dialect: String, CaseIterable {
    /// `/v1/rerank`: Cohere 1, Jina, vLLM, llama.cpp, Open WebUI.
    case cohere1 = "cohere-v1"
    case cohere2 = "cohere-v2"
    case voyage
    case mixedbread
    case infinity
    case pinecone
    case isaacus
    case tei

    /// Chosen by the body's members first, since several vendors share a path.
    static func of(_ path: String, _ body: RequestFields, hasAPIKeyHeader: Bool) -> Dialect {
        if body.has("texts") { return path == "/rerank" ? .tei : .isaacus }
        if body.has("input") { return .mixedbread }
        // Voyage's client sends both with every request, as null where they were not given.
        if body.has("truncation") || body.has("top_k") && !body.has("top_n") { return .voyage }
        switch path {
        case "/v2/rerank": return .cohere2
        case "/rerank": return hasAPIKeyHeader ? .pinecone : .infinity
        default: return .cohere1
        }
    }

    /// The member with the documents.
    var documentsKey: String {
        switch self {
        case .tei, .isaacus: "texts"
        case .mixedbread: "input"
        default: "documents"
        }
    }
}

/// What a rerank request asks for, whoever's form it has.
struct RerankCall {
    var dialect: Dialect
    var model: String?
    var query: String
    var documents: [Document]
    /// Nil for all.
    var limit: Int?
    var returnsDocuments: Bool
    /// Scores as the model's head gives them, instead of 0 to 1.
    var rawScores: Bool
    var options: RerankOptions
    var spans: SpanRequest?
    /// Whether the answer has Resift's own members.
    var wantsReport: Bool
    /// Whether each result says which tokens matched; brings the report along.
    var explains: Bool
    /// What the request asked for that was not done, for the answer's warnings.
    var warnings: [String] = []

    /// Cohere's `relevant_spans`: the sentences of each result that match best.
    struct SpanRequest: Equatable {
        var threshold: Double
        var maxSpans: Int
    }

    init(
        _ body: RequestFields, dialect: Dialect, limits: RequestLimits, longDocuments: LongDocuments
    ) throws(WireError) {
        self.dialect = dialect
        model = try body.string("model")
        query = try body.requiredString("query")
        documents = try body.documents(dialect.documentsKey)
        try limits.check(documents, key: dialect.documentsKey)
        let counts = 0...Int(Int32.max)
        // vLLM writes 0 for all.
        var top = try body.integer("top_n", in: counts)
        if top == nil { top = try body.integer("top_k", in: counts) }
        limit = top == 0 ? nil : top
        returnsDocuments = try body.firstBool(["return_documents", "return_input", "return_text"]) ?? false
        let own = try body.object("resift")
        explains = try own?.bool("explain") ?? false
        wantsReport = try own.map { own throws(WireError) in try own.bool("report") ?? true } ?? false
        if explains {
            guard dialect != .tei else {
                throw .field(
                    "resift.explain", "has no place in this form of answer",
                    fix: "Leave it out, or send `documents` instead of `texts`.")
            }
            wantsReport = true
        }
        rawScores = try own?.bool("raw_scores") ?? false
        if !rawScores { rawScores = try body.bool("raw_scores") ?? false }
        spans = try RerankCall.spans(body)

        options = RerankOptions(longDocuments: longDocuments)
        // Scores stay logits until they are written: a sigmoid in single precision makes high ones equal.
        options.activation = .identity
        options.rankFields = try body.strings("rank_fields")
        if options.rankFields?.isEmpty == true { options.rankFields = nil }
        try readTruncation(body)
        if let own { try readOptions(own, longDocuments) }
    }

    /// Who asks for a text to be cut or refused, and how, in each vendor's words.
    private mutating func readTruncation(_ body: RequestFields) throws(WireError) {
        // TEI and Voyage: false means that a text that is too long is an error.
        if try body.firstBool(["truncate", "truncation"]) == false { options.longDocuments = .refuse }
        enum Direction: String, CaseIterable { case left, right }
        // The left end is never cut here: a text that would have to be is refused.
        if try body.choice("truncation_direction", Direction.self) == .left { options.longDocuments = .refuse }
        options.maxDocumentTokens = try body.integer("max_tokens_per_doc", in: 1...Int(Int32.max))
        // Cohere 1 scores a long document by its best chunk.
        if let chunks = try body.integer("max_chunks_per_doc", in: 1...Int(Int32.max)), chunks > 1 {
            options.longDocuments = .split()
            options.maxPassages = chunks
        }
    }

    private mutating func readOptions(_ own: RequestFields, _ preset: LongDocuments) throws(WireError) {
        enum Choice: String, CaseIterable { case truncate, split, refuse }
        let overlap = try own.integer("overlap", in: 0...100_000)
        switch try own.choice("long_documents", Choice.self) {
        case .truncate?: options.longDocuments = .truncate
        case .split?: options.longDocuments = .split(overlapTokens: overlap ?? 64)
        case .refuse?: options.longDocuments = .refuse
        case nil:
            if let overlap, case .split = preset { options.longDocuments = .split(overlapTokens: overlap) }
        }
        options.maxTokens = try own.integer("max_tokens", in: 1...1_000_000)
        options.label = try own.integer("label", in: 0...100_000)
        if let minimum = try own.number("min_score", in: -1e30...1e30) { minScore = minimum }
        if let deadline = try own.number("deadline_ms", in: 0.001...86_400_000) {
            options.deadline = .milliseconds(deadline)
        }
    }

    /// In the scores that the answer has.
    var minScore: Double?

    private static func spans(_ body: RequestFields) throws(WireError) -> SpanRequest? {
        guard let fields = try body.object("relevant_spans") else { return nil }
        enum Mode: String, CaseIterable { case enabled, disabled }
        guard try fields.choice("mode", Mode.self) != .disabled else { return nil }
        let threshold = try fields.number("threshold", in: 0...1)
        let maxSpans = try fields.integer("max_spans", in: 1...1_000)
        return SpanRequest(threshold: threshold ?? 0, maxSpans: maxSpans ?? 3)
    }
}

/// How much one request may ask for.
struct RequestLimits: Sendable {
    var maxDocuments = 10_000
    var maxDocumentBytes = 1 << 20

    func check(_ documents: [Document], key: String) throws(WireError) {
        guard documents.count <= maxDocuments else {
            throw .field(
                key, "has \(documents.count) documents; the limit is \(maxDocuments)",
                fix: "Send fewer at a time: scores of different requests can be compared.")
        }
    }
}
