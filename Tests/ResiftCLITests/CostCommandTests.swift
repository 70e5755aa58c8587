import Foundation
import OrderedJSON
import ScriptedServer
import TestSupport
import Testing

@Suite("--max-cost and --prices: what services are asked is said, and bounded, before the first request", .blocking)
struct CostCommandTests {
    private let folder: TemporaryFolder
    private let documents = "water budget\nriver temperature\ncouncil election\n"

    init() throws { folder = try TemporaryFolder() }

    private func queries(_ count: Int) throws -> String {
        try folder.write("queries.tsv", (0..<count).map { "q\($0)\triver \($0)\n" }.joined())
    }

    private func rerank(_ arguments: [String]) throws -> Resift.Output {
        try Resift.run(["rerank", "--documents", "-", "--format", "trec"] + arguments, input: documents)
    }

    @Test("many requests are estimated on standard error; a few, and a model on this machine, are not")
    func notice() throws {
        let server = try ScriptedServices.cohere()
        defer { server.close() }
        let name = "cohere:rerank-v3.5@\(server.url)"
        let prices = try folder.write("prices.yaml", "cohere:rerank-v3.5: {per-search-unit: 0.002}\n")
        let many = try queries(11)
        let output = try rerank(["--queries", many, "--reranker", name, "--prices", prices])
        #expect(output.status == 0 && output.lines.count == 33)
        // A quarter of a token for each letter, digit and space: 3 · 2 for "river 0", and 3 + 5 + 4, for each of 11 queries.
        #expect(
            output.stderr.hasPrefix(
                "estimate: cohere:rerank-v3.5: 11 requests, about 198 tokens read, 11.0 search units, $0.0220\n"),
            "\(output.stderr)")
        #expect(server.requests.count == 11)

        let unpriced = try rerank(["--queries", many, "--reranker", name])
        #expect(unpriced.stderr.contains("11.0 search units, cost not known\n"), "\(unpriced.stderr)")
        let few = try rerank(["--queries", try queries(10), "--reranker", name])
        #expect(few.status == 0 && !few.stderr.contains("estimate"))
        let local = try rerank(["--queries", try queries(12), "--model", Resift.model, "--max-cost", "0"])
        #expect(local.status == 0 && !local.stderr.contains("estimate"))
    }

    @Test("a run above --max-cost is refused, and nothing is asked")
    func refused() throws {
        let server = try ScriptedServices.chat()
        defer { server.close() }
        let name = "llm:vllm/m@\(server.url)"
        let prices = try folder.write(
            "prices.json", #"{"llm:vllm/m": {"per-million-input-tokens": 1000, "per-million-output-tokens": 10}}"#)
        let many = try queries(3)
        let output = try rerank(["--queries", many, "--reranker", name, "--prices", prices, "--max-cost", "0.25"])
        #expect(output.status == 65 && output.stdout == "" && server.requests.isEmpty)
        #expect(output.stderr.contains("estimate: llm:vllm/m: 3 requests, about "), "\(output.stderr)")
        #expect(output.stderr.contains("written (up to 12288), $"))
        #expect(output.stderr.contains("error: This run would cost about $"))
        #expect(output.stderr.contains("more than --max-cost 0.25"))
        #expect(
            output.stderr.contains("\n  why: It asks llm:vllm/m for 3 requests") && output.stderr.contains("\n  fix: "))

        let allowed = try rerank(["--queries", many, "--reranker", name, "--prices", prices, "--max-cost", "50"])
        #expect(allowed.status == 0 && server.requests.count == 3, "\(allowed.stderr)")
        #expect(allowed.lines.count == 9)

        let unknown = try rerank(["--queries", many, "--reranker", name, "--max-cost", "50"])
        #expect(unknown.status == 65 && server.requests.count == 3)
        #expect(unknown.stderr.contains("It is not known what this run costs") && unknown.stderr.contains("llm:vllm/m"))
        #expect(try rerank(["--queries", many, "--reranker", name, "--max-cost", "-1"]).status == 64)
        #expect(try rerank(["--queries", many, "--reranker", name, "--prices", "none.yaml"]).status == 66)
    }

    @Test("one query can be many requests, in a cascade too; its file's price counts")
    func oneQuery() throws {
        let server = try ScriptedServices.cohere()
        defer { server.close() }
        let file = try folder.write(
            "cascade.yaml",
            """
            cascade:
              - {reranker: \(Resift.model), keep: 2}
              - {reranker: "cohere:rerank-v3.5@\(server.url)", price: {per-search-unit: 2}}
            """)
        let refused = try rerank(["river", "--reranker", file, "--max-cost", "1.99"])
        #expect(refused.status == 65 && server.requests.isEmpty, "\(refused.stderr)")
        #expect(refused.stderr.contains("$2.0000"))
        let allowed = try rerank(["river", "--reranker", file, "--max-cost", "2"])
        #expect(allowed.status == 0 && server.requests.count == 1, "\(allowed.stderr)")
        // The error of a run that would not cost too much is that of the run.
        let wrong = try rerank(["river", "--reranker", file, "--max-cost", "2", "--layer-exit"])
        #expect(wrong.status == 65 && server.requests.count == 1)
    }

    @Test("what the cache has costs nothing")
    func cached() throws {
        let server = try ScriptedServices.chat()
        defer { server.close() }
        let prices = try folder.write(
            "prices.yaml", "llm:vllm: {per-million-input-tokens: 1, per-million-output-tokens: 1}")
        let arguments = [
            "--queries", try queries(3), "--reranker", "llm:vllm/m@\(server.url)", "--prices", prices, "--cache",
            "sqlite:\(folder.path)/scores.db", "--max-cost",
        ]
        let first = try rerank(arguments + ["1"])
        #expect(first.status == 0 && server.requests.count == 3, "\(first.stderr)")
        let second = try rerank(arguments + ["0"])
        #expect(second.status == 0 && server.requests.count == 3, "\(second.stderr)")
        #expect(second.stdout == first.stdout)
        #expect(second.stderr.hasPrefix("estimate: llm:vllm/m: 0 requests"), "\(second.stderr)")
    }

    @Test("search and evaluate find their candidates first, and are refused before anything is asked")
    func pipelines() throws {
        let server = try ScriptedServices.cohere()
        defer { server.close() }
        let name = "cohere:rerank-v3.5@\(server.url)"
        let prices = try folder.write("prices.yaml", "cohere: {per-search-unit: 1}\n")
        let dataset = try TestDataset()
        let evaluate = [
            "evaluate", "--dataset", dataset.path, "--index", dataset.index, "--stages", "bm25,bm25+rerank",
            "--rerankers", "\(name),\(Resift.model)", "--prices", prices,
        ]
        let refused = try Resift.run(evaluate + ["--max-cost", "1.5"])
        #expect(refused.status == 65 && server.requests.isEmpty, "\(refused.stderr)")
        #expect(refused.stderr.contains("estimate: cohere:rerank-v3.5: 2 requests") && refused.stdout == "")
        let allowed = try Resift.run(evaluate + ["--max-cost", "2", "--format", "json"])
        #expect(allowed.status == 0 && server.requests.count == 2, "\(allowed.stderr)")
        #expect(allowed.stderr.contains("note: bm25+rerank[\(name)]: 2 requests"), "\(allowed.stderr)")

        let search = ["search", "password", "--index", dataset.index, "--reranker", name, "--prices", prices]
        let dear = try Resift.run(search + ["--rerank", "--max-cost", "0.5"])
        #expect(dear.status == 65 && dear.stdout == "" && server.requests.count == 2, "\(dear.stderr)")
        // So small an index is not reranked unasked: that costs nothing.
        let free = try Resift.run(search + ["--max-cost", "0"])
        #expect(free.status == 0 && server.requests.count == 2, "\(free.stderr)")
        let queries = try folder.write("q.tsv", "1\tpassword\n2\trefund\n3\tto be or not\n")
        let many = ["search", "--queries", queries, "--index", dataset.index, "--reranker", name, "--prices", prices]
        #expect(try Resift.run(many + ["--rerank", "--max-cost", "1.5"]).status == 65)
        #expect(server.requests.count == 2)
        let run = try Resift.run(many + ["--rerank", "--max-cost", "2"])
        #expect(run.status == 0 && server.requests.count == 4, "\(run.stderr)")
    }
}
