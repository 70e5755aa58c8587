/// How far a number may be from its reference. Token ids have no tolerance: they are equal.
enum Tolerance {
    /// float32 arithmetic of two orders of summation; the fixtures themselves are within 8.5e-6 of float64.
    static let encoderLogit: Float = 2e-5
    /// The same of causal models, whose fixtures are within 2.2e-5 of float64.
    static let causalLogit: Float = 1e-4
    static let embedding: Float = 2e-5
    /// Of 32 similarities.
    static let maxSim: Float = 1e-4
    /// Real checkpoints of 6 and 12 layers, logits up to 11.
    static let realCheckpointLogit: Float = 1e-3
}
