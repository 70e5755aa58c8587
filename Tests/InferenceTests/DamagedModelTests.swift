import FuzzMutations
import Inference
import OrderedJSON
import Ranking
import Reranking
import Testing
import Tokenizers

/// Defects that damaged files have shown, each with the smallest file that shows it.
@Suite("A damaged or contradictory model")
struct DamagedModelTests {
    @Test("an embedding that overflows is an error, not a vector of NaN")
    func overflowingEmbedding() async throws {
        var tiny = TinyCheckpoint()
        tiny.hasHead = false
        let files = try tiny.files(replacing: "encoder.layer.1.output.dense.bias") { _ in 3e38 }
        let encoder = try withFiles(files) { try BiEncoder.load(directory: $0) }
        await expectError(.nonFiniteScore) { try await encoder.embed(["a"]) }
    }
}
