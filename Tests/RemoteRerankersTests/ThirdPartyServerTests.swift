import Foundation
import OrderedJSON
import Ranking
import RemoteRerankers
import Reranking
import Testing

/// Servers that others wrote, started by Tools/acceptance/remote.py, with what a model on this machine scores.
@Suite("Servers of others", .enabled(if: ProcessInfo.processInfo.environment["RESIFT_REMOTE_CASES"] != nil))
struct ThirdPartyServerTests {
    private struct Case {
        var name: String
        /// What the server's scores are; nil for what the client expects of its service.
        var scoreKind: ScoreKind?
        var activation: ScoreActivation?
        var documents: [String]
        var scores: [Double]
        var tolerance: Double
    }

    private func cases() throws -> (query: String, cases: [Case]) {
        let path = try #require(ProcessInfo.processInfo.environment["RESIFT_REMOTE_CASES"])
        let bytes = try Array(Data(contentsOf: URL(fileURLWithPath: path)))
        guard case .object(let file) = try JSONValue.parse(bytes), case .string(let query)? = file["query"],
            case .array(let items)? = file["cases"]
        else { throw Unreadable() }
        return (
            query,
            try items.map { item in
                guard case .object(let object) = item, case .string(let name)? = object["name"],
                    case .array(let documents)? = object["documents"], case .array(let scores)? = object["scores"],
                    case .number(let tolerance)? = object["tolerance"]
                else { throw Unreadable() }
                func text(_ value: JSONValue?) -> String? { if case .string(let text)? = value { text } else { nil } }
                return Case(
                    name: name, scoreKind: text(object["score_kind"]).flatMap(ScoreKind.init),
                    activation: text(object["activation"]).flatMap(ScoreActivation.init),
                    documents: documents.compactMap { text($0) },
                    scores: scores.compactMap { if case .number(let number) = $0 { number.double } else { nil } },
                    tolerance: tolerance.double)
            }
        )
    }

    private struct Unreadable: Error {}

    @Test("the client's scores are the local model's")
    func scores() async throws {
        let (query, cases) = try cases()
        try #require(!cases.isEmpty)
        for test in cases {
            let reranker = try RemoteReranker(
                RemoteRerankerName(test.name), options: RemoteRerankerOptions(scoreKind: test.scoreKind))
            let ranking = try await reranker.rerank(
                query, test.documents.map { Document($0) }, limit: nil,
                options: RerankOptions(activation: test.activation))
            #expect(ranking.candidates.count == test.documents.count)
            let differences = ranking.candidates.map { abs(Double($0.score) - test.scores[$0.index]) }
            let largest = differences.max() ?? .infinity
            #expect(largest <= test.tolerance, "\(test.name)")
            print(
                "\(test.name) \(ranking.candidates[0].scoreKind.rawValue): \(test.documents.count) documents, largest difference \(largest), \(ranking.report.usage?.requests ?? 0) requests, \(ranking.report.totalMilliseconds) ms"
            )
        }
    }

    @Test("a document that llama.cpp's batch does not hold is an error of the server's, not a score")
    func tooLong() async throws {
        let (query, cases) = try cases()
        guard let test = cases.first(where: { $0.name.hasPrefix("llamacpp:") }) else { return }
        let long = String(repeating: "a sentence that goes on ", count: 400)
        let error = await #expect(throws: RankingError.self) {
            _ = try await RemoteReranker(RemoteRerankerName(test.name)).rerank(query, [Document(long)])
        }
        print("llama.cpp on a long document: \(String(describing: error))")
        #expect(error?.code == .invalidInput)
    }
}
