import Foundation
import TestSupport
import Testing

/// The Python of `make acceptance-environment`.
private let acceptancePython: String? = {
    let names = ["first", "second"].map { Repository.directory + "/.venv-acceptance-\($0)/bin/python" }
    return names.allSatisfy(FileManager.default.isExecutableFile) ? names[0] : nil
}()

@Suite(
    "resift serve, from outside", .serialized,
    .enabled(if: acceptancePython != nil, "Needs Python and PyPI: run `make acceptance-environment`."))
struct AcceptanceTests {
    @Test(
        "answers its clients and withstands the others",
        arguments: [
            // The real clients of PyPI: order and scores as `resift rerank` has them, errors as each reads them.
            "run.py",
            // Slow, broken, huge and half-closed requests: status, life, memory.
            "abuse.py",
        ])
    func program(name: String) throws {
        let python = try #require(acceptancePython)
        let output = try Resift.run(
            [Repository.directory + "/Tools/acceptance/" + name, Resift.program.path], input: [],
            program: URL(fileURLWithPath: python))
        #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
        #expect(output.stdout.contains(" passed, 0 failed"))
        print(output.stdout)
    }
}
