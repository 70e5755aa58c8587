import Foundation
import Inference
import Outbound
import Ranking
import RemoteRerankers
import Reranking
import ResiftServer
import TestSupport
import Testing

@Suite("Remote rerankers and our own server")
struct RemoteRerankerTests {
    private let query = "the river"
    private let documents: [Document] =
        [
            "water under the bridge", "the council's budget", "a lighthouse",
            Document(id: "structured", title: "River", text: "banks of it"),
        ] + (0..<60).map { Document("passage \($0) about water and the number \($0 * 7 % 13)", id: "p\($0)") }

    /// Where a client of a service finds its interface.
    private static let prefixes: [(RemoteService, String)] = [
        (.cohere, ""), (.cohereV1, ""), (.jina, "/v1"), (.voyage, "/v1"), (.mixedbread, ""), (.tei, ""),
        (.infinity, ""),
        (.vllm, ""), (.pinecone, ""),
    ]

    private func reranker(
        _ service: RemoteService, _ prefix: String, _ server: LiveServer, key: String? = nil,
        options: RemoteRerankerOptions = RemoteRerankerOptions()
    ) throws -> RemoteReranker {
        var settings = ServiceSettings()
        settings.timeout = .seconds(600)
        if let key { settings.key = try ServiceKey(key) }
        return try RemoteReranker(
            RemoteRerankerName(service: service, model: "tiny", baseURL: "http://127.0.0.1:\(server.port)\(prefix)"),
            settings: settings, options: options, environment: [:])
    }

    private func local(_ options: RerankOptions) async throws -> [Candidate] {
        try await Reranker.load(directory: Repository.model("bert-cross-encoder"), precision: .fp32).rerank(
            query, documents, limit: nil, options: options
        ).candidates
    }

    @Test("the scores through each client are those of the model on this machine")
    func scores() async throws {
        let local = try await local(RerankOptions(activation: .sigmoid))
        try await LiveServer.run { server in
            for (service, prefix) in RemoteRerankerTests.prefixes {
                let remote = try await reranker(
                    service, prefix, server, key: "any", options: RemoteRerankerOptions(maxDocumentsPerRequest: 10)
                ).rerank(query, documents, limit: nil)
                #expect(remote.candidates.map(\.index) == local.map(\.index), "\(service)")
                #expect(remote.candidates.map(\.score) == local.map(\.score), "\(service)")
                #expect(remote.candidates.map(\.scoreKind) == local.map(\.scoreKind), "\(service)")
                #expect(remote.report.usage?.requests == 7, "64 documents, 10 a request: \(service)")
            }
        }
    }

    @Test(
        "logits through TEI's and Infinity's clients are the model's own, and calibrated alike",
        arguments: [RemoteService.tei, .infinity])
    func logits(service: RemoteService) async throws {
        let platt = ScoreCalibration.platt(PlattScaling(slope: 0.7, intercept: -0.1))
        for options in [RerankOptions(activation: .identity), RerankOptions(calibration: platt)] {
            let local = try await local(options)
            try await LiveServer.run { server in
                let remote = try await reranker(service, "", server).rerank(
                    query, documents, limit: nil, options: options)
                #expect(remote.candidates.map(\.index) == local.map(\.index))
                #expect(remote.candidates.map(\.score) == local.map(\.score))
                #expect(remote.candidates.map(\.logit) == local.map(\.logit))
                #expect(remote.candidates.map(\.scoreKind) == local.map(\.scoreKind))
            }
        }
    }

    @Test("our server tells TEI's client how many documents a request may have")
    func information() async throws {
        try await LiveServer.run(LiveServer.settings { $0.limits.maxDocuments = 20 }) { server in
            let ranking = try await reranker(.tei, "", server).rerank(query, documents, limit: 5)
            #expect(
                ranking.candidates.count == 5 && ranking.report.usage?.requests == 5, "/info, and 64 documents by 20")
        }
    }

    @Test("a wrong key, an unknown model and too many documents are told apart")
    func errors() async throws {
        try await LiveServer.run(
            LiveServer.settings {
                $0.apiKeys = ["right"]
                $0.unknownModels = .refuse
                $0.limits.maxDocuments = 20
            }
        ) { server in
            for (service, prefix) in RemoteRerankerTests.prefixes where service != .pinecone {
                func code(_ key: String?, count: Int) async -> RankingError.Code? {
                    let error = await #expect(throws: RankingError.self) {
                        _ = try await reranker(
                            service, prefix, server, key: key,
                            options: RemoteRerankerOptions(maxDocumentsPerRequest: 64)
                        ).rerank(query, Array(documents.prefix(count)), limit: nil)
                    }
                    return error?.code
                }
                #expect(await code("wrong", count: 3) == .accessDenied, "\(service)")
                #expect(await code(nil, count: 3) == .accessDenied, "\(service)")
                #expect(await code("right", count: 64) == .invalidInput, "\(service)")
                _ = try await reranker(service, prefix, server, key: "right").rerank(
                    query, Array(documents.prefix(3)), limit: 1)
            }
            let unknown = try RemoteReranker(
                RemoteRerankerName("cohere:nobody@http://127.0.0.1:\(server.port)"),
                settings: ServiceSettings(key: try ServiceKey("right")))
            let error = await #expect(throws: RankingError.self) {
                _ = try await unknown.rerank(query, Array(documents.prefix(3)))
            }
            #expect(error?.code == .notFound)
        }
    }
}
