/// What went wrong, why, and what to do about it.
///
/// Everything that a file, a network or a caller can cause is reported as one of these. The `code` says who has to
/// act and is what programs branch on; the three sentences are for people.
public struct RankingError: Error, Sendable, CustomStringConvertible {
    public var code: Code
    /// The fact, with the operands in it: "hidden_size is 384 but query.weight is [768, 768]".
    public var what: String
    /// The reason, as far as it is known: "config.json and model.safetensors disagree."
    public var why: String
    /// The remedy: "Download both from the same revision."
    public var fix: String
    public var cause: (any Error)?

    public init(_ code: Code, what: String, why: String, fix: String, cause: (any Error)? = nil) {
        self.code = code
        self.what = what
        self.why = why
        self.fix = fix
        self.cause = cause
    }

    public var description: String { "\(what)\n  why: \(why)\n  fix: \(fix)" }

    /// A kind of error. A value can be added without breaking a caller, so switches over it need a default.
    public struct Code: RawRepresentable, Hashable, Sendable, CaseIterable {
        public let rawValue: String
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The caller gave something that cannot be ranked: a broken line, an option outside its range.
        public static let invalidInput = Code(rawValue: "invalid_input")
        /// A file or directory that was named does not exist or cannot be read.
        public static let notFound = Code(rawValue: "not_found")
        /// The model is intact, but of a kind that Resift does not run.
        public static let unsupportedModel = Code(rawValue: "unsupported_model")
        /// A model or data file contradicts itself or its format.
        public static let corruptFile = Code(rawValue: "corrupt_file")
        /// The model returned a value that is not a number.
        public static let nonFiniteScore = Code(rawValue: "non_finite_score")

        /// Another process holds what this one needs; later it may work.
        public static let busy = Code(rawValue: "busy")
        /// A file could not be written: the disk is full, or refuses.
        public static let storage = Code(rawValue: "storage")

        /// The network, or a server that is needed, does not answer; later it may.
        public static let unreachable = Code(rawValue: "unreachable")
        /// A server has it, and does not give it to this caller.
        public static let accessDenied = Code(rawValue: "access_denied")

        /// A service answered what breaks its contract: no JSON, a field that is missing, a document that was not sent.
        public static let unexpectedAnswer = Code(rawValue: "unexpected_answer")

        /// A query that a search can look nothing up for: it has only stop words, or only signs.
        public static let nothingToSearch = Code(rawValue: "nothing_to_search")

        /// A model that was made lower in precision differs too much from the one it was made from.
        public static let qualityTooLow = Code(rawValue: "quality_too_low")

        /// More is asked of a model than it can do in the time that was allowed for waiting.
        public static let overloaded = Code(rawValue: "overloaded")

        public static var allCases: [Code] {
            [
                .invalidInput, .notFound, .unsupportedModel, .corruptFile, .nonFiniteScore, .busy, .storage,
                .unreachable, .accessDenied, .unexpectedAnswer, .nothingToSearch, .qualityTooLow, .overloaded,
            ]
        }
    }
}
