import OrderedJSON
import Reranking
import Testing

@Suite("BERT bi-encoders agree with sentence-transformers 5.3.0")
struct BiEncoderTests {
    @Test("embeddings are within 2e-5", arguments: ["bert-bi-encoder-mean", "bert-bi-encoder-cls"])
    func embeddings(family: String) async throws {
        let golden = try Fixtures.cases(family)
        let encoder = try BiEncoder.load(directory: Fixtures.model(family))
        let cases = try #require(golden["cases"]?.arrayValue).map { try #require($0.objectValue) }
        #expect(cases.count == 42)
        let vectors = try await encoder.embed(cases.map { try $0.strings("text") }, as: .document).vectors
        for (test, vector) in zip(cases, vectors) {
            expectNear(
                vector, try test.floats("embedding"), tolerance: Tolerance.embedding, try test.strings("id"))
        }
    }
}
