import Foundation
import OrderedJSON
import ScriptedServer
import TestSupport
import Testing

@Suite("--prompt: language models are asked with the caller's words", .blocking)
struct PromptCommandTests {
    private let folder: TemporaryFolder
    private let documents = "water budget\nriver temperature\ncouncil election\n"

    init() throws { folder = try TemporaryFolder() }

    private func rerank(_ options: [String]) throws -> Resift.Output {
        try Resift.run(["rerank", "river", "--documents", "-", "--format", "trec"] + options, input: documents)
    }

    @Test("models prompt prints what is asked; changed in a file, the change is what is asked")
    func prompt() throws {
        let server = try ScriptedServices.chat()
        defer { server.close() }
        let name = "llm:vllm/m@\(server.url)"
        let own = try Resift.run(["models", "prompt", "listwise"])
        #expect(own.status == 0 && own.stdout.contains("{passages}"))
        #expect(try Resift.run(["models", "prompt", "pointwise"]).stdout.contains("yes or no"))
        let changed = try folder.write("prompt.txt", own.stdout + "\nPrefer what is about birds.\n")
        let plain = try rerank(["--reranker", name])
        let asked = try rerank(["--reranker", name, "--prompt", changed])
        #expect(plain.status == 0 && asked.status == 0, "\(asked.stderr)")
        #expect(asked.stdout == plain.stdout && plain.lines.count == 3)
        let questions = server.requests.map { ScriptedServices.question(in: $0) }
        #expect(questions.count == 2 && questions[1] == questions[0] + "\n\nPrefer what is about birds.")
        // In a file of rankers it stands beside the name.
        let file = try folder.write("ranker.yaml", "reranker: \(name)\nprompt: \(changed)\n")
        #expect(try rerank(["--reranker", file]).status == 0)
        #expect(server.requests.last.map { ScriptedServices.question(in: $0) } == questions[1])
    }

    @Test("answers to one prompt are not taken for answers to another")
    func cache() throws {
        let server = try ScriptedServices.chat()
        defer { server.close() }
        let prompt = try folder.write("prompt.txt", "{query}\n{passages}\n{answer_form}")
        let options = ["--reranker", "llm:vllm/m@\(server.url)", "--cache", "sqlite:\(folder.path)/scores.db"]
        for (more, requests) in [([], 1), ([], 1), (["--prompt", prompt], 2), (["--prompt", prompt], 2)] {
            #expect(try rerank(options + more).status == 0)
            #expect(server.requests.count == requests)
        }
        try folder.write("prompt.txt", "Again: {query}\n{passages}\n{answer_form}")
        #expect(try rerank(options + ["--prompt", prompt]).status == 0)
        #expect(server.requests.count == 3)
    }

    @Test("a prompt that cannot be asked, or has nobody to ask, is refused")
    func refused() throws {
        let good = try folder.write("good.txt", "{query} {passages} {answer_form}")
        let bad = try folder.write("bad.txt", "{query} {passages} {nonsense}")
        let file = try folder.write("two.yaml", "cascade: [default, \"llm:vllm/m\"]")
        for (options, status, text) in [
            (["--prompt", good], Int32(64), "--reranker"),
            (["--reranker", "default", "--prompt", good], 65, "given for"),
            (["--reranker", file, "--prompt", good], 65, "prompt: "),
            (["--reranker", "llm:vllm/m", "--prompt", bad], 65, "{nonsense}"),
            (["--reranker", "llm:vllm/m", "--prompt", "none.txt"], 66, "none.txt"),
            (["--reranker", "llm-pointwise:vllm/m", "--prompt", good], 65, "{answer_form}"),
        ] {
            let output = try rerank(options)
            #expect(output.status == status, "\(options): \(output.stderr)")
            #expect(output.stderr.contains(text), "\(output.stderr)")
        }
    }
}
