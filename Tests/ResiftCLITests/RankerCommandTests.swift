import Foundation
import OrderedJSON
import ScriptedServer
import TestSupport
import Testing

@Suite("--reranker: services, cascades and what happens where they fail", .blocking)
struct RankerCommandTests {
    private let input = "water budget\nriver temperature\ncouncil election\n"
    private let key = "secret-key-of-a-test"

    private func rerank(
        _ options: [String], format: String = "jsonl", environment: [String: String] = [:]
    ) throws -> Resift.Output {
        let arguments = ["rerank", "river temperature", "--documents", "-", "--format", format] + options
        let environment = ["CO_API_KEY": key].merging(environment) { _, given in given }
        return try Resift.run(arguments, input: input, environment: environment)
    }

    private func texts(_ output: Resift.Output) throws -> [String] {
        try output.stdout.split(separator: "\n").map { line in
            guard case .object(let object) = try JSONValue.parse(Array(line.utf8)),
                case .string(let text)? = object["text"]
            else { return "" }
            return text
        }
    }

    /// A Cohere that prefers the documents that come last.
    private func cohere() throws -> ScriptedServer {
        try ScriptedServer { request, _ in
            guard case .array(let documents)? = request.json["documents"] else { return .init("{}", status: 400) }
            let results = documents.indices.map { #"{"index": \#($0), "relevance_score": \#(Double($0 + 1) / 10)}"# }
            return .init(
                #"{"results": [\#(results.reversed().joined(separator: ","))], "meta": {"billed_units": {"search_units": 1}}}"#
            )
        }
    }

    @Test("a service ranks, and --explain says what it was asked")
    func service() throws {
        let server = try cohere()
        defer { server.close() }
        let output = try rerank(["--reranker", "cohere:rerank-v3.5@\(server.url)", "--explain"])
        #expect(output.status == 0, "\(output.stderr)")
        #expect(try texts(output) == ["council election", "river temperature", "water budget"])
        #expect(output.stderr.contains("1 requests") && output.stderr.contains("1.0 search units"))
        #expect(server.requests.first?.headers["authorization"] == "Bearer \(key)")
        #expect(!(output.stdout + output.stderr).contains(key))
    }

    @Test("a cascade file: what the service got, and whose scores are printed")
    func cascade() throws {
        let server = try cohere()
        defer { server.close() }
        let folder = try TemporaryFolder()
        let file = try folder.write(
            "cascade.yaml",
            """
            cascade:
              - {reranker: \(Resift.model), keep: 2}
              - {reranker: "cohere:rerank-v3.5@\(server.url)", price: {per-search-unit: 0.002}}
            """)
        let output = try rerank(["--reranker", file, "--explain"])
        #expect(output.status == 0, "\(output.stderr)")
        guard case .array(let asked)? = server.requests.first?.json["documents"] else {
            Issue.record("the service was not asked")
            return
        }
        #expect(asked.count == 2)
        #expect(try texts(output).count == 3)
        #expect(output.stdout.contains(#""ranked_by": "cohere:rerank-v3.5""#))
        #expect(output.stderr.contains("$0.002"))
        // Scores of two rankers do not compare: a run has places.
        let trec = try rerank(["--reranker", file], format: "trec")
        #expect(trec.stdout.split(separator: "\n").map { $0.split(separator: " ")[4] } == ["3.0", "2.0", "1.0"])
    }

    @Test("a service that fails: the error, the order given, or another reranker; --strict ends with 79")
    func failures() throws {
        let server = try ScriptedServer { _, _ in .init(#"{"message": "invalid api token"}"#, status: 401) }
        defer { server.close() }
        let name = "cohere:rerank-v3.5@\(server.url)"
        let thrown = try rerank(["--reranker", name])
        #expect(thrown.status == 77)
        #expect(thrown.stdout.isEmpty)

        let kept = try rerank(["--reranker", name, "--on-failure", "keep-order"])
        #expect(kept.status == 0)
        #expect(try texts(kept) == ["water budget", "river temperature", "council election"])
        #expect(kept.stderr.contains("access_denied") && kept.stderr.contains("nothing was reranked"))

        let replaced = try rerank(["--reranker", name, "--on-failure", Resift.model])
        let local = try rerank(["--model", Resift.model])
        #expect(replaced.status == 0)
        #expect(replaced.stdout == local.stdout)
        #expect(replaced.stderr.contains("ranked instead"))

        for policy in ["keep-order", Resift.model] {
            let strict = try rerank(["--reranker", name, "--on-failure", policy, "--strict"])
            #expect(strict.status == 79)
            #expect(try texts(strict).count == 3)
        }
        for output in [thrown, kept, replaced] { #expect(!(output.stdout + output.stderr).contains(key)) }
    }

    @Test("what names no reranker is an error that says what there is")
    func refused() throws {
        let folder = try TemporaryFolder()
        let bad = try folder.write("bad.yaml", "cascade:\n  - {reranker: default, keep: 0}\n")
        for (name, status, text) in [
            ("llm:nobody/x", Int32(65), "anthropic"), ("cohere:", 65, "names no model"), ("tei:bert", 65, "http"),
            ("no/such-model", 66, "resift models pull"), (bad, 65, "line 2"), ("absent.yaml", 66, "absent.yaml"),
        ] {
            let output = try rerank(["--reranker", name], environment: ["HF_HUB_CACHE": folder.path])
            #expect(output.status == status, "\(name): \(output.stderr)")
            #expect(output.stderr.contains(text), "\(name): \(output.stderr)")
        }
        let lacking = try rerank(["--reranker", "cohere:rerank-v3.5"], environment: ["CO_API_KEY": ""])
        #expect(lacking.status == 77)
        #expect(lacking.stderr.contains("CO_API_KEY"))
        let both = try rerank(["--reranker", "default", "--model", Resift.model])
        #expect(both.status == 64)
        let exit = try rerank(["--reranker", "cohere:rerank-v3.5", "--layer-exit"])
        #expect(exit.status == 65)
    }
}
