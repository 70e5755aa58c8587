import Foundation
import OrderedJSON
import ScriptedServer
import TestSupport
import Testing

@Suite("Services in search and evaluate, and our own server through every client", .blocking)
struct ServiceCommandTests {
    private let dataset: TestDataset
    private let key = "secret-key-of-a-test"

    init() throws { dataset = try TestDataset() }

    private func evaluate(_ options: [String]) throws -> Resift.Output {
        try Resift.run(
            ["evaluate", "--dataset", dataset.path, "--index", dataset.index] + options,
            environment: ["CO_API_KEY": key])
    }

    private func search(_ options: [String]) throws -> Resift.Output {
        // The index is the one that an evaluation builds.
        if !FileManager.default.fileExists(atPath: dataset.index) { _ = try evaluate(["--stages", "bm25"]) }
        return try Resift.run(
            ["search", "password annual", "--index", dataset.index, "--rerank"] + options,
            environment: ["CO_API_KEY": key])
    }

    /// Mean of RR, queries asked and failed, by row.
    private func rows(_ output: Resift.Output) throws -> [String: (mean: Double, object: JSONObject)] {
        guard case .object(let report) = try JSONValue.parse(Array(output.stdout.utf8)),
            case .array(let stages)? = report["stages"]
        else { return [:] }
        var rows: [String: (Double, JSONObject)] = [:]
        for case .object(let stage) in stages {
            guard case .string(let name)? = stage["stage"], case .object(let measures)? = stage["measures"],
                case .number(let mean)? = measures["RR"]
            else { continue }
            rows[name] = (mean.double, stage)
        }
        return rows
    }

    @Test("evaluate --rerankers compares services, a language model and a file; each has its own row and usage")
    func evaluateRerankers() throws {
        // d1 and d2 hold "reset" and "refunded"; the other service prefers everything else.
        let good = try ScriptedServices.cohere { text, _ in text.contains("reset") || text.contains("refunded") ? 1 : 0
        }
        let bad = try ScriptedServices.cohere { text, _ in text.contains("reset") || text.contains("refunded") ? 0 : 1 }
        let chat = try ScriptedServices.chat(order: { passages in
            func isGood(_ place: Int) -> Bool {
                passages[place].contains("reset") || passages[place].contains("refunded")
            }
            return passages.indices.filter(isGood) + passages.indices.filter { !isGood($0) }
        })
        defer { for server in [good, bad, chat] { server.close() } }
        let file = try dataset.folder.write(
            "cascade.yaml",
            """
            cascade:
              - {reranker: \(Resift.model), keep: 1}
              - {reranker: "cohere:m@\(bad.url)", on-failure: keep-order}
            """)
        let names = ["cohere:good@\(good.url)", "cohere:bad@\(bad.url)", "llm:vllm/m@\(chat.url)", file]
        let output = try evaluate([
            "--rerankers", names.joined(separator: ","), "--stages", "bm25,bm25+rerank", "--measure", "RR", "--format",
            "json",
        ])
        #expect(output.status == 0, "\(output.stderr)")
        let rows = try rows(output)
        #expect(rows.keys.sorted() == (["bm25"] + names.map { "bm25+rerank[\($0)]" }).sorted())
        // Printed with six decimals. Two queries have one relevant document each, the third no word to look up: (1 + 1 + 0) / 3.
        for name in [names[0], names[2]] {
            #expect(abs((rows["bm25+rerank[\(name)]"]?.mean ?? 0) - 2.0 / 3) < 1e-6, "\(name)")
        }
        // Each relevant document is the last of two.
        #expect(abs((rows["bm25+rerank[\(names[1])]"]?.mean ?? 0) - (0.5 + 0.5) / 3) < 1e-6)
        for name in names {
            #expect(output.stderr.contains("note: bm25+rerank[\(name)]: 2 requests"), "\(output.stderr)")
        }
        #expect(output.stderr.contains("200 tokens read, 20 tokens written"))
        #expect(!(output.stdout + output.stderr).contains(key))
    }

    @Test("evaluate says which queries a service failed at; a policy in a file keeps the order, and that is said")
    func evaluateFailures() throws {
        let down = try ScriptedServices.cohere(status: 401)
        defer { down.close() }
        let name = "cohere:m@\(down.url)"
        let denied = try evaluate(["--rerankers", name, "--stages", "bm25+rerank"])
        // A wrong key is wrong for all queries.
        #expect(denied.status == 77 && denied.stdout == "", "\(denied.stderr)")
        let busy = try ScriptedServices.cohere(status: 400)
        defer { busy.close() }
        let output = try evaluate([
            "--rerankers", "cohere:m@\(busy.url)", "--stages", "bm25+rerank", "--measure", "RR", "--format", "json",
        ])
        #expect(output.status == 0, "\(output.stderr)")
        #expect(output.stderr.contains("note: bm25+rerank: 3 queries have no results"), "\(output.stderr)")
        let file = try dataset.folder.write("kept.yaml", "reranker: \(name)\non-failure: keep-order\n")
        let kept = try evaluate([
            "--rerankers", file, "--stages", "bm25,bm25+rerank", "--measure", "RR", "--format", "json",
        ])
        #expect(kept.status == 0, "\(kept.stderr)")
        let rows = try rows(kept)
        #expect(rows["bm25+rerank"]?.mean == rows["bm25"]?.mean && rows.count == 2)
        #expect(kept.stderr.contains("a reranker failed at 2 queries"), "\(kept.stderr)")
        for output in [denied, output, kept] { #expect(!(output.stdout + output.stderr).contains(key)) }
    }

    @Test("search --reranker: the service's order and scores, or what the policy says where it fails; --strict is 79")
    func searchPolicies() throws {
        let server = try ScriptedServices.cohere()
        let down = try ScriptedServices.cohere(status: 401)
        defer { for server in [server, down] { server.close() } }
        func results(_ output: Resift.Output) throws -> [Summary] { try output.lines.map(Summary.init) }
        let ranked = try search(["--reranker", "cohere:m@\(server.url)", "--strict", "--explain"])
        #expect(ranked.status == 0, "\(ranked.stderr)")
        let first = try search(["--no-rerank"])
        let order = try results(first).map { $0["id"] }
        #expect(order.count == 4)
        #expect(try results(ranked).map { $0["id"] } == order.reversed())
        #expect(try results(ranked).map { $0["score"] } == ["0.04", "0.03", "0.02", "0.01"])
        #expect(ranked.stderr.contains("reranked: 4 pairs by cohere:m") && ranked.stderr.contains("1 requests"))

        let name = ["--reranker", "cohere:m@\(down.url)"]
        let thrown = try search(name)
        #expect(thrown.status == 77 && thrown.stdout == "")
        let kept = try search(name + ["--on-failure", "keep-order"])
        #expect(kept.status == 0 && kept.stderr.contains("access_denied"), "\(kept.stderr)")
        #expect(try results(kept).map { $0["id"] } == order)
        let replaced = try search(name + ["--on-failure", Resift.model])
        #expect(replaced.status == 0 && replaced.stderr.contains("ranked instead"), "\(replaced.stderr)")
        #expect(try results(replaced).map { $0["id"] } == results(search(["--model", Resift.model])).map { $0["id"] })
        for policy in ["keep-order", Resift.model] {
            let strict = try search(name + ["--on-failure", policy, "--strict"])
            #expect(strict.status == 79 && strict.lines.count == 4, "\(strict.stderr)")
        }
        let queries = try dataset.folder.write("many.tsv", "1\tpassword\n2\trefund\n")
        let many = try Resift.run(
            [
                "search", "--queries", queries, "--index", dataset.index, "--rerank", "--strict", "--on-failure",
                "keep-order",
            ]
                + name, environment: ["CO_API_KEY": key])
        #expect(many.status == 79 && many.lines.count == 3, "\(many.stdout) \(many.stderr)")
        for output in [ranked, thrown, kept, replaced, many] { #expect(!(output.stdout + output.stderr).contains(key)) }
    }

    @Test("a slow language model: at the deadline every document is there once, and what happened is said")
    func slowModel() throws {
        // From the front, the second window is never answered.
        let chat = try ScriptedServices.chat(waits: { number in
            if number % 2 == 1 { try? await Task.sleep(for: .seconds(600)) }
        })
        defer { chat.close() }
        let documents = (0..<30).map { "document \($0)\n" }.joined()
        func rerank(_ options: [String]) throws -> Resift.Output {
            try Resift.run(
                ["rerank", "q", "--documents", "-", "--limit", "0", "--reranker"] + options, input: documents)
        }
        let name = "llm:vllm/m@\(chat.url)"
        // The command may need more than seconds for its first window on a busy machine.
        for (attempt, seconds) in [4, 20, 90].enumerated() {
            let output = try rerank([name, "--deadline", "\(seconds)s", "--strict"])
            #expect(output.status == 79 && output.lines.count == 30, "\(output.stderr)")
            let results = try output.lines.map { try Summary($0) }
            #expect(Set(results.compactMap { $0["index"] }).count == 30)
            if output.stderr.contains("left 30 of 30"), attempt < 2 { continue }
            #expect(output.stderr.contains("left 10 of 30 documents without a score"), "\(output.stderr)")
            #expect(results.prefix(20).map { $0["index"] } == (0..<20).reversed().map { "\($0)" })
            #expect(results.suffix(10).map { $0["index"] } == (20..<30).map { "\($0)" })
            break
        }
        // Each attempt may take so long; then the policy decides.
        let file = try dataset.folder.write(
            "slow.yaml", "reranker: \(name)\ntimeout: 300ms\nattempts: 1\non-failure: keep-order\n")
        let kept = try rerank([file])
        #expect(kept.status == 0 && kept.lines.count == 30, "\(kept.stderr)")
        #expect(kept.stderr.contains("(unreachable)") && kept.stderr.contains("did not answer in 0.3 seconds"))
    }

    @Test("through every client that our server speaks the form of, scores are those of the local model")
    func ownServer() throws {
        let server = try RunningServer(["--model", "m=\(Resift.model)"])
        defer { server.stop() }
        let local = try search(["--model", Resift.model, "--activation", "sigmoid"])
        func results(_ output: Resift.Output) throws -> [(id: String, score: Double)] {
            try output.lines.map { line in
                let result = try Summary(line)
                return (result["id"] ?? "", Double(result["score"] ?? "") ?? .nan)
            }
        }
        let expected = try results(local)
        #expect(expected.count == 4)
        for name in [
            "cohere:m@\(server.address)", "cohere-v1:m@\(server.address)", "jina:m@\(server.address)/v1",
            "voyage:m@\(server.address)/v1", "mixedbread:m@\(server.address)", "tei:\(server.address)",
            "vllm:m@\(server.address)", "infinity:\(server.address)",
        ] {
            let output = try search(["--reranker", name, "--strict"])
            #expect(output.status == 0, "\(name): \(output.stderr)")
            let answered = try results(output)
            #expect(answered.map(\.id) == expected.map(\.id), "\(name)")
            for (own, other) in zip(answered, expected) { #expect(abs(own.score - other.score) < 1e-6, "\(name)") }
        }
        // Evaluated as one row each, they have the same figures.
        let names = "tei:\(server.address),cohere:m@\(server.address)"
        let output = try evaluate([
            "--models", Resift.model, "--rerankers", names, "--stages", "bm25+rerank", "--measure", "RR", "--format",
            "json",
        ])
        #expect(output.status == 0, "\(output.stderr)")
        let rows = try rows(output)
        #expect(rows.count == 3 && Set(rows.values.map(\.mean)).count == 1)
    }
}
