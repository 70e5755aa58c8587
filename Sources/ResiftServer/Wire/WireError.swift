import HTTPTypes
import OrderedJSON
import Ranking
import Reranking

/// A refusal as clients read it: a status, and a flat body.
///
/// `message` is what Cohere's clients show, `detail` Jina's and Voyage's, `error` and `error_type` TEI's. None of them is
/// ever an object: Voyage's client fails on `error.message`, and llama-index's TEI client on any.
struct WireError: Error, Equatable {
    var status: HTTPResponse.Status
    var type: Kind
    /// What programs branch on, finer than the status.
    var code: String
    /// What is wrong, why, and what to do.
    var message: String
    /// The member of the request's body that is wrong.
    var field: String?
    var headers = HTTPFields()
    /// True where the connection cannot be used any more.
    var closesConnection = false

    /// TEI's words for kinds of errors, and those it has none for.
    enum Kind: String, CaseIterable {
        case validation = "Validation"
        case empty = "Empty"
        case unauthorized = "Unauthorized"
        case notFound = "NotFound"
        case methodNotAllowed = "MethodNotAllowed"
        case timeout = "Timeout"
        case tooLarge = "TooLarge"
        case unsupportedMediaType = "UnsupportedMediaType"
        case overloaded = "Overloaded"
        case unhealthy = "Unhealthy"
        case backend = "Backend"
    }

    init(_ status: HTTPResponse.Status, _ type: Kind, code: String, _ message: String, field: String? = nil) {
        self.status = status
        self.type = type
        self.code = code
        self.message = message
        self.field = field
    }

    /// A member of the body with the wrong value.
    static func field(_ name: String, _ problem: String, fix: String) -> WireError {
        WireError(
            .unprocessableContent, .validation, code: "invalid_input", "`\(name)` \(problem). \(fix)", field: name)
    }

    static func overloaded(_ what: String, retryAfterSeconds: Int) -> WireError {
        var error = WireError(
            .tooManyRequests, .overloaded, code: "overloaded", "\(what) Try again in \(retryAfterSeconds) s.")
        error.headers[.retryAfter] = "\(retryAfterSeconds)"
        return error
    }

    static let draining: WireError = {
        var error = WireError(
            .serviceUnavailable, .unhealthy, code: "draining",
            "The server is shutting down. Try again: another server, or this one after its restart, will answer.")
        error.headers[.retryAfter] = "1"
        error.closesConnection = true
        return error
    }()

    static let `internal` = WireError(
        .internalServerError, .backend, code: "internal",
        "The server failed at this request. Its log has the reason, under the request id.")

    /// What the library refused. The caller has to act on some codes, the operator on others.
    init(_ error: RankingError) {
        let message = [error.what, error.why, error.fix].joined(separator: " ")
        switch error.code {
        case .invalidInput, .nothingToSearch:
            self.init(.unprocessableContent, .validation, code: error.code.rawValue, message)
        case .notFound: self.init(.notFound, .notFound, code: error.code.rawValue, message)
        case .nonFiniteScore, .unsupportedModel:
            self.init(.failedDependency, .backend, code: error.code.rawValue, message)
        case .unexpectedAnswer, .accessDenied:
            self.init(.failedDependency, .backend, code: error.code.rawValue, message)
        case .unreachable:
            self.init(.serviceUnavailable, .unhealthy, code: error.code.rawValue, message)
            headers[.retryAfter] = "1"
        case .overloaded: self = .overloaded(error.what + " " + error.why, retryAfterSeconds: 1)
        default: self.init(.internalServerError, .backend, code: error.code.rawValue, message)
        }
    }

    /// A form of answer that has no place for a document without a score.
    init(unscored report: RerankReport) {
        self.init(
            .failedDependency, .backend, code: "unscored",
            "\(report.unscoredDocuments) of \(report.documents) documents have no score. "
                + (report.failures.map { "\($0.ranker) failed (\($0.code.rawValue)). " }.joined())
                + "Ask /v1/rerank, whose answer can say so.")
    }

    /// - Parameter listsDetail: whether `detail` is a list, as FastAPI writes what a body got wrong. Infinity's client
    ///   reads an error of validation in no other form.
    func body(requestID: String, listsDetail: Bool) -> JSONValue {
        var object = JSONObject()
        object["message"] = .string(message)
        if listsDetail, status == .unprocessableContent {
            var item = JSONObject()
            item["loc"] = .array([.string("body")] + (field.map { [.string($0)] } ?? []))
            item["msg"] = .string(message)
            item["type"] = .string("value_error")
            object["detail"] = .array([.object(item)])
        } else {
            object["detail"] = .string(message)
        }
        object["error"] = .string(message)
        object["error_type"] = .string(type.rawValue)
        object["code"] = .string(code)
        object["request_id"] = .string(requestID)
        return .object(object)
    }
}

extension HTTPResponse.Status {
    /// RFC 4918.
    static let failedDependency = HTTPResponse.Status(code: 424, reasonPhrase: "Failed Dependency")
}
