import Resift

/// A causal model on documents that follow one prompt: computed once, and for every document again.
enum PrefixBench {
    static func run(
        _ encoder: CrossEncoder, promptTokens: Int, documents: Int, documentTokens: Int
    ) async throws {
        var random = SystemRandomNumberGenerator()
        func ids(_ count: Int) -> [Int32] { (0..<count).map { _ in Int32.random(in: 5..<1_000, using: &random) } }
        let prompt = ids(promptTokens)
        let pairs = (0..<documents).map { _ in
            let tokens = prompt + ids(documentTokens)
            return EncodedPair(tokenIDs: tokens, typeIDs: tokens.map { _ in 0 })
        }
        var best = [true: Double.infinity, false: Double.infinity]
        var logits: [Bool: [[Float]]] = [:]
        for _ in 0..<3 {
            for shares in [true, false] {
                let start = ContinuousClock.now
                logits[shares] = try await encoder.logits(of: pairs, sharesPrefix: shares)
                best[shares] = min(best[shares] ?? .infinity, start.duration(to: .now) / .milliseconds(1))
            }
        }
        let (shared, whole) = (best[true] ?? 0, best[false] ?? 0)
        print(
            "prompt of \(promptTokens) tokens, \(documents) documents of \(documentTokens), \(encoder.description.precision):",
            "shared \(shared.text) ms, each for itself \(whole.text) ms, ratio \((whole / shared * 100).rounded() / 100),",
            "equal to the bit: \(logits[true] == logits[false]), peak \(ResiftBench.peakMegabytes().text) MB")
    }
}
