package import Ranking

/// A vector in one byte a component.
package struct QuantizedVector: Sendable, Hashable {
    /// -127 ... 127.
    package var codes: [Int8]
    /// Component i is about `Float(codes[i]) * scale`; 0 for a vector of zeros.
    package var scale: Float

    package init(codes: [Int8], scale: Float) {
        self.codes = codes
        self.scale = scale
    }
}

/// Symmetric quantization of embeddings to eight bits.
///
/// `scale = max |vᵢ| / 127`, `codeᵢ = round(127 vᵢ / max |v|)`, halves to even. Codes are never -128, so that negating a
/// vector negates its codes. The error of a component is at most `scale / 2`, up to the rounding of `scale` itself.
package enum VectorQuantizer {
    package static let largestCode = 127

    /// The codes and scale of a vector of any length; zeros are allowed.
    ///
    /// Throws RankingError: `nonFiniteScore` where a component is infinite or NaN.
    package static func quantize(_ vector: [Float]) throws(RankingError) -> QuantizedVector {
        var largest: Float = 0
        for (index, value) in vector.enumerated() {
            guard value.isFinite else { throw notFinite(index, value) }
            largest = max(largest, abs(value))
        }
        guard largest > 0 else { return QuantizedVector(codes: [Int8](repeating: 0, count: vector.count), scale: 0) }
        // In double precision: 127 / max would overflow, and max / 127 lose digits, for the smallest floats.
        let factor = Double(largestCode) / Double(largest)
        let codes = vector.map { value in
            Int8(max(-127, min(127, (Double(value) * factor).rounded(.toNearestOrEven))))
        }
        return QuantizedVector(codes: codes, scale: Float(Double(largest) / Double(largestCode)))
    }

    private static func notFinite(_ index: Int, _ value: Float) -> RankingError {
        RankingError(
            .nonFiniteScore, what: "Component \(index) of a vector is \(value).",
            why: "A similarity with it would not be a number.",
            fix: "Embed the text again, and check the model that made the vector.")
    }
}
