import OrderedJSON
import Outbound
import Ranking
import RemoteRerankers
import Reranking
import ScriptedServer
import Testing

@Suite("Remote rerankers")
struct RemoteRerankerTests {
    private let servers = ScriptedServers()

    /// Documents of which the fake services give the one at i the score (i · 37 mod n) / n: all different, in no order.
    private func documents(_ count: Int) -> [Document] {
        (0..<count).map { Document("text \(Double($0 * 37 % count) / Double(count))", id: "d\($0)") }
    }

    private func score(of index: Int, _ count: Int) -> Float { Float(Double(index * 37 % count) / Double(count)) }

    // MARK: Requests

    /// The whole of a request for "q" and the documents "a 0.5" and "b 0.75", as the service's page has it.
    private static let bodies: [RemoteService: String] = [
        .cohere: #"{"model": "m", "query": "q", "documents": ["a 0.5", "b 0.75"], "top_n": 2}"#,
        .cohereV1:
            #"{"model": "m", "query": "q", "documents": ["a 0.5", "b 0.75"], "top_n": 2, "return_documents": false}"#,
        .infinity:
            #"{"query": "q", "documents": ["a 0.5", "b 0.75"], "model": "m", "return_documents": false, "raw_scores": false}"#,
        .jina:
            #"{"model": "m", "query": "q", "documents": ["a 0.5", "b 0.75"], "top_n": 2, "return_documents": false}"#,
        .llamaCpp: #"{"model": "m", "query": "q", "documents": ["a 0.5", "b 0.75"]}"#,
        .mixedbread: #"{"model": "m", "query": "q", "input": ["a 0.5", "b 0.75"], "top_k": 2, "return_input": false}"#,
        .pinecone:
            #"{"model": "m", "query": "q", "documents": [{"text": "a 0.5"}, {"text": "b 0.75"}], "top_n": 2, "return_documents": false, "parameters": {"truncate": "END"}}"#,
        .tei: #"{"query": "q", "texts": ["a 0.5", "b 0.75"], "raw_scores": false, "truncate": true}"#,
        .vllm: #"{"model": "m", "query": "q", "documents": ["a 0.5", "b 0.75"], "truncate_prompt_tokens": -1}"#,
        .voyage:
            #"{"query": "q", "documents": ["a 0.5", "b 0.75"], "model": "m", "top_k": 2, "truncation": true, "return_documents": false}"#,
    ]

    @Test("the request is the service's, and its answer becomes the ranking", arguments: ServiceForm.all)
    func request(form: ServiceForm) async throws {
        let server = try form.server(servers)
        let ranking = try await form.reranker(server).rerank("q", ["a 0.5", "b 0.75"])
        let request = try #require(server.requests.last)
        #expect(request.method == "POST" && request.path == form.path)
        #expect(JSONValue.object(request.json).compact == RemoteRerankerTests.bodies[form.service])
        let header =
            form.service == .pinecone ? ("api-key", ServiceForm.key) : ("authorization", "Bearer \(ServiceForm.key)")
        #expect(request.headers[header.0] == header.1)
        #expect(ranking.candidates.map(\.index) == [1, 0])
        #expect(ranking.candidates.map(\.score) == [0.75, 0.5])
        let kind = form.service == .llamaCpp ? ScoreKind.logit : .normalizedRelevance
        #expect(ranking.candidates.allSatisfy { $0.scoreKind == kind && $0.logit == $0.score })
    }

    @Test("the report says what was asked of the service, and nothing of this machine", arguments: ServiceForm.all)
    func report(form: ServiceForm) async throws {
        let report = try await form.reranker(form.server(servers)).rerank("q", ["a 0.5", "b 0.75"]).report
        #expect(report.model == "\(form.service.rawValue):m" && report.documents == 2 && report.pairs == 2)
        #expect(report.isComplete && report.compute == nil)
        let tokens: Int? = [.cohereV1, .pinecone, .tei].contains(form.service) ? nil : 10
        let units: Double? = [.cohere, .cohereV1].contains(form.service) ? 1 : nil
        #expect(
            report.usage
                == ServiceUsage(requests: form.service == .tei ? 2 : 1, inputTokens: tokens, searchUnits: units))
    }

    @Test("structured documents are sent as the text that a model here would read")
    func rankFields() async throws {
        let form = ServiceForm.of(.cohere)
        let server = try servers.start(form.answer(scores: [0.5]))
        let document = Document(title: "Title", text: "Body")
        _ = try await form.reranker(server).rerank("q", [document])
        _ = try await form.reranker(server).rerank(
            "q", [document], limit: nil, options: RerankOptions(rankFields: ["text", "title"]))
        #expect(server.requests.map { form.documents(in: $0) } == [["Title Body"], ["text: Body\ntitle: Title"]])
    }

    // MARK: Parts

    @Test(
        "more documents than a request may have are sent in parts, and each gets its own score",
        arguments: [
            (RemoteService.cohere, 2_500, [500, 1_000, 1_000]), (.cohereV1, 1_001, [1, 1_000]),
            (.infinity, 2_049, [1, 2_048]), (.pinecone, 250, [50, 100, 100]), (.voyage, 1_500, [500, 1_000]),
            (.tei, 100, [4, 32, 32, 32]), (.jina, 1_500, [1_500]),
        ])
    func parts(service: RemoteService, count: Int, sizes: [Int]) async throws {
        let form = ServiceForm.of(service)
        let server = try form.server(servers)
        let ranking = try await form.reranker(server).rerank("q", documents(count), limit: nil)
        #expect(server.requests.filter { $0.method == "POST" }.map { form.documents(in: $0).count }.sorted() == sizes)
        #expect(Set(ranking.candidates.map(\.index)).count == count && ranking.candidates.count == count)
        #expect(ranking.candidates.allSatisfy { $0.score == score(of: $0.index, count) && $0.id == "d\($0.index)" })
        #expect(
            ranking.candidates.elementsEqual(ranking.candidates.sorted(by: Candidate.precedes)) { $0.index == $1.index }
        )
        if service == .cohere { #expect(ranking.report.usage?.searchUnits == 3, "each fake answer bills one") }
    }

    @Test("TEI says how many texts a request may have, and is asked once")
    func informationOfTEI() async throws {
        let form = ServiceForm.of(.tei)
        let server = try form.server(servers, information: #"{"max_client_batch_size": 7}"#)
        let reranker = try form.reranker(server)
        for _ in 0..<2 { _ = try await reranker.rerank("q", documents(20), limit: nil) }
        #expect(server.requests.filter { $0.path == "/info" }.count == 1)
        #expect(
            server.requests.filter { $0.path == "/rerank" }.map { form.documents(in: $0).count }.sorted() == [
                6, 6, 7, 7, 7, 7,
            ])
    }

    @Test("a gateway without TEI's /info gets what TEI takes unless told otherwise")
    func noInformation() async throws {
        let form = ServiceForm.of(.tei)
        let server = try servers.start { request, _ in
            if request.path == "/info" { return ScriptedServer.Answer("", status: 404) }
            return form.answer(scores: form.documents(in: request).map { _ in 0.5 })
        }
        _ = try await form.reranker(server).rerank("q", documents(40), limit: nil)
        #expect(
            server.requests.filter { $0.path == "/rerank" }.map { form.documents(in: $0).count }.sorted() == [8, 32])
    }

    @Test("texts that are too many bytes together are sent in parts")
    func largeTexts() async throws {
        let form = ServiceForm.of(.tei)
        let server = try form.server(servers)
        let text = String(repeating: "word ", count: 100_000)
        let ranking = try await form.reranker(server).rerank("q", (0..<10).map { Document(text + "0.\($0)") }, limit: 3)
        // 500,019 bytes each: three are below 1.9 million, four are not.
        #expect(
            server.requests.filter { $0.path == "/rerank" }.map { form.documents(in: $0).count }.sorted() == [
                1, 3, 3, 3,
            ])
        #expect(ranking.candidates.map(\.index) == [9, 8, 7])
    }

    @Test("the caller can set how many documents a request has")
    func documentsPerRequest() async throws {
        let form = ServiceForm.of(.jina)
        let server = try form.server(servers)
        _ = try await form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 4)).rerank(
            "q", documents(10), limit: nil)
        #expect(server.requests.map { form.documents(in: $0).count }.sorted() == [2, 4, 4])
        #expect(throws: RankingError.self) {
            try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 0))
        }
    }

    @Test("a part that fails fails the call: there is no partial result")
    func failingPart() async throws {
        let form = ServiceForm.of(.cohere)
        let server = try servers.start { request, _ in
            let documents = form.documents(in: request)
            if documents.contains("text 9") { return form.error(400, "not this one") }
            return form.answer(scores: documents.map { _ in 0.5 })
        }
        let documents = (0..<20).map { Document("text \($0)") }
        let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 2))
        let error = await #expect(throws: RankingError.self) { _ = try await reranker.rerank("q", documents, limit: 1) }
        #expect(error?.code == .invalidInput && error?.why == "It says: not this one")
    }

    @Test("the progress is told with each part")
    func progress() async throws {
        let form = ServiceForm.of(.jina)
        let (stream, told) = AsyncStream<RerankProgress>.makeStream()
        _ = try await form.reranker(form.server(servers), options: RemoteRerankerOptions(maxDocumentsPerRequest: 4))
            .rerank(
                "q", documents(10), limit: nil, options: RerankOptions(progress: { told.yield($0) }))
        told.finish()
        let steps = await stream.reduce(into: [RerankProgress]()) { $0.append($1) }
        #expect(steps.count == 3 && steps.last?.scoredPairs == 10 && steps.allSatisfy { $0.totalPairs == 10 })
    }

    // MARK: Broken answers

    @Test("an answer that is not the service's, or not of all documents, is an error", arguments: ServiceForm.all)
    func brokenAnswers(form: ServiceForm) async throws {
        let key = form.scoreKey
        func result(_ index: String, _ score: String) -> String { #"{"index": \#(index), "\#(key)": \#(score)}"# }
        let good = result("0", "0.5")
        let broken: [(String, ScriptedServer.Answer)] = [
            ("no JSON", ScriptedServer.Answer("<html>busy</html>")),
            ("no JSON, cut", ScriptedServer.Answer(#"[{"index": 0"#)),
            ("NaN", form.answer(results: [good, result("1", "NaN")])),
            ("nothing", ScriptedServer.Answer("")), ("an empty object", ScriptedServer.Answer("{}")),
            ("null", ScriptedServer.Answer("null")), ("a text", ScriptedServer.Answer(#""results""#)),
            ("no results", form.answer(results: [])), ("one missing", form.answer(results: [good])),
            ("one too many", form.answer(results: [good, result("1", "0.5"), result("2", "0.5")])),
            ("out of range", form.answer(results: [good, result("2", "0.5")])),
            ("negative", form.answer(results: [good, result("-1", "0.5")])),
            ("no whole number", form.answer(results: [good, result("1.5", "0.5")])),
            ("a huge index", form.answer(results: [good, result("1e300", "0.5")])),
            ("an index of text", form.answer(results: [good, result("\"1\"", "0.5")])),
            ("twice the same", form.answer(results: [good, good])),
            ("one three times", form.answer(results: [good, result("1", "0.5"), good])),
            ("no index", form.answer(results: [good, #"{"\#(key)": 0.5}"#])),
            ("no score", form.answer(results: [good, #"{"index": 1}"#])),
            ("a score of text", form.answer(results: [good, result("1", "\"0.5\"")])),
            ("a null score", form.answer(results: [good, result("1", "null")])),
            ("an infinite score", form.answer(results: [good, result("1", "1e400")])),
            ("a score too large for 32 bits", form.answer(results: [good, result("1", "1e39")])),
            ("a result that is no object", form.answer(results: [good, "1"])),
        ]
        for (name, answer) in broken {
            let reranker = try form.reranker(
                servers.start { request, _ in
                    request.path == "/info" ? ScriptedServer.Answer(#"{"max_client_batch_size": 32}"#) : answer
                })
            let error = await #expect(throws: RankingError.self, "\(name)") {
                _ = try await reranker.rerank("q", ["a", "b"])
            }
            #expect(error?.code == .unexpectedAnswer, "\(name): \(String(describing: error))")
        }
    }

    @Test("a score outside 0 ... 1 of a service that normalizes says how to declare logits")
    func unexpectedLogits() async throws {
        let form = ServiceForm.of(.vllm)
        let server = try servers.start(form.answer(scores: [8.6, -3]))
        let error = await #expect(throws: RankingError.self) {
            _ = try await form.reranker(server).rerank("q", ["a", "b"])
        }
        #expect(error?.code == .unexpectedAnswer && error?.fix.contains("logit") == true)
        let declared = try form.reranker(server, options: RemoteRerankerOptions(scoreKind: .logit))
        let candidates = try await declared.rerank("q", ["a", "b"]).candidates
        #expect(candidates.map(\.score) == [8.6, -3] && candidates.allSatisfy { $0.scoreKind == .logit })
    }

    // MARK: Failures

    @Test("a refusal is an error with the service's words", arguments: ServiceForm.all)
    func refusals(form: ServiceForm) async throws {
        let codes: [(Int, RankingError.Code)] = [
            (400, .invalidInput), (401, .accessDenied), (402, .accessDenied), (403, .accessDenied), (404, .notFound),
            (413, .invalidInput), (422, .invalidInput), (424, .unsupportedModel), (498, .accessDenied),
            (499, .invalidInput), (501, .unsupportedModel),
        ]
        for (status, code) in codes {
            let server = try servers.start(form.error(status, "because"))
            // With a number of documents given, TEI is not asked for one.
            let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 10))
            let error = await #expect(throws: RankingError.self) { _ = try await reranker.rerank("q", ["a", "b"]) }
            #expect(error?.code == code && error?.why == "It says: because", "\(status): \(String(describing: error))")
            #expect(server.requests.count == 1)
        }
    }

    @Test(
        "what passes is asked again, and the report counts it", arguments: ServiceForm.all,
        [408, 409, 429, 500, 502, 503, 504, 529])
    func passing(form: ServiceForm, status: Int) async throws {
        let server = try servers.start(
            form.error(status, "later", headers: ["retry-after-ms": "1"]), form.answer(scores: [0.25, 0.5]))
        let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 10))
        let ranking = try await reranker.rerank("q", ["a", "b"])
        #expect(ranking.candidates.map(\.index) == [1, 0])
        #expect(ranking.report.usage?.requests == 2 && ranking.report.usage?.retries == 1)
    }

    // The words of the server of xllamacpp 2026.10.11549.
    @Test("what llama.cpp's batch does not hold is the caller's to change, though its status is 500")
    func tooLongForLlamaCpp() async throws {
        let form = ServiceForm.of(.llamaCpp)
        let words =
            "input (2010 tokens) is too large to process. increase the physical batch size (current batch size: 512)"
        let server = try servers.start(form.error(500, words))
        let reranker = try form.reranker(server)
        let error = await #expect(throws: RankingError.self) { _ = try await reranker.rerank("q", ["a"]) }
        #expect(error?.code == .invalidInput && error?.why == "It says: \(words)")
        #expect(server.requests.count == 1 && reranker.circuitBreaker.state == .closed(failures: 0))
    }

    @Test("a limit of spending is never asked again", arguments: ServiceForm.all)
    func spendingLimit(form: ServiceForm) async throws {
        let server = try servers.start(
            ScriptedServer.Answer(#"{"error": {"message": "spent", "code": "insufficient_quota"}}"#, status: 429))
        let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 10))
        let error = await #expect(throws: RankingError.self) { _ = try await reranker.rerank("q", ["a"]) }
        #expect(error?.code == .accessDenied && server.requests.count == 1)
    }

    @Test("an answer that ends in the middle is asked for again", arguments: ServiceForm.all)
    func cut(form: ServiceForm) async throws {
        let good = form.answer(scores: [0.5])
        var cut = good
        cut.fault = .cut(after: good.body.count - 3)
        let server = try servers.start(cut, good)
        let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 10))
        let ranking = try await reranker.rerank("q", ["a"])
        #expect(ranking.candidates.count == 1 && server.requests.count == 2)
    }

    @Test(
        "the error of a service that does not answer, or stops in the middle, names it and its address",
        arguments: ServiceForm.all, [ScriptedServer.Fault.silence, .stall(after: 3)])
    func slow(form: ServiceForm, fault: ScriptedServer.Fault) async throws {
        var answer = form.answer(scores: [0.5])
        answer.fault = fault
        let server = try servers.start(answer)
        let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 10)) {
            settings in
            settings.timeout = .milliseconds(50)
            settings.retries.attempts = 2
        }
        let error = await #expect(throws: RankingError.self) { _ = try await reranker.rerank("q", ["a"]) }
        #expect(
            error?.code == .unreachable && error?.what.contains("\(form.service.rawValue):m at \(server.url)") == true)
        #expect(reranker.circuitBreaker.state == .closed(failures: 2))
    }

    @Test("a cancelled call closes its connections", arguments: ServiceForm.all)
    func cancellation(form: ServiceForm) async throws {
        let server = try servers.start(ScriptedServer.Answer("", fault: .silence))
        let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 1))
        let task = Task { try await reranker.rerank("q", ["a", "b", "c"]) }
        while server.requests.count < 3 { try await Task.sleep(for: .milliseconds(2)) }
        task.cancel()
        await #expect(throws: CancellationError.self) { _ = try await task.value }
        while server.closedConnections < 3 { try await Task.sleep(for: .milliseconds(2)) }
        #expect(server.requests.count == 3)
    }

    // MARK: The deadline

    @Test("documents whose part is not answered in time are unscored, behind the others in the order given")
    func deadline() async throws {
        let form = ServiceForm.of(.cohere)
        let server = try servers.start { request, _ in
            let documents = form.documents(in: request)
            if documents.contains("slow") { return ScriptedServer.Answer("", fault: .silence) }
            return form.answer(scores: documents.map { _ in 0.5 })
        }
        let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 2))
        let documents: [Document] = ["slow", "a", "b", "c", "slow", "d"]
        func rerank(within seconds: Int) async throws -> DocumentRanking {
            try await reranker.rerank(
                "q", documents, limit: nil, options: RerankOptions(deadline: .seconds(seconds)))
        }
        var ranking = try await rerank(within: 5)
        // Where other tests take all threads, not even the part that is answered at once comes in time.
        for seconds in [30, 90, 180] where ranking.report.unscoredDocuments == documents.count {
            ranking = try await rerank(within: seconds)
        }
        #expect(ranking.candidates.map(\.index) == [2, 3, 0, 1, 4, 5])
        #expect(ranking.candidates.map(\.isScored) == [true, true, false, false, false, false])
        #expect(ranking.report.unscoredDocuments == 4 && !ranking.report.isComplete && ranking.report.pairs == 2)
    }

    @Test("a deadline before TEI says how many texts it takes leaves all unscored")
    func deadlineOfInformation() async throws {
        let form = ServiceForm.of(.tei)
        let server = try servers.start(ScriptedServer.Answer("", fault: .silence))
        let ranking = try await form.reranker(server).rerank(
            "q", ["a", "b"], limit: nil, options: RerankOptions(deadline: .milliseconds(100)))
        #expect(ranking.candidates.map(\.index) == [0, 1] && ranking.report.unscoredDocuments == 2)
        // As for a model on this machine: what has no score cannot be vouched for.
        let vouched = try await form.reranker(server).rerank(
            "q", ["a", "b"], limit: nil, options: RerankOptions(minScore: 0.1, deadline: .milliseconds(100)))
        #expect(vouched.candidates.isEmpty && vouched.report.unscoredDocuments == 2)
        #expect(vouched.report.belowMinScore == 0)
    }

    @Test("a service that fails before the deadline is an error")
    func failureBeforeDeadline() async throws {
        let form = ServiceForm.of(.cohere)
        let server = try servers.start(form.error(401, "no"))
        await #expect(throws: RankingError.self) {
            _ = try await form.reranker(server).rerank(
                "q", ["a"], limit: nil, options: RerankOptions(deadline: .seconds(600)))
        }
    }

    // MARK: Options

    @Test("what is below the minimum is left out and counted; the limit cuts after that")
    func minScore() async throws {
        let form = ServiceForm.of(.voyage)
        let ranking = try await form.reranker(form.server(servers)).rerank(
            "q", documents(10), limit: 2, options: RerankOptions(minScore: 0.5))
        #expect(ranking.candidates.map(\.score) == [0.9, 0.8] && ranking.report.belowMinScore == 5)
    }

    @Test("equal scores are ordered by id, as everywhere")
    func ties() async throws {
        let form = ServiceForm.of(.cohere)
        let server = try servers.start(form.answer(scores: [0.5, 0.5, 0.5]))
        let ranking = try await form.reranker(server).rerank(
            "q", [Document("x", id: "c"), Document("x", id: "a"), Document("x", id: "b")])
        #expect(ranking.candidates.compactMap(\.id) == ["a", "b", "c"])
    }

    @Test(
        "an option that the service has no field for is refused before it is asked",
        arguments: ServiceForm.all)
    func refusedOptions(form: ServiceForm) async throws {
        let server = try form.server(servers)
        let reranker = try form.reranker(server)
        let platt = ScoreCalibration.platt(PlattScaling(slope: 1, intercept: 0))
        let service = form.service
        let hasLogits = [.infinity, .llamaCpp, .tei, .vllm].contains(service)
        let options: [(String, RerankOptions, isObeyed: Bool)] = [
            ("instruction", RerankOptions(instruction: "find"), false), ("label", RerankOptions(label: 0), false),
            ("split", RerankOptions(longDocuments: .split()), false),
            ("maxPassages", RerankOptions(maxPassages: 3), false),
            ("maxTotalTokens", RerankOptions(maxTotalTokens: 100), false),
            ("softmax", RerankOptions(activation: .softmax), false),
            ("only_second", RerankOptions(truncation: .onlySecond), false),
            ("longest_first", RerankOptions(truncation: .longestFirst), service == .tei),
            (
                "refuse", RerankOptions(longDocuments: .refuse),
                [.llamaCpp, .pinecone, .tei, .vllm, .voyage].contains(service)
            ),
            ("maxTokens", RerankOptions(maxTokens: 128), service == .vllm),
            ("maxDocumentTokens", RerankOptions(maxDocumentTokens: 128), service == .cohere),
            ("sigmoid", RerankOptions(activation: .sigmoid), hasLogits),
            ("identity", RerankOptions(activation: .identity), hasLogits),
            ("calibration", RerankOptions(calibration: platt), hasLogits),
            ("client", RerankOptions(client: "somebody"), true),
            ("maxWait", RerankOptions(maxWait: .seconds(60)), true),
            ("maxDocumentBytes", RerankOptions(maxDocumentBytes: 100), true),
        ]
        for (name, option, isObeyed) in options {
            if isObeyed {
                _ = try await reranker.rerank("q", ["a 0.5"], limit: nil, options: option)
            } else {
                let before = server.requests.count
                let error = await #expect(throws: RankingError.self, "\(name)") {
                    _ = try await reranker.rerank("q", ["a 0.5"], limit: nil, options: option)
                }
                #expect(error?.code == .invalidInput && server.requests.count == before, "\(name)")
            }
        }
    }

    @Test("the option has its field in the request")
    func fields() async throws {
        func body(_ service: RemoteService, _ options: RerankOptions) async throws -> JSONObject {
            let server = try ServiceForm.of(service).server(servers)
            _ = try await ServiceForm.of(service).reranker(server).rerank("q", ["a 0.5"], limit: nil, options: options)
            return server.requests.last?.json ?? JSONObject()
        }
        let refuse = RerankOptions(longDocuments: .refuse)
        #expect(try await body(.tei, refuse)["truncate"] == .bool(false))
        #expect(try await body(.voyage, refuse)["truncation"] == .bool(false))
        #expect(try await body(.vllm, refuse)["truncate_prompt_tokens"] == nil)
        let pinecone = try await body(.pinecone, refuse)
        #expect(JSONValue.object(pinecone).compact.contains(#""truncate": "NONE""#))
        #expect(
            try await body(.vllm, RerankOptions(maxTokens: 128))["truncate_prompt_tokens"] == .number(JSONNumber(128)))
        #expect(
            try await body(.cohere, RerankOptions(maxDocumentTokens: 99))["max_tokens_per_doc"]
                == .number(JSONNumber(99)))
        let logits = RerankOptions(activation: .identity)
        #expect(try await body(.tei, logits)["raw_scores"] == .bool(true))
        #expect(try await body(.infinity, logits)["raw_scores"] == .bool(true))
        #expect(try await body(.vllm, logits)["use_activation"] == .bool(false))
    }

    @Test(
        "activation and calibration are computed here from the service's logits",
        arguments: [RemoteService.tei, .infinity, .vllm, .llamaCpp])
    func logits(service: RemoteService) async throws {
        let form = ServiceForm.of(service)
        func candidate(_ options: RerankOptions) async throws -> Candidate {
            let ranking = try await form.reranker(form.server(servers)).rerank(
                "q", ["a 2.0"], limit: nil, options: options)
            return try #require(ranking.candidates.first)
        }
        let raw = try await candidate(RerankOptions(activation: .identity))
        #expect(raw.score == 2 && raw.scoreKind == .logit)
        let sigmoid = try await candidate(RerankOptions(activation: .sigmoid))
        // 1 / (1 + e^-2)
        #expect(
            abs(sigmoid.score - 0.880_797_1) < 1e-6 && sigmoid.scoreKind == .normalizedRelevance && sigmoid.logit == 2)
        let platt = ScoreCalibration.platt(PlattScaling(slope: 0.5, intercept: -2))
        let calibrated = try await candidate(RerankOptions(calibration: platt))
        // 1 / (1 + e^-(0.5 · 2 - 2)) = 1 / (1 + e)
        #expect(abs(calibrated.score - 0.268_941_4) < 1e-6 && calibrated.scoreKind == .calibratedProbability)
    }

    @Test("what no reranker can rank is refused")
    func nothingToRank() async throws {
        let form = ServiceForm.of(.cohere)
        let server = try form.server(servers)
        let reranker = try form.reranker(server)
        await #expect(throws: RankingError.self) { _ = try await reranker.rerank(" ", ["a"]) }
        await #expect(throws: RankingError.self) { _ = try await reranker.rerank("q", []) }
        await #expect(throws: RankingError.self) { _ = try await reranker.rerank("q", ["a"], limit: 0) }
        await #expect(throws: RankingError.self) {
            _ = try await reranker.rerank("q", ["long text"], limit: nil, options: RerankOptions(maxDocumentBytes: 3))
        }
        #expect(server.requests.isEmpty)
    }

    @Test("a call that may not wait for its turn is told so")
    func maxWait() async throws {
        let form = ServiceForm.of(.cohere)
        let server = try servers.start(ScriptedServer.Answer("", fault: .silence))
        let reranker = try form.reranker(server) { $0.maxRequestsAtOnce = 1 }
        let first = Task { try await reranker.rerank("q", ["a"]) }
        while server.requests.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        let error = await #expect(throws: RankingError.self) {
            _ = try await reranker.rerank("q", ["a"], limit: nil, options: RerankOptions(maxWait: .milliseconds(20)))
        }
        #expect(error?.code == .overloaded && server.requests.count == 1)
        first.cancel()
        _ = try? await first.value
    }

    // MARK: Cost

    @Test("the cost is what the caller's prices make of the usage, and unknown without them")
    func cost() async throws {
        var prices = ServicePrices()
        prices[.cohere, nil] = ServicePrice(perSearchUnit: 0.002)
        prices[.voyage, "m"] = ServicePrice(perMillionInputTokens: 0.05)
        prices[.voyage, nil] = ServicePrice(perMillionInputTokens: 7)
        prices[.tei, nil] = ServicePrice(perMillionInputTokens: 1)
        func cost(_ service: RemoteService) async throws -> Double? {
            let form = ServiceForm.of(service)
            return try await form.reranker(form.server(servers), options: RemoteRerankerOptions(prices: prices)).rerank(
                "q", ["a 0.5"]
            ).report.usage?.cost
        }
        #expect(try await cost(.cohere) == 0.002)
        // 10 tokens at 0.05 a million: the model's price comes before the service's.
        #expect(try await cost(.voyage) == 10.0 / 1_000_000 * 0.05)
        #expect(try await cost(.jina) == nil)
        // TEI counts no tokens.
        #expect(try await cost(.tei) == nil)
    }

    // MARK: The key

    @Test("the key is in no error, report or description, though the service repeats it", arguments: ServiceForm.all)
    func keyIsNowhere(form: ServiceForm) async throws {
        var texts: [String] = []
        for status in [400, 401, 402, 403, 404, 422, 429, 500, 501, 503] {
            let server = try servers.start(form.error(status, "the key \(ServiceForm.key) is bad"))
            let reranker = try form.reranker(server, options: RemoteRerankerOptions(maxDocumentsPerRequest: 10))
            let error = await #expect(throws: RankingError.self) { _ = try await reranker.rerank("q", ["a"]) }
            texts += [String(describing: error), String(reflecting: error), String(describing: reranker)]
            var dumped = ""
            dump(error, to: &dumped)
            dump(reranker, to: &dumped)
            texts.append(dumped)
        }
        let ranking = try await form.reranker(form.server(servers)).rerank("q", ["a 0.5"])
        texts += [String(describing: ranking), String(reflecting: ranking.report)]
        #expect(texts.allSatisfy { !$0.contains(ServiceForm.key) })
        #expect(texts.contains { $0.contains("the key (key) is bad") })
    }
}
