import Inference
import Ranking
import Tokenizers

extension Reranker {
    /// Measures what scoring costs on this machine, at several lengths and numbers of passages, in about two seconds of a
    /// small model; other work on the machine makes it slower.
    ///
    /// - Parameter progress: Calls done, of how many.
    public func profile(progress: (Int, Int) -> Void = { _, _ in }) async throws -> CostProfile {
        let lengths = [16, 64, 128, 256, 512].filter { $0 <= model.maxTokens }
        let shapes = lengths.flatMap { tokens in [1, 8, 32].map { (tokens, $0) } }
            .filter { $0.0 * $0.1 <= BatchPlan.defaultTokenBudget }
        var samples: [CostModel.Sample] = []
        for (done, (tokens, sequences)) in shapes.enumerated() {
            progress(done, shapes.count)
            samples.append(
                CostModel.Sample(
                    tokens: tokens, sequences: sequences,
                    milliseconds: try await milliseconds(tokens: tokens, sequences: sequences)))
        }
        guard let cost = CostModel(fitting: samples) else {
            throw RankingError(
                .unsupportedModel, what: "The cost of \(model.name) cannot be measured.",
                why: "Its window of \(model.maxTokens) tokens leaves too few lengths to compare.",
                fix: "Leave the profile out: a deadline then measures the machine as it goes.")
        }
        return CostProfile(
            model: model.name, kernels: model.kernels, precision: model.precision, threads: crossEncoder.pool.threads,
            cost: cost, samples: samples)
    }

    /// The median of five calls, after one that warms up.
    private func milliseconds(tokens: Int, sequences: Int) async throws -> Double {
        // Which tokens they are does not change what they cost.
        let ids = (0..<tokens).map { Int32(($0 * 7919) % model.vocabSize) }
        let pair = EncodedPair(tokenIDs: ids, typeIDs: [Int32](repeating: 0, count: tokens))
        let pairs = [EncodedPair](repeating: pair, count: sequences)
        let clock = ContinuousClock()
        var times: [Double] = []
        for _ in 0..<6 {
            let begin = clock.now
            _ = try await crossEncoder.logits(of: pairs)
            times.append((clock.now - begin).milliseconds)
        }
        return times.dropFirst().sorted()[2]
    }
}
