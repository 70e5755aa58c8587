/// How well a quantized model agrees with the one that it was made from.
public struct QuantizationCheck: Sendable, Equatable {
    public var pairs: Int
    /// Pearson's correlation of the logits of all pairs.
    public var correlation: Double
    /// The largest difference of two logits of a pair.
    public var worstDifference: Double
    /// Kendall's τ of the two orders of documents, averaged over the queries with several: 1 where all pairs of
    /// documents are ordered alike, -1 where all are turned round. Nil without such queries.
    public var rankAgreement: Double?

    /// - Parameter logits: Of each query, the documents' logits by both models.
    ///
    /// Nil for fewer than two pairs, or logits that do not vary.
    init?(_ logits: [[(reference: Double, quantized: Double)]]) {
        let all = logits.flatMap(\.self)
        guard let correlation = Pearson.correlation(all.map { ($0.reference, $0.quantized) }) else { return nil }
        pairs = all.count
        self.correlation = correlation
        worstDifference = all.reduce(0) { max($0, abs($1.reference - $1.quantized)) }
        let agreements = logits.compactMap(QuantizationCheck.tau)
        rankAgreement = agreements.isEmpty ? nil : agreements.reduce(0, +) / Double(agreements.count)
    }

    /// τ-a, `(pairs ordered alike - pairs turned round) / all pairs`; nil for fewer than two documents.
    static func tau(_ documents: [(reference: Double, quantized: Double)]) -> Double? {
        guard documents.count >= 2 else { return nil }
        var score = 0
        for (place, a) in documents.enumerated() {
            for b in documents[(place + 1)...] {
                let product = (a.reference - b.reference) * (a.quantized - b.quantized)
                // Two documents that both models find equal agree.
                let bothEqual = a.reference == b.reference && a.quantized == b.quantized
                score += product > 0 || bothEqual ? 1 : product < 0 ? -1 : 0
            }
        }
        return Double(score) / Double(documents.count * (documents.count - 1) / 2)
    }
}
