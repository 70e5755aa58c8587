import Foundation
import FuzzMutations
import Inference
import Ranking
import Testing

@Suite("Packed weights are kept, and are the same weights")
struct PackedWeightsTests {
    private static let batch: TokenBatch = {
        var batch = TokenBatch()
        batch.append(tokenIDs: [1, 5, 9, 2, 7, 2], typeIDs: [0, 0, 0, 1, 1, 1])
        batch.append(tokenIDs: [1, 30, 2], typeIDs: [0, 0, 1])
        return batch
    }()

    /// What a start of the program does with a model directory: the hidden states, and what became of the file.
    private func start(
        _ directory: String, cache: String, _ kernels: Kernels, _ precision: Precision = .int8
    ) async throws -> (states: [UInt32], use: WeightCache) {
        let path = directory + "/config.json"
        var checkpoint = try Checkpoint(directory: directory)
        let format = try #require(precision.narrowFormat)
        checkpoint.packed = PackedWeights(of: checkpoint, format, kernels, cache: cache, leastBytes: 0)
        let encoder = try BERTEncoder.load(
            checkpoint, config: BERTConfig(JSONFile.object(path: path), path: path), kernels: kernels,
            precision: precision)
        let use = try #require(checkpoint.packed).store()
        return (try await encoder.states(of: PackedWeightsTests.batch).map(\.bitPattern), use)
    }

    private func files(in cache: ScratchDirectory) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: cache.path).filter { $0.hasSuffix(".safetensors") }
    }

    @Test("the second start maps what the first wrote, bit for bit, in every variant and format", arguments: [1, 7])
    func secondStart(seed: UInt64) async throws {
        var tiny = TinyCheckpoint()
        tiny.seed = seed
        let (model, cache) = (try ScratchDirectory(files: tiny.files(.f32)), try ScratchDirectory())
        var places: Set<String> = []
        for name in Kernels.available {
            let kernels = try Kernels.named(name)
            for precision in [Precision.int8, .bf16] where (try? kernels.resolve(precision)) != nil {
                let first = try await start(model.path, cache: cache.path, kernels, precision)
                let second = try await start(model.path, cache: cache.path, kernels, precision)
                guard case .written(let path) = first.use else {
                    Issue.record("\(first.use)")
                    return
                }
                #expect(second.use == .mapped(path: path))
                #expect(second.states == first.states)
                #expect(places.insert(path).inserted, "two variants share \(path)")
            }
        }
    }

    @Test("other weights have another file, even where file and size stay")
    func otherContent() async throws {
        var tiny = TinyCheckpoint()
        let (model, cache) = (try ScratchDirectory(files: tiny.files(.f32)), try ScratchDirectory())
        let kernels = try Kernels.forThisMachine()
        let first = try await start(model.path, cache: cache.path, kernels)
        tiny.seed = 2
        let weights = try #require(tiny.files(.f32)["model.safetensors"])
        try model.write(weights, to: "model.safetensors")
        let second = try await start(model.path, cache: cache.path, kernels)
        #expect(second.states != first.states)
        let copy = try ScratchDirectory(files: tiny.files(.f32))
        let third = try await start(copy.path, cache: cache.path, kernels)
        #expect(third.states == second.states)
        guard case .written(let path) = second.use else {
            Issue.record("\(second.use)")
            return
        }
        #expect(third.use == .mapped(path: path), "a copy of the model shares the file")
    }

    @Test("a damaged file is written anew", arguments: ["empty", "garbage", "cut", "another model's"])
    func damage(kind: String) async throws {
        let tiny = TinyCheckpoint()
        let (model, cache) = (try ScratchDirectory(files: tiny.files(.f32)), try ScratchDirectory())
        let kernels = try Kernels.forThisMachine()
        let first = try await start(model.path, cache: cache.path, kernels)
        let name = try #require(files(in: cache).first)
        let whole = try [UInt8](Data(contentsOf: URL(fileURLWithPath: cache.path + "/" + name)))
        let damaged: [UInt8] =
            switch kind {
            case "empty": []
            case "garbage": (0..<5_000).map { UInt8(truncatingIfNeeded: $0 &* 7_919) }
            case "cut": Array(whole.prefix(whole.count - 1))
            default: try #require(tiny.files(.f32)["model.safetensors"])
            }
        try cache.write(damaged, to: name)
        let second = try await start(model.path, cache: cache.path, kernels)
        #expect(second.use == first.use)
        #expect(second.states == first.states)
        let healed = try [UInt8](Data(contentsOf: URL(fileURLWithPath: cache.path + "/" + name)))
        #expect(healed == whole)
    }

    @Test("many starts at the same time leave one whole file")
    func concurrentStarts() async throws {
        let (model, cache) = (try ScratchDirectory(files: TinyCheckpoint().files(.f32)), try ScratchDirectory())
        let kernels = try Kernels.forThisMachine()
        let states = try await withThrowingTaskGroup(of: [UInt32].self) { group in
            for _ in 0..<16 {
                group.addTask { try await start(model.path, cache: cache.path, kernels).states }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(states.count == 1)
        #expect(try files(in: cache).count == 1)
        let left = try FileManager.default.contentsOfDirectory(atPath: cache.path)
        #expect(left.allSatisfy { $0.hasSuffix(".safetensors") || $0.hasSuffix(".sha256") }, "\(left)")
        guard case .mapped = try await start(model.path, cache: cache.path, kernels).use else {
            Issue.record("the file is not used")
            return
        }
    }

    @Test("where nothing can be written the model loads, and says so")
    func unwritable() async throws {
        let model = try ScratchDirectory(files: TinyCheckpoint().files(.f32))
        let kernels = try Kernels.forThisMachine()
        let start = try await start(model.path, cache: model.path + "/missing", kernels)
        guard case .unavailable(let reason) = start.use else {
            Issue.record("\(start.use)")
            return
        }
        #expect(reason.contains("cannot be written"))
    }

    @Test("a small checkpoint is not kept")
    func small() throws {
        let model = try ScratchDirectory(files: TinyCheckpoint().files(.f32))
        let checkpoint = try Checkpoint(directory: model.path)
        #expect(try PackedWeights(of: checkpoint, .int8, .forThisMachine()) == nil)
    }
}
