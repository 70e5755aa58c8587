import Foundation
import Inference
import OrderedJSON
import Ranking
import TestSupport
import Testing
import Tokenizers

@testable import Reranking

@Suite("Layer exits")
struct LayerExitTests {
    /// The ridge solution of a system solved by hand: x = (-1, 1), y = (-2, 2), deviation 1, moment 1, so that
    /// w = 2 / (1 + λ).
    @Test("one feature by hand", arguments: [0.0, 0.25, 1, 3])
    func ridgeByHand(lambda: Double) throws {
        let regression = RidgeRegression([[-1], [1]], targets: [-2 + 5, 2 + 5])
        let (weights, bias) = try #require(regression.solution(lambda))
        #expect(abs(Double(weights[0]) - 2 / (1 + lambda)) < 1e-6)
        #expect(abs(bias - 5) < 1e-6)
    }

    @Test("a linear function is found again", arguments: [1, 2, 3, 4])
    func ridgeFindsLinearFunctions(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let truth = (0..<6).map { _ in Float.random(in: -2...2, using: &random) }
        let samples = (0..<40).map { _ in (0..<6).map { _ in Float.random(in: -3...7, using: &random) } }
        let targets = samples.map { Double(zip($0, truth).reduce(1.5) { $0 + $1.0 * $1.1 }) }
        let (weights, bias) = try #require(RidgeRegression(samples, targets: targets).solution(1e-9))
        for (weight, expected) in zip(weights, truth) { #expect(abs(weight - expected) < 1e-3) }
        #expect(abs(bias - 1.5) < 1e-3)
    }

    @Test("features that repeat each other need a penalty, features that never vary get no weight")
    func ridgeDegenerate() throws {
        let samples: [[Float]] = [[1, 1, 7], [2, 2, 7], [3, 3, 7], [5, 5, 7]]
        let regression = RidgeRegression(samples, targets: [1, 2, 3, 5])
        #expect(regression.solution(0) == nil)
        let (weights, _) = try #require(regression.solution(0.001))
        #expect(abs(weights[0] - 0.5) < 0.01 && abs(weights[1] - 0.5) < 0.01)
        #expect(weights[2] == 0)
    }

    @Test("the best documents' floor is the worst of the best, by best passage")
    func floor() {
        var best = BestDocuments(2)
        #expect(best.floor == -.infinity)
        best.add(1, of: 0)
        best.add(5, of: 0)
        #expect(best.floor == -.infinity, "two passages of one document are one document")
        best.add(3, of: 1)
        #expect(best.floor == 3)
        best.add(4, of: 2)
        #expect(best.floor == 4)
    }

    @Test("a pair that goes on from any layer has the logits of one that never stopped", arguments: Kernels.available)
    func bitIdentical(variant: String) async throws {
        let kernels = try Kernels.named(variant)
        for precision in Precision.allCases where (try? kernels.resolve(precision)) != nil {
            let directory = Repository.model("bert-cross-encoder")
            let encoder = try CrossEncoder.load(directory: directory, kernels: kernels, precision: precision)
            let pairs = (0..<5).map { LayerExitTests.pair(tokens: 3 + 20 * $0, seed: $0) }
            let whole = try await encoder.logits(of: pairs)
            for layer in 0..<2 {
                let exit = LayerExit(
                    model: "", layer: layer, pairs: 0, error: 0, correlation: 0,
                    weights: (0..<3 * 48).map { Float($0 % 5) - 2 }, bias: 0)
                let summaries = try await encoder.summaries(of: pairs, after: layer)
                #expect(summaries.map { $0.logit.bitPattern } == whole.map { $0[0].bitPattern })
                let predictions = summaries.map { exit($0.summary) }
                let floor = predictions.sorted()[2]
                let left = try await encoder.logits(of: pairs[...], leavingAt: exit, below: floor)
                for (index, logits) in left.enumerated() {
                    let expected = predictions[index] >= floor ? whole[index][0].bitPattern : nil
                    #expect(logits?[0].bitPattern == expected, "\(precision), layer \(layer), pair \(index)")
                }
            }
        }
    }

    @Test("documents that have a score have the exact one, and a margin beyond all errors prunes nothing")
    func reranking() async throws {
        var (reranker, samples, head) = try await fitted()
        let sample = samples[0]
        let exact = try await reranker.rerank(sample.query, sample.documents, limit: nil)
        let scores = Dictionary(uniqueKeysWithValues: exact.candidates.map { ($0.index, $0.score.bitPattern) })
        #expect(head.correlation > 0.3 && head.error > 0 && head.pairs == 900)
        for (margin, error) in [(0.0, 0.0), (1, 0.5), (2, 1_000_000)] {
            head.error = error
            let options = RerankOptions(layerExit: LayerExitPruning(head: head, top: 3, margin: margin))
            let ranking = try await reranker.rerank(sample.query, sample.documents, limit: nil, options: options)
            #expect(ranking.candidates.count == sample.documents.count)
            for candidate in ranking.candidates where candidate.isScored {
                #expect(candidate.score.bitPattern == scores[candidate.index])
            }
            let unscored = ranking.candidates.filter { !$0.isScored }
            #expect(ranking.report.unscoredDocuments == unscored.count)
            #expect(ranking.report.prunedPairs == unscored.count)
            #expect(ranking.report.pairs + ranking.report.prunedPairs == sample.documents.count)
            #expect(unscored.map(\.index) == unscored.map(\.index).sorted())
            if margin == 2 {
                #expect(unscored.isEmpty)
                #expect(ranking.candidates.map(\.index) == exact.candidates.map(\.index))
            }
            if margin == 0 { #expect(!unscored.isEmpty, "the pool is long enough for several batches") }
        }
    }

    @Test("what cannot be asked for is refused")
    func refusals() async throws {
        let (reranker, samples, head) = try await fitted()
        func code(_ body: () async throws -> Void) async -> RankingError.Code? {
            do {
                try await body()
                return nil
            } catch {
                return (error as? RankingError)?.code
            }
        }
        let documents = samples[0].documents
        let pruning = LayerExitPruning(head: head, top: 3)
        #expect(
            await code {
                _ = try await reranker.rerank("a", documents, limit: 4, options: RerankOptions(layerExit: pruning))
            } == .invalidInput)
        #expect(
            await code {
                _ = try await reranker.scores("a", documents, options: RerankOptions(layerExit: pruning))
            } == .invalidInput)
        #expect(
            await code {
                let options = RerankOptions(deadline: .seconds(1), layerExit: pruning)
                _ = try await reranker.rerank("a", documents, limit: 3, options: options)
            } == .invalidInput)
        for (top, margin) in [(0, 1.0), (1, -1), (1, .infinity), (1, .nan)] {
            let pruning = LayerExitPruning(head: head, top: top, margin: margin)
            #expect(
                await code {
                    _ = try await reranker.rerank("a", documents, limit: 1, options: RerankOptions(layerExit: pruning))
                } == .invalidInput)
        }
        var other = head
        other.model = "another"
        #expect(
            await code {
                let pruning = LayerExitPruning(head: other, top: 3)
                _ = try await reranker.rerank("a", documents, limit: 3, options: RerankOptions(layerExit: pruning))
            } == .invalidInput)
        for layer in [0, 2, -1] {
            #expect(await code { _ = try await reranker.fitLayerExit(after: layer, samples) } == .invalidInput)
        }
        #expect(
            await code { _ = try await reranker.fitLayerExit(after: 1, Array(samples.prefix(9))) } == .invalidInput)
    }

    @Test("the file gives back what was written, and damage is an error")
    func file() async throws {
        let (reranker, _, head) = try await fitted()
        let folder = try TemporaryFolder()
        let text = JSONValue.object(head.json).compact + "\n"
        let path = try folder.write(LayerExit.name, text)
        #expect(try LayerExit(path: path) == head)
        #expect(try reranker.layerExit(file: path) == head)
        #expect(throws: RankingError.self) { try reranker.layerExit() }
        for (from, to) in [
            ("\"layer\": 1", "\"layer\": 0"), ("\"error\":", "\"error\":-"), ("\"weights\": [", "\"weights\": [null,"),
            ("\"weights\":", "\"w\":"), ("\"bias\":", "\"bias\": 1e60, \"x\":"),
        ] {
            let damaged = try folder.write("damaged.json", text.replacingOccurrences(of: from, with: to))
            #expect(throws: RankingError.self, "\(from)") { try LayerExit(path: damaged) }
        }
        let wider = text.replacingOccurrences(of: "\"weights\": [", with: "\"weights\": [1,")
        let other = try folder.write("width.json", wider)
        #expect(throws: RankingError.self) { try reranker.layerExit(file: other) }
    }

    private static func pair(tokens: Int, seed: Int) -> EncodedPair {
        EncodedPair(
            tokenIDs: (0..<tokens).map { Int32(($0 * 7 + seed) % 1_200) }, typeIDs: (0..<tokens).map { $0 < 2 ? 0 : 1 })
    }

    /// A model of two layers, queries with pools of several batches, and a head.
    private func fitted() async throws -> (Reranker, [PairSample], LayerExit) {
        var random = SeededGenerator(seed: 11)
        let reranker = try Models.plain()
        let samples = (0..<10).map { _ in
            PairSample(
                query: Models.text(random.int(in: 1...6), &random),
                documents: (0..<90).map { _ in Models.text(random.int(in: 10...80), &random) })
        }
        return (reranker, samples, try await reranker.fitLayerExit(after: 1, samples))
    }
}
