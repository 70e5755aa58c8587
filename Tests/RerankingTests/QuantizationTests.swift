import Foundation
import Inference
import OrderedJSON
import Ranking
import TestSupport
import Testing

@testable import Reranking

@Suite("Quantization")
struct QuantizationTests {
    private let samples = [
        PairSample(query: "river temperature", documents: ["water budget", "the river is cold", "council"]),
        PairSample(query: "city council", documents: ["the council election", "lighthouse harbour"]),
    ]

    @Test("correlation and rank agreement, by hand")
    func measures() throws {
        // x = 1 2 3, y = 1 3 2: means 2 and 2, Σxy = 1·1 + 0 + 0 = 1 of √(2·2).
        let pairs = [(1.0, 1.0), (2, 3), (3, 2)].map { (reference: $0.0, quantized: $0.1) }
        #expect(try #require(Pearson.correlation(pairs.map { ($0.reference, $0.quantized) })) == 0.5)
        // Two of three pairs of documents are ordered alike, one is turned round.
        #expect(try #require(QuantizationCheck.tau(pairs)) == 1 / 3.0)
        let ties = [(1.0, 1.0), (1, 1), (1, 2)].map { (reference: $0.0, quantized: $0.1) }
        #expect(QuantizationCheck.tau(ties) == 1 / 3.0)
        #expect(Pearson.correlation(ties.map { ($0.reference, $0.quantized) }) == nil)
        #expect(QuantizationCheck.tau([(reference: 1, quantized: 1)]) == nil)
        let check = try #require(QuantizationCheck([pairs, [(reference: 9, quantized: 9.5)]]))
        #expect(check.pairs == 4 && check.worstDifference == 1 && check.rankAgreement == 1 / 3.0)
        #expect(QuantizationCheck([]) == nil)
    }

    @Test(
        "every matrix is rounded to bytes within half a step, vectors and the head stay; the result loads and agrees",
        arguments: ["bert-cross-encoder", "bert-cross-encoder-3-labels"])
    func quantize(family: String) async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let (source, target) = (Repository.model(family), folder.path + "/int8")
        var quantizer = ModelQuantizer()
        quantizer.leastCorrelation = 0.9
        let check = try await quantizer.quantize(source, to: target, samples: samples)
        #expect(check.pairs == 5)
        #expect(check.correlation > 0.9)
        let (old, new) = (try Checkpoint(directory: source), try Checkpoint(directory: target))
        var matrices = 0
        for (name, tensor) in old.tensors where [.f32, .f16, .bf16].contains(tensor.entry.type) {
            let shape = tensor.entry.shape
            let (before, after) = (try old.floats(name, shape: shape), try new.floats(name, shape: shape))
            guard shape.count == 2, !name.hasPrefix("classifier.") else {
                #expect(before == after, "\(name)")
                continue
            }
            matrices += 1
            #expect(new.tensors[name]?.entry.type == .i8)
            for row in 0..<shape[0] {
                let own = row * shape[1]..<(row + 1) * shape[1]
                let step = (before[own].map(abs).max() ?? 0) / 127
                for (x, y) in zip(before[own], after[own]) { #expect(abs(x - y) <= step * 0.5001, "\(name)") }
            }
        }
        #expect(matrices > 10)
        // What int8 inference makes of the original's linear layers is what the file has.
        let name = "bert.encoder.layer.0.attention.self.query.weight"
        let matrix = try old.matrix(name, shape: try #require(old.tensors[name]).entry.shape)
        let stored = try new.matrix(name, shape: [matrix.rows, matrix.columns])
        var row = [Float](repeating: 0, count: matrix.columns)
        var integers = [Int8](repeating: 0, count: matrix.columns)
        row.withUnsafeMutableBufferPointer { if let base = $0.baseAddress { matrix.read(row: 1, into: base) } }
        let scale = row.withUnsafeBufferPointer { row in
            integers.withUnsafeMutableBufferPointer { Kernels.quantize(row, into: $0) }
        }
        let (bytes, storedScale) = try #require(stored.integers(row: 1))
        #expect(storedScale == scale)
        #expect(Array(UnsafeBufferPointer(start: bytes, count: matrix.columns)) == integers)
        #expect(!FileManager.default.fileExists(atPath: target + ".building"))
        guard
            case .object(let quantization)? = try JSONFile.object(path: target + "/config.json")["quantization_config"]
        else {
            Issue.record("config.json has no quantization_config")
            return
        }
        #expect(quantization["quant_method"] == .string("compressed-tensors"))
    }

    @Test("a model that differs too much, one that is quantized, a target that exists, and pairs that tell nothing")
    func refusals() async throws {
        let folder = try TemporaryFolder()
        defer { withExtendedLifetime(folder) {} }
        let source = Repository.model("bert-cross-encoder")
        func code(_ source: String, _ target: String, _ samples: [PairSample], least: Double = 0) async
            -> RankingError.Code?
        {
            var quantizer = ModelQuantizer()
            quantizer.leastCorrelation = least
            let error = await #expect(throws: RankingError.self) {
                try await quantizer.quantize(source, to: target, samples: samples)
            }
            return error?.code
        }
        let target = folder.path + "/int8"
        #expect(await code(source, target, samples, least: 1) == .qualityTooLow)
        #expect(await code(source, target, [PairSample(query: "a", documents: ["b"])]) == .invalidInput)
        #expect(await code(source, folder.path, samples) == .invalidInput)
        #expect(await code(source, "/proc/none/int8", samples) == .storage)
        #expect(await code(folder.path + "/none", target, samples) == .notFound)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        var quantizer = ModelQuantizer()
        quantizer.leastCorrelation = 0
        _ = try await quantizer.quantize(source, to: target, samples: samples)
        #expect(await code(target, target + "2", samples) == .invalidInput)
    }
}
