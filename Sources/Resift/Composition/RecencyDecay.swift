import OrderedJSON
public import Ranking
import Retrieval

#if canImport(FoundationEssentials)
    public import FoundationEssentials
    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #endif
#else
    public import Foundation
#endif

/// Newer documents first, other things being equal: `weight · 2^(-age / halfLife)` is added to the logit.
///
/// So a document of today gets the whole weight, one of the age of a half-life half of it. A date in the future counts
/// as today's. A document without a date that can be read gets nothing, and its addition of 0 says so.
public struct RecencyDecay: ScoreBoost {
    /// The field of the document: an ISO 8601 date or time as text, or seconds since 1970 as a number.
    public let field: String
    public let halfLife: Duration
    public let weight: Double
    /// What counts as today.
    public let now: Date

    /// Throws `invalidInput` for a half-life that is not positive or a weight that is not a number.
    public init(
        field: String, halfLife: Duration, weight: Double = 1, now: Date = Date()
    ) throws(RankingError) {
        guard halfLife > .zero, weight.isFinite else {
            throw RankingError(
                .invalidInput, what: "A recency decay has the half-life \(halfLife) and the weight \(weight).",
                why: "The addition is weight · 2^(-age / half-life).",
                fix: "Give a positive half-life, such as 30d, and a finite weight.")
        }
        self.field = field
        self.halfLife = halfLife
        self.weight = weight
        self.now = now
    }

    public func addition(query: String, document: Document, text: String) -> ScoreAddition? {
        guard let seconds = seconds(of: document) else {
            return ScoreAddition(rule: "recency", value: 0, reason: "no date in \"\(field)\"")
        }
        let age = max(0, now.timeIntervalSince1970 - seconds)
        let value = weight * exp2(-age / (halfLife / .seconds(1)))
        let days = (age / 86_400 * 10).rounded() / 10
        return ScoreAddition(rule: "recency", value: value, reason: "\(field) is \(days) days ago")
    }

    private func seconds(of document: Document) -> Double? {
        guard case .fields(let fields) = document.content else { return nil }
        switch fields[field] {
        case .string(let text)?: return ISODate.seconds(text)
        case .number(let number)?: return number.double
        default: return nil
        }
    }
}
