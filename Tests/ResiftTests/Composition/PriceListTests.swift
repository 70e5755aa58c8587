import Ranking
import Resift
import TestSupport
import Testing

@Suite("A list of prices")
struct PriceListTests {
    private func read(_ yaml: String) throws -> PriceList { try PriceList(yaml: yaml, path: "prices.yaml") }

    @Test("names a model, a service for all its other models, and a language model for both methods")
    func names() throws {
        let prices = try read(
            """
            cohere:rerank-v3.5: {per-search-unit: 0.002}
            cohere: {per-search-unit: 0.001}
            llm:openai/big: {per-million-input-tokens: 3, per-million-output-tokens: 15.5}
            llm-pointwise:openai/big: {per-million-input-tokens: 1, per-million-output-tokens: 2}
            llm:ollama: {per-million-input-tokens: 0}
            """)
        for (name, price) in [
            ("cohere:rerank-v3.5", ServicePrice(perSearchUnit: 0.002)),
            ("cohere:rerank-v3.5@http://localhost:1", ServicePrice(perSearchUnit: 0.002)),
            ("cohere:other", ServicePrice(perSearchUnit: 0.001)),
            ("llm:openai/big", ServicePrice(perMillionInputTokens: 3, perMillionOutputTokens: 15.5)),
            ("llm:openai/big@http://localhost:1", ServicePrice(perMillionInputTokens: 3, perMillionOutputTokens: 15.5)),
            ("llm-pointwise:openai/big", ServicePrice(perMillionInputTokens: 1, perMillionOutputTokens: 2)),
            ("llm-pointwise:ollama/any:8b", ServicePrice(perMillionInputTokens: 0)),
            ("llm:openai/other", nil), ("voyage:rerank-2.5", nil), ("default", nil), ("cascade.yaml", nil),
        ] {
            #expect(prices[name] == price, "\(name)")
        }
        #expect(PriceList()["cohere:rerank-v3.5"] == nil)
    }

    @Test("JSON is YAML, and is read from a file")
    func file() throws {
        let folder = try TemporaryFolder()
        let kept = try folder.write("prices.json", #"{"tei:http://gpu:8080": {"per-million-input-tokens": 0}}"#)
        let error = #expect(throws: RankingError.self) { try PriceList(path: kept + ".gone") }
        #expect(error?.code == .notFound)
        #expect(try PriceList(path: kept)["tei:http://gpu:8080"] == ServicePrice(perMillionInputTokens: 0))
    }

    @Test(
        "what is no such list is an error that names the line",
        arguments: [
            ("", "is empty"), ("[", "is not YAML"), ("- a", "line 1"), ("a: 3", "line 1"), ("a: {}", "says nothing"),
            ("a: {input: 3}", "\"input\" means nothing here"), ("a: {per-search-unit: -1}", "no number from 0"),
            ("a: {per-search-unit: much}", "no number"), ("a: {per-search-unit: .inf}", "no number"),
            ("b: {per-search-unit: 1}\nb: {per-search-unit: 2}", "prices.yaml"),
        ])
    func refused(yaml: String, part: String) {
        let error = #expect(throws: RankingError.self) { try read(yaml) }
        #expect(error?.code == .invalidInput)
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }
}
