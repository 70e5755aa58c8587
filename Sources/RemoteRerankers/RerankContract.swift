import OrderedJSON
import Outbound
import Ranking
import Reranking

/// The interface of one service: what a request says, what an answer means, what it allows.
protocol RerankContract: Sendable {
    /// Where the service is; nil where everybody runs a server of their own.
    static func baseURL(for key: ServiceKey?) -> String?
    /// Environment variables that hold the key, in the order that the service's own client reads them.
    static var keyVariables: [String] { get }
    /// True where a request has to name a model.
    static var needsModel: Bool { get }
    /// How requests carry the key, and which refusals pass.
    static var rules: ServiceRules { get }
    /// What one request may hold, as far as it is the same for every server.
    static var limits: RequestLimits { get }
    /// What one request to this server may hold.
    static func limits(of client: ServiceClient, _ call: ServiceCall) async throws -> RequestLimits
    /// What the service bills for one request, in its own units; nil where it bills tokens, or nothing.
    ///
    /// - Parameter tokens: Of each document with the query, about.
    static func searchUnits(ofPairs tokens: ArraySlice<Int>) -> Double?

    /// Throws `invalidInput` for an option that the service cannot obey.
    init(options: RerankOptions, name: String) throws(RankingError)

    /// What the scores are that the service is asked for.
    var scoreKind: ScoreKind { get }
    func request(_ query: String, _ documents: [String], model: String?) -> RerankRequest
    func scores(in answer: AnswerReader) throws(RankingError) -> [AnsweredScore]
    func usage(in answer: AnswerReader) -> ServiceUsage
}

extension RerankContract {
    static var rules: ServiceRules { ServiceRules() }
    static var limits: RequestLimits { RequestLimits() }
    static func limits(of client: ServiceClient, _ call: ServiceCall) async throws -> RequestLimits { limits }
    static var needsModel: Bool { true }
    static func searchUnits(ofPairs tokens: ArraySlice<Int>) -> Double? { nil }
}

/// What one request is sent as.
struct RerankRequest {
    var path: String
    var body: JSONObject
}

extension JSONValue {
    static func texts(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
    static func count(_ count: Int) -> JSONValue { .number(JSONNumber(count)) }
}

/// A score as an answer has it, before it is known whether the answer makes sense.
struct AnsweredScore: Equatable {
    /// Position in the request's documents.
    var index: Int
    var score: Double
}

/// The most that a service takes in one request; more is split.
struct RequestLimits: Sendable, Equatable {
    var documents: Int = .max
    /// Of UTF-8, in the texts of the documents and the query with each request.
    var bytes: Int = .max

    /// Consecutive ranges that keep the limits. A document that is too large alone has a range of its own.
    func parts(of texts: [String], query: String) -> [Range<Int>] {
        var parts: [Range<Int>] = []
        var start = 0
        var size = query.utf8.count
        for (index, text) in texts.enumerated() {
            // What stands around a text in JSON, and a little for escapes.
            let added = text.utf8.count + 16
            if index > start, index - start >= documents || size + added > bytes {
                parts.append(start..<index)
                start = index
                size = query.utf8.count
            }
            size += added
        }
        if start < texts.count { parts.append(start..<texts.count) }
        return parts
    }
}
