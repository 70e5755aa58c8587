/// How far a number may be from its reference. Token ids have no tolerance: they are equal.
enum Tolerance {
    /// float32 arithmetic of two orders of summation; the fixtures themselves are within 8.5e-6 of float64.
    static let encoderLogit: Float = 2e-5
    static let embedding: Float = 2e-5
    /// Real checkpoints of 6 and 12 layers, logits up to 11.
    static let realCheckpointLogit: Float = 1e-3
}
