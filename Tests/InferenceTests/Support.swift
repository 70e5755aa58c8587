import FuzzMutations
import Inference
import OrderedJSON
import Ranking
import Testing

/// Expects a RankingError of this code whose text contains all of these parts.
func expectError<Result>(
    _ code: RankingError.Code, _ parts: String..., sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () async throws -> Result
) async {
    do {
        _ = try await body()
        Issue.record("no error", sourceLocation: sourceLocation)
    } catch let error as RankingError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        for part in parts {
            #expect(error.description.contains(part), "\(error)", sourceLocation: sourceLocation)
        }
        #expect(!error.why.isEmpty && !error.fix.isEmpty, sourceLocation: sourceLocation)
    } catch {
        Issue.record("an error of another type: \(error)", sourceLocation: sourceLocation)
    }
}

/// Calls `body` with a directory of these files. What it maps of them stays readable afterwards.
func withFiles<Result>(_ files: [String: [UInt8]], _ body: (String) throws -> Result) throws -> Result {
    let directory = try ScratchDirectory(files: files)
    return try withExtendedLifetime(directory) { try body(directory.path) }
}

extension TinyCheckpoint {
    /// The files of an F32 checkpoint, one tensor's values replaced by those of a function of their index.
    func files(replacing name: String, by value: (Int) -> Float) throws -> [String: [UInt8]] {
        var files = files()
        var tensors = tensors()
        let index = try #require(tensors.firstIndex { $0.name == name })
        let count = tensors[index].shape.reduce(1, *)
        tensors[index] = .init(name, tensors[index].shape, (0..<count).map(value))
        files["model.safetensors"] = SafetensorsBuilder(tensors).bytes
        return files
    }

    func encoder(_ storage: Storage = .f32, kernels: Kernels? = nil, precision: Precision = .fp32) throws -> BERTEncoder
    {
        try withFiles(files(storage)) { directory in
            let path = directory + "/config.json"
            return try BERTEncoder.load(
                Checkpoint(directory: directory), config: BERTConfig(JSONFile.object(path: path), path: path),
                kernels: kernels ?? .forThisMachine(), precision: precision)
        }
    }
}

extension BERTEncoder {
    func states(of batch: TokenBatch, output: Output = .everyToken, threads: Int = 2) async throws -> [Float] {
        let pool = ComputePool(threads: threads)
        defer { pool.shutDown() }
        return try await pool.run { lane in try hiddenStates(of: batch, output: output, on: lane) }
    }
}

extension TokenBatch {
    /// Sequences of ids, of type 0 but for the last third.
    init(_ sequences: [[Int32]]) {
        self.init()
        for ids in sequences {
            append(tokenIDs: ids, typeIDs: ids.indices.map { $0 * 3 >= ids.count * 2 && $0 > 0 ? 1 : 0 })
        }
    }
}
