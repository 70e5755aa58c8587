import Foundation
import Inference
import OrderedJSON
import Reranking
import ResiftServer
import TestSupport
import Testing

@Suite("Each vendor's client gets the form that it reads")
struct WireFormTests {
    private let query = "the river"
    private let texts = ["water under the bridge", "the council's budget", "a lighthouse"]

    private func request(_ documents: String, _ more: String = "") -> String {
        #"{"model": "tiny", "query": "\#(query)", \#(documents)\#(more)}"#
    }
    private var documents: String { #""documents": ["\#(texts.joined(separator: #"", ""#))"]"# }

    /// What the library says: positions best first, and 1 / (1 + e^-logit).
    private func expected() async throws -> (order: [Int], scores: [Double], logits: [Double]) {
        let reranker = try Reranker.load(directory: Repository.model("bert-cross-encoder"), precision: .fp32)
        let logits = try await reranker.scores(query, texts, options: RerankOptions(activation: .identity)).map(
            Double.init)
        let order = logits.indices.sorted { logits[$0] > logits[$1] }
        return (order, order.map { 1 / (1 + exp(-logits[$0])) }, order.map { logits[$0] })
    }

    @Test(
        "Cohere 1, Jina and vLLM: results with index, relevance_score, and document on demand",
        arguments: ["/v1/rerank"])
    func cohere1(path: String) async throws {
        let expected = try await expected()
        try await LiveServer.run { server in
            let answer = try await server.post(path, request(documents, #", "top_n": 2, "return_documents": true"#))
            #expect(answer.status == 200)
            let results = try answer.json.objects("results")
            #expect(results.map { $0.number("index") } == expected.order.prefix(2).map(Double.init))
            #expect(results.map { $0.number("relevance_score") } == expected.scores.prefix(2).map(Optional.some))
            #expect(results.map { $0.object("document")?.string("text") } == expected.order.prefix(2).map { texts[$0] })
            #expect(try answer.json.object("usage")?.number("total_tokens") ?? 0 > 0)
            #expect(try answer.json.object("meta")?.object("api_version")?.string("version") == "1")
            #expect(try answer.json.string("model") == "tiny")
            #expect(answer.headers["x-resift-model"] == "tiny")
            for stage in ["queue", "tokenize", "infer", "rank", "total"] {
                #expect(answer.headers["server-timing"]?.contains("\(stage);dur=") == true)
            }
        }
    }

    @Test("Cohere 2: nulls are accepted, and no document comes back")
    func cohere2() async throws {
        try await LiveServer.run { server in
            let answer = try await server.post(
                "/v2/rerank", request(documents, #", "top_n": null, "max_tokens_per_doc": null, "priority": 3"#))
            let results = try answer.json.objects("results")
            #expect(results.count == 3)
            #expect(results.allSatisfy { $0["document"] == nil })
        }
    }

    @Test("structured documents: rank_fields are read in order, and all fields come back in theirs")
    func structured() async throws {
        try await LiveServer.run { server in
            let body =
                #"{"query": "q", "documents": [{"z": 1, "title": "river", "text": "bank", "a": {"k": [1]}}, {"title": "x", "text": "y"}], "rank_fields": ["title", "text"], "return_documents": true}"#
            let answer = try await server.post("/v1/rerank", body)
            let document = try answer.json.objects("results").first { $0.number("index") == 0 }?.object("document")
            #expect(document?.keys == ["z", "title", "text", "a"])
            let missing = try await server.post(
                "/v1/rerank", #"{"query": "q", "documents": [{"title": "x"}], "rank_fields": ["body"]}"#)
            #expect(missing.status == 422)
        }
    }

    @Test("Voyage: data with plain documents, wherever top_k or truncation stands")
    func voyage() async throws {
        let expected = try await expected()
        try await LiveServer.run { server in
            let answer = try await server.post(
                "/v1/rerank", request(documents, #", "top_k": null, "truncation": true, "return_documents": true"#))
            let data = try answer.json.objects("data")
            #expect(data.map { $0.number("relevance_score") } == expected.scores.map(Optional.some))
            #expect(data.map { $0.string("document") } == expected.order.map { texts[$0] })
            #expect(try answer.json["results"] == nil)
            let long =
                #"{"query": "q", "documents": ["\#(String(repeating: "river ", count: 600))"], "truncation": false}"#
            #expect(try await server.post("/v1/rerank", long).status == 422)
        }
    }

    @Test("Mixedbread: data with score and input, and what was asked for")
    func mixedbread() async throws {
        let expected = try await expected()
        try await LiveServer.run { server in
            let input = documents.replacingOccurrences(of: "documents", with: "input")
            let answer = try await server.post("/v1/reranking", request(input, #", "top_k": 1, "return_input": true"#))
            let data = try answer.json.objects("data")
            #expect(data.map { $0.number("score") } == [expected.scores[0]])
            #expect(data.map { $0.string("input") } == [texts[expected.order[0]]])
            #expect(data.map { $0.string("object") } == ["rank_result"])
            #expect(try answer.json.number("top_k") == 1)
            #expect(try answer.json["return_input"] == .bool(true))
        }
    }

    @Test("TEI: a list of all texts, raw on demand")
    func tei() async throws {
        let expected = try await expected()
        try await LiveServer.run { server in
            let texts = documents.replacingOccurrences(of: "documents", with: "texts")
            for (raw, scores) in [("false", expected.scores), ("true", expected.logits)] {
                let answer = try await server.post(
                    "/rerank", request(texts, #", "raw_scores": \#(raw), "return_text": true"#))
                guard case .array(let items) = try JSONValue.parse(Array(answer.body.utf8)) else {
                    Issue.record("no list")
                    continue
                }
                let entries = items.compactMap { if case .object(let entry) = $0 { entry } else { nil } }
                #expect(entries.map { $0.number("score") } == scores.map(Optional.some))
                #expect(entries.allSatisfy { $0.string("text") != nil })
            }
        }
    }

    @Test("Infinity and Pinecone share a path: the key's header tells them apart")
    func infinityAndPinecone() async throws {
        try await LiveServer.run { server in
            let infinity = try await server.post("/rerank", request(documents, #", "return_documents": true"#)).json
            #expect(infinity.string("object") == "rerank")
            #expect(infinity.objects("results").allSatisfy { $0.string("document") != nil })
            let pinecone = try await server.post("/rerank", request(documents), headers: ["Api-Key": "k"]).json
            #expect(pinecone.objects("data").allSatisfy { $0.number("score") != nil })
        }
    }

    @Test("vLLM's score: the order of the request, one query or one for each")
    func score() async throws {
        let expected = try await expected()
        try await LiveServer.run { server in
            let one = try await server.post(
                "/score",
                request(documents).replacingOccurrences(of: "\"query\"", with: "\"text_1\"").replacingOccurrences(
                    of: "documents", with: "text_2"))
            let scores = try one.json.objects("data").map { $0.number("score") ?? .nan }
            #expect(expected.order.map { scores[$0] } == expected.scores)
            let pairs = try await server.post(
                "/v1/score",
                #"{"queries": ["\#(query)", "b", "\#(query)"], "documents": ["\#(texts[0])", "x", "\#(texts[2])"]}"#)
            let both = try pairs.json.objects("data").map { $0.number("score") ?? .nan }
            #expect(both[0] == scores[0] && both[2] == scores[2])
            let uneven = try await server.post("/score", #"{"queries": ["a", "b"], "documents": ["a", "b", "c"]}"#)
            #expect(uneven.status == 422)
        }
    }

    @Test("Resift's own members: a report, spans in code points, and a cache that says so")
    func extension_() async throws {
        try await LiveServer.run { server in
            let body =
                #"{"query": "river", "documents": ["Élan. The river rises. Budget."], "resift": true, "relevant_spans": {"max_spans": 2}}"#
            let first = try await server.post("/v2/rerank", body).json
            let spans = first.objects("results")[0].objects("relevant_spans")
            #expect(spans.count == 2)
            #expect(
                Set(spans.map { "\(Int($0.number("start") ?? -1))-\(Int($0.number("end") ?? -1))" }).isSubset(of: [
                    "0-5", "6-22", "23-30",
                ]))
            #expect(first.object("resift")?.number("cache_hits") == 0)
            let second = try await server.post("/v2/rerank", body).json
            #expect(second.object("resift")?.number("cache_hits") == 1)
            #expect(second["results"] == first["results"])
            #expect(try await server.metric("resift_cache_hits_total") == 1)
        }
    }

    @Test("names of models: aliases, and the default for others, which the answer says")
    func models() async throws {
        try await LiveServer.run(LiveServer.settings { $0.aliases = ["rerank-v3.5": "tiny"] }) { server in
            let known = try await server.post(
                "/v2/rerank", #"{"model": "rerank-v3.5", "query": "q", "documents": ["d"]}"#
            ).json
            #expect(known.object("meta")?["warnings"] == nil)
            let other = try await server.post("/v2/rerank", #"{"model": "x", "query": "q", "documents": ["d"]}"#).json
            #expect(other.object("meta")?["warnings"] != nil)
            #expect(try await server.get("/v1/models").json.objects("data").map { $0.string("id") } == ["tiny"])
        }
        try await LiveServer.run(LiveServer.settings { $0.unknownModels = .refuse }) { server in
            let refused = try await server.post("/v2/rerank", #"{"model": "x", "query": "q", "documents": ["d"]}"#)
            #expect(refused.status == 404)
        }
    }

    @Test(
        "what a server says of itself",
        arguments: ["/health", "/ping", "/ready", "/info", "/v1/models", "/metrics", "/openapi.json", "/docs", "/"])
    func pages(path: String) async throws {
        try await LiveServer.run { server in
            let answer = try await server.get(path)
            #expect(answer.status == 200)
            let head = try await server.send("HEAD", path, [])
            #expect(head.status == 200 && head.body == "")
        }
    }
}
