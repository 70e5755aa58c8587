import FuzzMutations
import Inference
import OrderedJSON
import Ranking
import Reranking
import Testing
import Tokenizers

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

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

    @Test("a pair without a single token is an error, not a score of nothing")
    func emptySequence() async throws {
        let encoder = try TinyCheckpoint().encoder()
        for output in [BERTEncoder.Output.everyToken, .firstTokens] {
            await expectError(.invalidInput, "no tokens") {
                try await encoder.states(of: TokenBatch([[1, 2], []]), output: output)
            }
        }
    }

    private func tokenizer(
        replacing old: String, by new: String, andThen second: (String, String)? = nil
    ) throws -> Tokenizer {
        var text = String(decoding: TinyCheckpoint().tokenizerText, as: UTF8.self)
        for (old, new) in [(old, new)] + (second.map { [$0] } ?? []) where !old.isEmpty {
            try #require(text.contains(old))
            text.replace(old, with: new)
        }
        return try Tokenizer.load(JSONValue.parse(Array(text.utf8)), source: "tokenizer.json")
    }
}
