/// BM25 of one term, with all that does not depend on the document computed once.
///
/// All variants have the form `constant + scale · (x + shift) / (x + shift + k)`:
/// for `lucene`, `robertson`, `atire` and `bm25+`, `x = tf` and `k = k1 · norm`; for `bm25l`, `x = tf / norm` and
/// `k = k1`.
struct TermScorer {
    /// weight · idf.
    let factor: Double
    private let usesNormalizedFrequency: Bool
    /// `norm = fixedNorm + lengthNorm · dl`, times k1 except for `bm25l`.
    private let fixedNorm: Double
    private let lengthNorm: Double
    private let scale: Double
    private let constant: Double
    private let shift: Double
    private let k1: Double
    private let lengths: LengthEncoding

    init(_ bm25: BM25, weight: Double, documentFrequency: Int, collection: CollectionStatistics) {
        factor =
            weight
            * bm25.inverseDocumentFrequency(
                documentFrequency: documentFrequency, documentCount: collection.documentCount)
        k1 = bm25.k1
        lengths = bm25.lengths
        usesNormalizedFrequency = bm25.variant == .bm25l
        let normScale = usesNormalizedFrequency ? 1 : bm25.k1
        fixedNorm = normScale * (1 - bm25.b)
        lengthNorm = normScale * bm25.b / collection.averageLength
        switch bm25.variant {
        case .lucene, .robertson: (scale, constant, shift) = (factor, 0, 0)
        case .atire: (scale, constant, shift) = (factor * (bm25.k1 + 1), 0, 0)
        case .bm25l: (scale, constant, shift) = (factor * (bm25.k1 + 1), 0, bm25.delta)
        case .bm25Plus: (scale, constant, shift) = (factor * (bm25.k1 + 1), factor * bm25.delta, 0)
        }
    }

    /// What the term adds to the score of a document that has it `frequency` times; 0 where it does not.
    ///
    /// - Parameter length: As `BM25.lengths` encodes it.
    @inline(__always)
    func score(frequency: Double, length: Double) -> Double {
        guard frequency > 0 else { return 0 }
        let norm = fixedNorm + lengthNorm * length
        if usesNormalizedFrequency {
            // A norm of 0 (b = 1, no length) is the limit of x → ∞.
            let x = norm > 0 ? frequency / norm + shift : .infinity
            return Quantum.round(x.isFinite ? scale * (x / (x + k1)) : scale)
        }
        return Quantum.round(constant + scale * (frequency / (frequency + norm)))
    }

    /// No document with at most this frequency and at least this length, in terms, gets more: no encoding makes a longer
    /// document shorter than a short one. One quantum covers that floating
    /// point may round a larger quotient down.
    @inline(__always)
    func bound(frequency: UInt8, length: UInt16) -> Double {
        score(frequency: Double(frequency), length: Double(lengths.encoded(UInt32(length)))) + Quantum.size
    }

    /// No document gets more.
    var limit: Double { Quantum.round(constant + scale) + Quantum.size }
}

/// Scores are multiples of `size`, so that their sums are exact.
enum Quantum {
    /// 2⁻³².
    static let size = 0x1p-32
    /// Scores must stay below: 53 bits hold multiples of 2⁻³² up to 2²¹.
    static let limit = 0x1p20

    /// The nearest multiple of `size`, for 0 ..< 2¹⁹ at least: numbers around 1.5 · 2²⁰ are 2⁻³² apart.
    @inline(__always)
    static func round(_ value: Double) -> Double { (value + 0x1.8p20) - 0x1.8p20 }
}
