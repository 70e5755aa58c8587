/// How an index stores the vectors of a passage's tokens.
///
/// | form | bytes of a vector of 128 numbers | what is kept |
/// |---|---:|---|
/// | float32 | 512 | the vector |
/// | float16 | 256 | each number in IEEE half precision |
/// | int8 | 133 | each number as a byte, with a scale and a zero for each vector |
/// | 4bit | 66 | the nearest centroid, and 16 levels for the difference in each number |
/// | 2bit | 34 | the nearest centroid, and 4 levels |
///
/// Source of the last two: Santhanam et al., ColBERTv2, NAACL 2022, <https://arxiv.org/abs/2112.01488>.
public enum TokenVectorForm: String, CaseIterable, Sendable {
    case float32
    case float16
    case int8
    case residual4 = "4bit"
    case residual2 = "2bit"

    /// Bits of a number's difference from the centroid; nil for the forms that know no centroids.
    public var residualBits: Int? {
        switch self {
        case .float32, .float16, .int8: nil
        case .residual4: 4
        case .residual2: 2
        }
    }

    public func bytesPerVector(dimension: Int) -> Int {
        switch self {
        case .float32: 4 * dimension
        case .float16: 2 * dimension
        // A scale of four bytes, and a zero of one.
        case .int8: dimension + 5
        // The number of a centroid, and a code for each number.
        case .residual4: 2 + (dimension + 1) / 2
        case .residual2: 2 + (dimension + 3) / 4
        }
    }

    /// What vectors are kept in while an index is built, before there are centroids.
    var beforeCentroids: TokenVectorForm { residualBits == nil ? self : .float16 }
}
