import Foundation
import Inference
import OrderedJSON
import Reranking
import Testing

@Suite("Late interaction agrees with colbert-ai 0.2.22 and PyLate 1.6.0")
struct LateInteractionTests {
    static let families = ["colbert-bert", "colbert-bert-pylate", "colbert-modernbert-pylate"]

    private struct Golden {
        let file: JSONObject
        let queries: [JSONObject]
        let documents: [JSONObject]
        let encoder: LateInteractionEncoder

        init(_ family: String, kernels: Kernels? = nil) throws {
            file = try Fixtures.cases(family)
            queries = try #require(file["queries"]?.arrayValue).map { try #require($0.objectValue) }
            documents = try #require(file["documents"]?.arrayValue).map { try #require($0.objectValue) }
            encoder = try LateInteractionEncoder.load(
                directory: Fixtures.model(family), kernels: kernels ?? .forThisMachine())
        }
    }

    @Test("ids, attention and kept positions are equal", arguments: families)
    func sequences(family: String) throws {
        let golden = try Golden(family)
        #expect(golden.queries.count == 12 && golden.documents.count == 36)
        for query in golden.queries {
            let sequence = try golden.encoder.sequence(ofQuery: query.strings("text"))
            let id = try query.strings("id")
            #expect(sequence.tokenIDs == (try query.integers("input_ids")), "\(id)")
            #expect(sequence.attended == (try query.integers("attention_mask").reduce(0, +)).asInt, "\(id)")
            #expect(sequence.kept == Array(0..<32), "\(id)")
        }
        for document in golden.documents {
            let sequence = try golden.encoder.sequence(ofDocument: document.strings("text"))
            let id = try document.strings("id")
            #expect(sequence.tokenIDs == (try document.integers("input_ids")), "\(id)")
            #expect(sequence.kept == (try document.integers("kept_positions").map(\.asInt)), "\(id)")
            #expect(sequence.attended == sequence.tokenIDs.count, "\(id)")
        }
    }

    @Test("token vectors are within 2e-5, by every variant of the kernels", arguments: families, Kernels.available)
    func vectors(family: String, kernels: String) async throws {
        let golden = try Golden(family, kernels: .named(kernels))
        let queries = try await golden.encoder.encode(queries: golden.queries.map { try $0.strings("text") })
        let documents = try await golden.encoder.encode(documents: golden.documents.map { try $0.strings("text") })
        var compared = 0
        for (test, vectors) in zip(golden.queries + golden.documents, queries + documents) {
            guard let text = test["embeddings_base64"]?.stringValue else { continue }
            let data = try #require(Data(base64Encoded: text))
            let expected = data.withUnsafeBytes { bytes in
                (0..<bytes.count / 4).map {
                    Float(
                        bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self)))
                }
            }
            expectNear(vectors.values, expected, tolerance: Tolerance.embedding, try test.strings("id"))
            compared += 1
        }
        #expect(compared == 6)
    }

    @Test(
        "all 432 MaxSim scores are within 1e-4, by every variant of the kernels", arguments: families,
        Kernels.available)
    func scores(family: String, kernels: String) async throws {
        let golden = try Golden(family, kernels: .named(kernels))
        let texts = try golden.documents.map { try $0.strings("text") }
        let documents = try await golden.encoder.encode(documents: texts)
        var scores: [String: Float] = [:]
        for query in golden.queries {
            let vectors = try await golden.encoder.encode(queries: [query.strings("text")])
            let found = try golden.encoder.maxSim(query: try #require(vectors.first), documents: documents)
            for (document, score) in zip(golden.documents, found) {
                scores["\(try query.strings("id")) \(try document.strings("id"))"] = score
            }
        }
        let cases = try #require(golden.file["cases"]?.arrayValue).map { try #require($0.objectValue) }
        #expect(cases.count == 432)
        for test in cases {
            let id = "\(try test.strings("query")) \(try test.strings("document"))"
            expectNear([scores[id] ?? .nan], try test.floats("score"), tolerance: Tolerance.maxSim, id)
        }
    }
}

extension Int32 {
    fileprivate var asInt: Int { Int(self) }
}
