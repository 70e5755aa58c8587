import OrderedJSON
import Ranking
import Reranking
import Resift
import TestSupport
import Testing

@Suite("A file of rankers")
struct RankerSpecificationTests {
    private func read(_ yaml: String) throws -> RankerSpecification {
        try RankerSpecification(yaml: yaml, path: "rankers.yaml")
    }

    @Test("a cascade with a service, a policy and boosts")
    func everything() throws {
        let read = try read(
            """
            cascade:
              - default
              - reranker: cohere:rerank-v3.5
                keep: 10
                timeout: 250ms
                attempts: 2
                key-file: key.txt
                price: {per-search-unit: 0.002}
                on-failure: keep-order
              - ensemble:
                  - {reranker: a/b, weight: 2}
                  - c/d
                rank-constant: 10
            on-failure: default
            boost:
              keywords: {X-200: 1.5, GDPR: -1}
              recency: {field: created_at, half-life: 30d, weight: 0.5}
            """)
        var service = RankerSpecification(
            .named(
                "cohere:rerank-v3.5",
                .init(
                    timeout: .milliseconds(250), keyFile: "key.txt", attempts: 2, price: .init(perSearchUnit: 0.002))))
        service.onFailure = .keepOrder
        let ensemble = RankerSpecification(
            .ensemble(
                [
                    .init(ranker: RankerSpecification(name: "a/b"), weight: 2),
                    .init(ranker: RankerSpecification(name: "c/d"), weight: 1),
                ], rankConstant: 10))
        var expected = RankerSpecification(
            .cascade([
                .init(ranker: RankerSpecification(name: "default"), keep: nil), .init(ranker: service, keep: 10),
                .init(ranker: ensemble, keep: nil),
            ]))
        expected.onFailure = .fallBack(RankerSpecification(name: "default"))
        expected.keywords = [.init("X-200", weight: 1.5), .init("GDPR", weight: -1)]
        expected.recency = .init(field: "created_at", halfLife: .seconds(86_400 * 30), weight: 0.5)
        #expect(read == expected)
    }

    @Test("a language model with a prompt, limits and fields of its service")
    func languageModel() throws {
        let read = try read(
            """
            reranker: llm:vllm/m@http://localhost:8000
            prompt: prompt.txt
            price: prices.yaml
            document-tokens: 300
            max-output-tokens: 8192
            context-tokens: 32768
            window: 10
            step: 5
            unusable-answers: keep-order
            extra-fields:
              chat_template_kwargs: {enable_thinking: false, budget: 1.5, name: "1"}
              stop: [a, null, 2, 12:30, 1_000]
            """)
        var choices = RankerSpecification.LanguageModelChoices(promptFile: "prompt.txt")
        choices.documentTokens = 300
        choices.maxOutputTokens = 8_192
        choices.contextTokens = 32_768
        choices.windowSize = 10
        choices.windowStep = 5
        choices.unusableAnswers = .keepOrder
        choices.extraFields = try JSONObject(
            parsing:
                #"{"chat_template_kwargs": {"budget": 1.5, "enable_thinking": false, "name": "1"}, "stop": ["a", null, 2, "12:30", "1_000"]}"#
        )
        let expected = RankerSpecification(
            .named(
                "llm:vllm/m@http://localhost:8000", .init(priceFile: "prices.yaml", languageModel: choices)))
        #expect(read == expected)
    }

    @Test("settings go to the ranker that has them, or are refused with the reason")
    func loading() throws {
        let folder = try TemporaryFolder()
        let prompt = try folder.write("prompt.txt", "{query} {passages} {answer_form}")
        let prices = try folder.write(
            "prices.yaml", "llm:vllm/m: {per-million-input-tokens: 2, per-million-output-tokens: 4}")
        let list = "llm:vllm: {per-million-input-tokens: 3, per-million-output-tokens: 5}"
        let loader = RankerLoader(prices: try PriceList(yaml: list, path: "p"))
        func load(_ yaml: String) throws -> any DocumentRanker {
            try loader.load(try read(yaml))
        }
        let name = "reranker: llm:vllm/m@http://localhost:1\n"
        let ranker = try #require(
            try load(name + "prompt: \(prompt)\nprice: \(prices)\nwindow: 10\ndocument-tokens: 9") as? ListwiseReranker)
        #expect(ranker.settings.template?.text == "{query} {passages} {answer_form}")
        #expect(ranker.settings.window == SlidingWindow(size: 10, step: 5) && ranker.settings.documentTokens == 9)
        #expect(ranker.model.price == ServicePrice(perMillionInputTokens: 2, perMillionOutputTokens: 4))
        let listed = ServicePrice(perMillionInputTokens: 3, perMillionOutputTokens: 5)
        #expect((try load(name) as? ListwiseReranker)?.model.price == listed)
        let free = "price: {per-million-input-tokens: 0, per-million-output-tokens: 0}"
        let own = try load(name + free) as? ListwiseReranker
        #expect(own?.model.price == ServicePrice(perMillionInputTokens: 0, perMillionOutputTokens: 0))

        let asked = "reranker: llm-pointwise:vllm/m@http://localhost:1\n"
        #expect((try load(asked + "document-tokens: 7") as? PointwiseReranker)?.settings.documentTokens == 7)
        for (yaml, part) in [
            (asked + "window: 10", "about lists"), (asked + "prompt: \(prompt)", "answer_form"),
            (name + "prompt: \(folder.path)/none", "cannot be read"), (name + "window: 1", "sliding window"),
            ("reranker: tei:http://localhost:1\nprompt: \(prompt)", "is a service, with settings of a language model"),
            ("reranker: default\ndocument-tokens: 3", "is a model on this machine"),
            ("reranker: tei:http://localhost:1\nprice: \(prices)", "has no price for tei"),
            (name + "price: {per-million-input-tokens: 1}", "is not complete"),
            ("reranker: colbert", "./colbert"),
        ] {
            let error = #expect(throws: RankingError.self, "\(yaml)") { try load(yaml) }
            #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
        }
    }

    @Test("JSON is YAML, and a name alone is a ranker")
    func short() throws {
        #expect(try read("default") == RankerSpecification(name: "default"))
        #expect(
            try read(#"{"reranker": "tei:http://localhost:8080"}"#)
                == RankerSpecification(name: "tei:http://localhost:8080"))
    }

    @Test(
        "what is no such file is an error that names the line",
        arguments: [
            ("", "is empty"), ("cascade: [", "is not YAML"), ("- default", "line 1"), ("reranker: [a]", "line 1"),
            ("a: b", "\"a\" means nothing here"), ("reranker: a\ncascade: [b]", "reranker and cascade"),
            ("on-failure: throw", "not named"), ("cascade: []", "no list of rankers"),
            ("cascade:\n  - reranker: a\n    keep: 0", "line 3"),
            ("cascade:\n  - reranker: a\n    weight: 1", "weight"),
            ("reranker: a\ntimeout: soon", "line 2"), ("cascade: [a]\ntimeout: 1s", "is about a reranker"),
            ("reranker: a\nboost: {keywords: [b]}", "no terms with weights"),
            ("reranker: a\nboost: {recency: {field: x}}", "half-life"),
            ("reranker: a\nboost: {keywords: {b: much}}", "no number"), ("reranker: ''", "empty"),
            ("ensemble: [a]\nrank-constant: -1", "line 2"), ("cascade: [a]\nprompt: p", "is about a reranker"),
            ("reranker: a\nunusable-answers: shrug", "no policy"), ("reranker: a\nwindow: 0", "line 2"),
            ("reranker: a\nextra-fields: [1]", "no names with values"), ("reranker: a\nprice: {}", "says nothing"),
        ])
    func refused(yaml: String, part: String) {
        let error = #expect(throws: RankingError.self) { try read(yaml) }
        #expect(error?.code == .invalidInput)
        #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }

    @Test("aliases do not multiply, and rankers do not go deeper than the stack")
    func bounded() {
        var bomb = "a: &a [default, default, default, default]\n"
        for (name, before) in zip("bcdefgh", "abcdefg") {
            bomb += "\(name): &\(name) [{cascade: *\(before)}, {cascade: *\(before)}, {cascade: *\(before)}]\n"
        }
        #expect(throws: RankingError.self) { try read("cascade: [{cascade: &a [x, x]}, {cascade: *a}]\n" + bomb) }
        let deep = String(repeating: "{cascade: [", count: 500) + "x" + String(repeating: "]}", count: 500)
        #expect(throws: RankingError.self) { try read(deep) }
        let wide = "cascade: [" + Array(repeating: "x", count: 100).joined(separator: ", ") + "]"
        #expect(throws: RankingError.self) { try read(wide) }
    }
}
