import Inference
import Ranking
import Reranking
import TestSupport
import Testing
import Tokenizers

@Suite("The same pair has the same score, to the bit")
struct DeterminismTests {
    @Test(
        "alone, in any company, in any order, on any number of threads, from texts and from token ids",
        arguments: Way.all, 0..<3 as Range<UInt64>)
    func bitIdentity(way: Way, seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let query = Models.wildText(random.int(in: 1...8), &random)
        let texts = [""] + (0..<9).map { _ in Models.wildText(random.int(in: 1...120), &random) }
        let fillers = (0..<60).map { _ in Models.text(random.int(in: 1...150), &random) }
        var alone: [UInt32] = []
        for threads in 1...3 {
            let pool = ComputePool(threads: threads)
            defer { pool.shutDown() }
            let encoder = try CrossEncoder.load(
                directory: Repository.model("bert-cross-encoder"), pool: pool, kernels: .named(way.kernels),
                precision: way.precision)
            let reranker = Reranker(encoder)
            if alone.isEmpty {
                for text in texts { alone += try await reranker.scores(query, [text]).map(\.bitPattern) }
            }
            for text in texts.indices {
                #expect(try await reranker.scores(query, [texts[text]]).map(\.bitPattern) == [alone[text]])
            }
            for _ in 0..<4 {
                // About 70 documents of up to 150 tokens: more than one batch of 2,048.
                let own = texts.indices.filter { _ in random.oneIn(2) } + texts.indices.filter { _ in random.oneIn(2) }
                let others = fillers.filter { _ in random.oneIn(2) }
                let mixed = (own.map { ($0, texts[$0]) } + others.map { (-1, $0) }).shuffled(using: &random)
                guard !mixed.isEmpty else { continue }
                let scores = try await reranker.scores(query, mixed.map(\.1))
                for ((text, _), score) in zip(mixed, scores) where text >= 0 {
                    #expect(score.bitPattern == alone[text])
                }
            }
            let byText = try await encoder.logits(of: texts.map { (query, $0) })
            #expect(byText.map { $0[0].bitPattern } == alone)
            let pairs = PairEncoder(tokenizer: encoder.tokenizer, maxLength: 512, truncation: .longestFirst)
            let byTokens = try await encoder.logits(
                of: texts.map { try pairs.encode(encoder.tokenizer.encode(query), encoder.tokenizer.encode($0)) })
            #expect(byTokens.map { $0[0].bitPattern } == alone)
        }
    }

    @Test("the kernel variants of one machine agree within 2e-5")
    func variants() async throws {
        var random = SeededGenerator(seed: 9)
        let texts = (0..<10).map { _ in Models.wildText(random.int(in: 1...120), &random) }
        var scores: [[Float]] = []
        for name in Kernels.available {
            let directory = Repository.model("bert-cross-encoder")
            let reranker = Reranker(
                try CrossEncoder.load(directory: directory, kernels: .named(name), precision: .fp32))
            #expect(reranker.model.kernels == name)
            scores.append(try await reranker.scores("river temperature", texts))
        }
        for other in scores.dropFirst() {
            #expect(zip(scores[0], other).allSatisfy { abs($0 - $1) <= 2e-5 })
        }
    }
}

/// Every precision of every kernel variant that this machine has.
struct Way: Sendable, CustomTestStringConvertible {
    let kernels: String
    let precision: Precision

    var testDescription: String { "\(kernels) \(precision)" }

    static let all = Kernels.available.flatMap { name in
        [Precision.int8, .bf16, .fp32].filter { precision in
            (try? Kernels.named(name).resolve(precision)) != nil
        }.map { Way(kernels: name, precision: $0) }
    }
}
