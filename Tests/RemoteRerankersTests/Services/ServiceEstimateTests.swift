import Ranking
import RemoteRerankers
import Reranking
import ScriptedServer
import Testing

@Suite("What services are going to be asked")
struct ServiceEstimateTests {
    private let servers = ScriptedServers()

    @Test("as many requests as are sent then, and about as many tokens; nothing is sent", arguments: ServiceForm.all)
    func requests(form: ServiceForm) async throws {
        let server = try form.server(servers)
        let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 2))
        let documents = ["a 0.5", "b 0.75", "c 0.25"].map { Document($0) }
        let estimate = try await reranker.estimate("q", documents)
        #expect(server.requests.isEmpty)
        #expect(reranker.services == [reranker.name])
        // "a 0.5" has four quarters of a token for letters, digits and space, two for the point, and "c 0.25" one more: 2
        // tokens each, and 1 for the query.
        #expect(estimate.inputTokens == 3 * (2 + 1) && estimate.outputTokens == 0 && estimate.cost == nil)
        _ = try await reranker.rerank("q", documents, limit: nil)
        #expect(estimate.requests == 2 && server.requests.count == 2)
        #expect(estimate.searchUnits == ([.cohere, .cohereV1].contains(form.service) ? 2 : 0))
    }

    @Test("Cohere bills 100 documents at a time, and a long one for each 500 tokens")
    func searchUnits() async throws {
        var prices = ServicePrices()
        prices[.cohere, nil] = ServicePrice(perSearchUnit: 0.002)
        let form = ServiceForm.of(.cohere)
        let reranker = try form.reranker(form.server(servers), options: RemoteRerankerOptions(prices: prices))
        let short = try await reranker.estimate("q", (0..<2_450).map { Document("text \($0)") })
        // 1,000, 1,000 and 450 documents.
        #expect(short.requests == 3 && short.searchUnits == 10 + 10 + 5)
        #expect(abs((short.cost ?? 0) - 25 * 0.002) < 1e-12 && short.maxCost == short.cost)
        // 4 · 1,200 letters are 1,200 tokens, and with the query 1,201: three parts each, so 40 are 120 documents.
        let long = Document(String(repeating: "abcd", count: 1_200))
        #expect(try await reranker.estimate("q", Array(repeating: long, count: 40)).searchUnits == 2)
    }

    @Test("a price for what the service does not bill leaves the cost unknown")
    func otherPrice() async throws {
        var prices = ServicePrices()
        prices[.voyage, nil] = ServicePrice(perSearchUnit: 0.002)
        prices[.jina, nil] = ServicePrice(perMillionInputTokens: 2)
        prices[.cohere, nil] = ServicePrice(perMillionInputTokens: 2)
        func cost(_ service: RemoteService) async throws -> Double? {
            let form = ServiceForm.of(service)
            let options = RemoteRerankerOptions(prices: prices)
            return try await form.reranker(form.server(servers), options: options).estimate("q", [Document("a 0.5")])
                .cost
        }
        #expect(try await cost(.voyage) == nil)
        #expect(try await cost(.cohere) == nil)
        #expect(try await cost(.jina) == 3.0 / 1_000_000 * 2)
    }

    @Test("what cannot be asked is refused, as in the call itself")
    func refused() async throws {
        let form = ServiceForm.of(.cohere)
        let reranker = try form.reranker(form.server(servers))
        for options in [RerankOptions(instruction: "x"), RerankOptions(maxDocumentBytes: 1)] {
            let error = await #expect(throws: RankingError.self) {
                try await reranker.estimate("q", [Document("text")], options: options)
            }
            #expect(error?.code == .invalidInput)
        }
        await #expect(throws: RankingError.self) { try await reranker.estimate(" ", [Document("text")]) }
    }
}
