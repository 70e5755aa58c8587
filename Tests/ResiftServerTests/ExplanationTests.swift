import OrderedJSON
import Ranking
import Reranking
import Resift
import ResiftServer
import ScriptedServer
import TestSupport
import Testing

@Suite("A server of late-interaction models says which tokens matched")
struct ExplanationTests {
    private let query = "old bridge 🙂 over the river"
    private let documents = ["the bridge, of the city", "été 東京 river", "", "river water and a lighthouse"]

    private func settings(_ family: String = "colbert-bert") -> ServerSettings {
        LiveServer.settings { settings in
            settings.models.append(ServerSettings.ModelSource(name: "colbert", directory: Repository.model(family)))
            settings.defaultModel = "colbert"
        }
    }

    private func body(_ more: String = #""resift": {"explain": true}"#, documents: [String]? = nil) -> String {
        let list = (documents ?? self.documents).map { JSONValue.string($0).compact }.joined(separator: ", ")
        return #"{"query": "\#(query)", "documents": [\#(list)], \#(more)}"#
    }

    private func span(_ value: JSONValue?) throws -> Range<Int>? {
        guard case .object(let span)? = value else {
            #expect(value == .null)
            return nil
        }
        let (start, end) = (try #require(span.number("start")), try #require(span.number("end")))
        return Int(start)..<Int(end)
    }

    @Test(
        "each result has the library's matches: spans of the query and of the document in code points, similarities",
        arguments: ["colbert-bert", "colbert-bert-pylate", "colbert-modernbert-pylate"])
    func matches(family: String) async throws {
        let reranker = LateInteractionReranker(
            try LateInteractionEncoder.load(directory: Repository.model(family), precision: .fp32))
        let expected = try await reranker.explain(query, documents.map { Document($0) })
        let points = documents.map { Array($0.unicodeScalars) }
        try await LiveServer.run(settings(family)) { server in
            let answer = try await server.post("/v2/rerank", body()).json
            let results = answer.objects("results")
            #expect(results.count == 4 && answer.object("resift")?.number("explained_documents") == 4)
            #expect(answer.object("meta")?["warnings"] == nil)
            for result in results {
                let index = Int(try #require(result.number("index")))
                let details = try #require(result.object("resift"))
                #expect(details.string("score_kind") == "max_sim")
                let matches = details.objects("matches")
                let own = try #require(expected[index])
                #expect(matches.count == own.count)
                for (match, one) in zip(matches, own) {
                    #expect(try span(match["query"]) == one.queryToken.map { $0.start..<$0.end })
                    let place = try span(match["document"])
                    #expect(place == one.documentToken.map { $0.start..<$0.end })
                    if let place {
                        #expect(one.documentToken?.text.unicodeScalars.elementsEqual(points[index][place]) == true)
                    }
                    #expect(match.number("similarity").map { Float($0) } == one.similarity)
                }
                let sum = matches.reduce(0) { $0 + ($1.number("similarity") ?? .nan) }
                #expect(abs(sum - (try #require(result.number("relevance_score")))) < 1e-4)
            }
        }
    }

    @Test("it is there only where it is asked for, in every form with a place for it, and of the results alone")
    func forms() async throws {
        try await LiveServer.run(settings()) { server in
            let plain = try await server.post("/v1/rerank", body(#""resift": true"#)).json
            #expect(plain.objects("results").allSatisfy { $0.object("resift")?["matches"] == nil })
            #expect(plain.object("resift")?["explained_documents"] == nil)
            for (path, key, more) in [
                ("/v1/rerank", "results", #""top_n": 2"#), ("/v1/rerank", "data", #""top_k": 2, "truncation": true"#),
                ("/rerank", "results", #""top_n": 2"#),
            ] {
                let answer = try await server.post(
                    path, body(#"\#(more), "resift": {"explain": true, "report": false}"#)
                ).json
                let entries = answer.objects(key)
                #expect(entries.count == 2, "\(path), \(key)")
                #expect(entries.allSatisfy { $0.object("resift")?.objects("matches").count == 32 })
                #expect(answer.object("resift")?.number("explained_documents") == 2)
            }
        }
    }

    @Test("at most 100 results are explained; of the others the answer says so")
    func limit() async throws {
        try await LiveServer.run(settings()) { server in
            let many = (0..<130).map { "river \($0)" }
            let answer = try await server.post("/v1/rerank", body(documents: many)).json
            let results = answer.objects("results")
            #expect(results.count == 130 && answer.object("resift")?.number("explained_documents") == 100)
            #expect(results.prefix(100).allSatisfy { $0.object("resift")?.objects("matches").count == 32 })
            #expect(results.suffix(30).allSatisfy { $0.object("resift")?["matches"] == .null })
            guard case .array(let warnings)? = answer.object("meta")?["warnings"] else { throw LiveServer.Unanswered() }
            #expect(warnings.contains { if case .string(let text) = $0 { text.hasPrefix("30 of 130") } else { false } })
        }
    }

    @Test("a deadline holds for it too: what it leaves unexplained is null")
    func deadline() async throws {
        try await LiveServer.run(settings()) { server in
            let request = body(#""resift": {"explain": true, "deadline_ms": 0.001}"#)
            let answer = try await server.post("/v1/rerank", request).json
            #expect(answer.object("resift")?.number("explained_documents") == 0)
            #expect(answer.objects("results").allSatisfy { $0.object("resift")?["matches"] == .null })
        }
    }

    @Test("a model that cannot explain, and a form without a place for it, are errors that say so")
    func refused() async throws {
        try await LiveServer.run(settings()) { server in
            let cross = try await server.post("/v1/rerank", body(#""model": "tiny", "resift": {"explain": true}"#))
            #expect(cross.status == 422)
            #expect(try cross.json.string("message")?.contains("`explains`") == true, "\(cross.body)")
            let form = try await server.post(
                "/rerank", #"{"query": "river", "texts": ["a"], "resift": {"explain": true}}"#)
            #expect(form.status == 422)
            let type = try await server.post("/v1/rerank", body(#""resift": {"explain": 3}"#))
            #expect(type.status == 422)
            // And the sentences of a cross-encoder are not to be had of this model.
            let spans = try await server.post("/v2/rerank", body(#""relevant_spans": {"mode": "enabled"}"#))
            #expect(spans.status == 422)
            let models = try await server.get("/v1/models").json.objects("data")
            #expect(models.map { $0["explains"] } == [.bool(false), .bool(true)])
            #expect(models.map { $0.string("precision") } == ["fp32", "fp32"])
        }
    }

    @Test("behind a policy of failures and in a cascade, what late interaction scored is explained, and nothing else")
    func composed() async throws {
        let directory = Repository.model("colbert-bert")
        let service = try ScriptedServer { _, _ in .init("{}", status: 401) }
        defer { service.close() }
        let rankers = try [
            "kept": "reranker: \(directory)\non-failure: keep-order",
            "cascade": "cascade:\n  - {reranker: default, keep: 2}\n  - {reranker: \(directory)}",
            "fallen": "reranker: \"tei:\(service.url)\"\ntimeout: 600s\non-failure: \(directory)",
            "either": "reranker: \(directory)\non-failure: \(directory)",
            "twice":
                "cascade:\n  - {reranker: \"tei:\(service.url)\", on-failure: \(directory)}\n  - {reranker: \(directory)}",
        ].mapValues { yaml in try RankerSpecification(yaml: yaml, path: "test.yaml") }
        let settings = LiveServer.settings { settings in
            for (name, ranker) in rankers {
                settings.models.append(ServerSettings.ModelSource(name: name, ranker: ranker))
            }
        }
        try await LiveServer.run(settings) { server in
            func explained(_ name: String) async throws -> [Bool] {
                let request = body(#""model": "\#(name)", "resift": {"explain": true}"#)
                return try await server.post("/v1/rerank", request).json.objects("results").map {
                    $0.object("resift")?.objects("matches").count == 32
                }
            }
            let kept = try await explained("kept")
            #expect(kept == [true, true, true, true])
            let cascade = try await explained("cascade")
            #expect(cascade == [true, true, false, false])
            // "either" has two that score so, and nothing says which of them did.
            for name in ["fallen", "either", "twice"] {
                let request = body(#""model": "\#(name)", "resift": {"explain": true}"#)
                #expect(try await server.post("/v1/rerank", request).status == 422, "\(name)")
            }
            let models = try await server.get("/v1/models").json.objects("data")
            for (name, precision) in [("kept", "fp32"), ("either", "fp32"), ("cascade", nil), ("fallen", nil)] {
                let model = try #require(models.first { $0.string("id") == name })
                #expect(model.string("precision") == precision, "\(name)")
            }
        }
    }

    @Test("a request's tokens are limited for these models too")
    func tokens() async throws {
        var settings = settings()
        settings.limits.maxRequestTokens = 20
        let kept = try RankerSpecification(
            yaml: "reranker: \(Repository.model("colbert-bert"))\non-failure: keep-order", path: "test.yaml")
        settings.models.append(ServerSettings.ModelSource(name: "kept", ranker: kept))
        try await LiveServer.run(settings) { server in
            for model in ["colbert", "kept"] {
                let answer = try await server.post("/v1/rerank", body(#""model": "\#(model)", "top_n": 1"#))
                #expect(answer.status == 422, "\(model)")
            }
        }
    }
}
