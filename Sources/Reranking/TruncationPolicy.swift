import Tokenizers

/// Which side of a pair is cut where the pair is too long.
public enum TruncationPolicy: String, CaseIterable, Sendable {
    /// The longer one; both to half where both are longer than that. What sentence-transformers does.
    case longestFirst = "longest_first"
    case onlyFirst = "only_first"
    case onlySecond = "only_second"
    /// The query to three quarters of the window, then the document to what is left. What FlagEmbedding does.
    case flagEmbedding = "flag_embedding"

    /// Of the pair, after the query was cut alone.
    var ofPair: TruncationStrategy {
        switch self {
        case .longestFirst: .longestFirst
        case .onlyFirst: .onlyFirst
        case .onlySecond, .flagEmbedding: .onlySecond
        }
    }

    /// Tokens that the query may have by itself.
    func queryLimit(window: Int) -> Int { self == .flagEmbedding ? window * 3 / 4 : .max }
}
