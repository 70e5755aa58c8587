#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Cosines and sines of the angles that turn queries and keys: place p turns the pair (i, i + D/2) by p θ^(-2i/D).
///
/// Angles are products in single precision, as the reference implementations compute them.
///
/// Source: Su et al., RoFormer, 2021, <https://arxiv.org/abs/2104.09864>.
struct RotaryPositions {
    private let half: Int
    /// [places, half] each.
    private let cosines: FloatBuffer
    private let sines: FloatBuffer

    /// For the places 0 ..< `places`.
    init(places: Int, headWidth: Int, theta: Float) {
        half = headWidth / 2
        cosines = FloatBuffer(count: places * half)
        sines = FloatBuffer(count: places * half)
        for pair in 0..<half {
            let frequency = Float(1 / pow(Double(theta), Double(2 * pair) / Double(headWidth)))
            for place in 0..<places {
                let angle = Double(Float(place) * frequency)
                cosines.writable[place * half + pair] = Float(cos(angle))
                sines.writable[place * half + pair] = Float(sin(angle))
            }
        }
    }

    /// Turns every head of one token.
    func turn(_ row: UnsafeMutablePointer<Float>, heads: Int, place: Int, _ kernels: Kernels) {
        kernels.rotate(
            row, heads: heads, half: half, cosines: cosines.base + place * half, sines: sines.base + place * half)
    }
}
