import Foundation
import TestSupport
import Testing

/// The Python of `make acceptance-environment`.
private let acceptancePython: String? = {
    let names = ["first", "second"].map { Repository.directory + "/.venv-acceptance-\($0)/bin/python" }
    return names.allSatisfy(FileManager.default.isExecutableFile) ? names[0] : nil
}()

@Suite(
    "The real clients of PyPI against resift serve",
    .enabled(if: acceptancePython != nil, "Needs Python and PyPI: run `make acceptance-environment`."))
struct AcceptanceTests {
    @Test("cohere 5 and 7, LangChain, LlamaIndex, voyageai, mixedbread, rerankers, infinity-client")
    func clients() throws {
        let python = try #require(acceptancePython)
        let output = try Resift.run(
            [Repository.directory + "/Tools/acceptance/run.py", Resift.program.path], input: [],
            program: URL(fileURLWithPath: python))
        #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
        #expect(output.stdout.contains(" passed, 0 failed"))
        print(output.stdout)
    }
}
