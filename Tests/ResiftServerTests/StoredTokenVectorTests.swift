import OrderedJSON
import Resift
import ResiftServer
import TestSupport
import Testing

@Suite("A server of an index with token vectors")
struct StoredTokenVectorTests {
    private struct Source: DocumentSource {
        var documents: ArraySlice<IndexDocument>
        var position: String { "the documents" }
        var progress: Double? { nil }

        mutating func next() throws -> IndexDocument? { documents.popFirst() }
    }

    private static let texts = ["the old bridge", "river water and a lighthouse", "snow fell on the city"]

    private func index(_ path: String) async throws {
        let model = Repository.model("colbert-bert")
        let encoder = try LateInteractionEncoder.load(directory: model)
        let settings = IndexSettings(
            lateInteraction: TokenVectorSettings(
                model: try await IndexSettings.describe(encoder, directory: model), form: .float32))
        var source = Source(
            documents: Self.texts.enumerated().map { IndexDocument(id: "d\($0)", text: $1) }[...])
        let indexer = try Indexer(settings: settings, embedder: nil, tokenEncoder: encoder)
        _ = try await indexer.build(&source, input: "", to: path, replacing: false)
    }

    @Test("it searches by late interaction, and reranks by what is stored, with the scores of the library")
    func search() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/i.resift"
        try await index(path)
        let settings = LiveServer.settings { settings in
            settings.indexPath = path
            settings.models.append(
                ServerSettings.ModelSource(name: "stored", ranker: RankerSpecification(name: "colbert")))
            settings.defaultModel = "stored"
        }
        let reranker = LateInteractionReranker(
            try LateInteractionEncoder.load(directory: Repository.model("colbert-bert")))
        let query = "water under the old bridge"
        let expected = try await reranker.rerank(query, Self.texts.map { Document($0) }, limit: nil).candidates
        try await LiveServer.run(settings) { server in
            for options in [#""stages": "colbert", "rerank": false"#, #""stages": "colbert", "rerank": true"#] {
                let answer = try await server.post("/v1/search", #"{"query": "\#(query)", \#(options)}"#).json
                guard case .array(let results)? = answer["results"] else { throw LiveServer.Unanswered() }
                #expect(results.count == 3)
                for (result, candidate) in zip(results, expected) {
                    guard case .object(let entry) = result, case .number(let score)? = entry["score"] else { continue }
                    #expect(entry["id"] == .string("d\(candidate.index)"))
                    #expect(entry["score_kind"] == .string("max_sim"))
                    #expect(Float(score.double) == candidate.score)
                }
                if options.hasSuffix("true"), case .object(let report)? = answer["resift"] {
                    #expect(report["stored_documents"] == .number(JSONNumber(3)))
                } else {
                    #expect(options.hasSuffix("false"))
                }
            }
            // What a request brings along is encoded.
            let body = #"{"query": "\#(query)", "documents": ["the old bridge"], "resift": {"report": true}}"#
            let answer = try await server.post("/v2/rerank", body).json
            guard case .object(let report)? = answer["resift"] else { throw LiveServer.Unanswered() }
            #expect(report["stored_documents"] == .number(JSONNumber(0)))
        }
        withExtendedLifetime(folder) {}
    }
}
