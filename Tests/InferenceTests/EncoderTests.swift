import FuzzMutations
import Inference
import Ranking
import Synchronization
import Testing

@Suite("A BERT encoder")
struct EncoderTests {
    /// Sizes off every lane count, and enough positions that one sequence fills several row blocks.
    static let odd = {
        var tiny = TinyCheckpoint()
        tiny.hiddenSize = 15
        tiny.heads = 3
        tiny.intermediateSize = 22
        tiny.positions = 220
        return tiny
    }()

    @Test("a token id beyond the vocabulary is an error that names both", arguments: [40, -1, Int32.max, .min])
    func tokenBeyondVocabulary(id: Int32) async throws {
        let encoder = try TinyCheckpoint().encoder()
        await expectError(.corruptFile, "gave the id \(id), but the model has 40 token embeddings") {
            try await encoder.states(of: TokenBatch([[1, 2], [3, id]]))
        }
    }

    @Test("a type id beyond the type table is an error that names both", arguments: [2, -1, Int32.max])
    func typeBeyondTable(id: Int32) async throws {
        let encoder = try TinyCheckpoint().encoder()
        var batch = TokenBatch()
        batch.append(tokenIDs: [1, 2], typeIDs: [0, id])
        let sealed = batch
        await expectError(.corruptFile, "gave the type id \(id), but the model has 2 types") {
            try await encoder.states(of: sealed)
        }
    }

    @Test("a sequence as long as the positions is fine, a longer one is an error")
    func tooLong() async throws {
        let encoder = try TinyCheckpoint().encoder()
        let states = try await encoder.states(of: TokenBatch([[Int32](repeating: 5, count: 24)]))
        #expect(states.count == 24 * 8)
        await expectError(.invalidInput, "A sequence has 25 tokens", "The model has 24 positions") {
            try await encoder.states(of: TokenBatch([[1], [Int32](repeating: 5, count: 25)]))
        }
    }

    @Test("a batch without sequences has no hidden states")
    func emptyBatch() async throws {
        let encoder = try TinyCheckpoint().encoder()
        for output in [BERTEncoder.Output.everyToken, .firstTokens] {
            #expect(try await encoder.states(of: TokenBatch(), output: output).isEmpty)
        }
    }

    @Test(
        "first tokens are the first rows of every token, bit for bit", arguments: Kernels.available,
        [1, 2, 3] as [UInt64])
    func firstTokens(variant: String, seed: UInt64) async throws {
        let encoder = try EncoderTests.odd.encoder(kernels: Kernels.named(variant))
        let batch = TokenBatch(sequences(seed: seed))
        let every = try await encoder.states(of: batch)
        let first = try await encoder.states(of: batch, output: .firstTokens)
        let expected = batch.starts.dropLast().flatMap { Array(every[$0 * 15..<($0 + 1) * 15]) }
        #expect(first.map(\.bitPattern) == expected.map(\.bitPattern))
    }

    @Test(
        "hidden states do not depend on the batch or the threads, bit for bit", arguments: Kernels.available,
        [4, 5, 6, 7] as [UInt64])
    func batchIndependence(variant: String, seed: UInt64) async throws {
        let encoder = try EncoderTests.odd.encoder(kernels: Kernels.named(variant))
        let sequences = sequences(seed: seed)
        var alone: [[UInt32]] = []
        for sequence in sequences {
            alone.append(try await encoder.states(of: TokenBatch([sequence]), threads: 1).map(\.bitPattern))
        }
        var random = SplitMix64(seed: seed)
        for threads in 1...3 {
            let order = sequences.indices.shuffled(using: &random)
            let states = try await encoder.states(of: TokenBatch(order.map { sequences[$0] }), threads: threads)
            #expect(states.map(\.bitPattern) == order.flatMap { alone[$0] }, "\(threads) threads, order \(order)")
        }
    }

    @Test("weights stored in F16 and BF16 without loss give the states of F32, bit for bit")
    func storages() async throws {
        let batch = TokenBatch([[2, 5, 6, 3, 7, 3]])
        let expected = try await TinyCheckpoint().encoder(.f32).states(of: batch)
        for storage in [TinyCheckpoint.Storage.f16, .bf16] {
            #expect(try await TinyCheckpoint().encoder(storage).states(of: batch) == expected, "\(storage)")
        }
    }

    @Test("weights stored in I8 give states near those of F32")
    func quantized() async throws {
        let batch = TokenBatch([[2, 5, 6, 3, 7, 3]])
        let expected = try await TinyCheckpoint().encoder(.f32).states(of: batch)
        let states = try await TinyCheckpoint().encoder(.i8).states(of: batch)
        let distance = zip(states, expected).map { abs($0 - $1) }.max() ?? .infinity
        // Each weight is off by at most 1/254 of its row's largest; states are of the order of 1.
        #expect(distance > 0 && distance < 0.2, "\(distance)")
    }

    @Test("a cancelled forward pass stops before its next layer")
    func cancellation() async throws {
        let encoder = try TinyCheckpoint().encoder()
        let pool = ComputePool(threads: 1)
        defer { pool.shutDown() }
        let (jobs, started) = AsyncStream.makeStream(of: Void.self)
        let embedded = Progress()
        let task = Task {
            try await pool.run { lane in
                started.finish()
                while !lane.isCancelled {}
                // The embeddings come before the first layer, and are computed.
                let batch = TokenBatch([[1, 2, 3]])
                embedded.count = try encoder.hiddenStates(of: batch, output: .everyToken, depth: 0, on: lane).count
                return try encoder.hiddenStates(of: batch, output: .everyToken, depth: 1, on: lane)
            }
        }
        for await _ in jobs {}
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(embedded.count == 3 * 8)
    }

    @Test("a forward pass that is cancelled on its way does not finish", .timeLimit(.minutes(1)))
    func cancellationOnTheWay() async throws {
        var deep = TinyCheckpoint()
        deep.hiddenSize = 32
        deep.intermediateSize = 64
        deep.layers = 100
        deep.positions = 512
        let encoder = try deep.encoder(kernels: Kernels.named("scalar"))
        let pool = ComputePool(threads: 1)
        defer { pool.shutDown() }
        // Seconds of work, cancelled after milliseconds.
        let batch = TokenBatch((0..<64).map { _ in [Int32](repeating: 5, count: 512) })
        let (jobs, started) = AsyncStream.makeStream(of: Void.self)
        let task = Task {
            try await pool.run { lane in
                started.finish()
                return try encoder.hiddenStates(of: batch, output: .everyToken, on: lane)
            }
        }
        for await _ in jobs {}
        try await Task.sleep(for: .milliseconds(20))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    /// 1 to 9 sequences of 1 to 220 ids.
    private func sequences(seed: UInt64) -> [[Int32]] {
        var random = SplitMix64(seed: seed)
        return (0..<1 + random.index(9)).map { _ in
            (0..<1 + random.index(random.oneIn(3) ? 220 : 20)).map { _ in Int32(random.index(40)) }
        }
    }
}

/// A number that a job leaves for the test.
private final class Progress: Sendable {
    private let value = Mutex(0)

    var count: Int {
        get { value.withLock { $0 } }
        set { value.withLock { $0 = newValue } }
    }
}
