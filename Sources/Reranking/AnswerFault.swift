/// How the answer of a language model broke what it was asked for.
public enum AnswerFault: String, Sendable, CaseIterable {
    /// It could be read, but has another form: text around the order, a code fence, words in place of JSON.
    case form
    /// It names a document twice; the first place counts.
    case duplicate
    /// It names a document that was not there.
    case outOfRange = "out_of_range"
    /// It leaves documents out; they come last, in the order they had.
    case missing
    /// It ended at the limit of tokens.
    case cut
    /// The model, or a filter of the service, declined.
    case refusal
    /// There is no text in it.
    case empty
    /// No order, or no yes or no, can be read from it.
    case unreadable
}
