import Foundation
import TestSupport
import Testing

/// The Python of `make acceptance-environment`: that of the first environment, where all are there.
private func acceptancePython(_ environments: String...) -> String? {
    let names = environments.map { Repository.directory + "/.venv-acceptance-\($0)/bin/python" }
    return names.allSatisfy(FileManager.default.isExecutableFile) ? names[0] : nil
}

private let serverPython = acceptancePython("first", "second")
private let hubPython = acceptancePython("hub")

/// Runs a program of Tools/acceptance, which counts what failed.
private func runAcceptance(_ name: String, python: String?) throws {
    let output = try Resift.run(
        [Repository.directory + "/Tools/acceptance/" + name, Resift.program.path], input: [],
        program: URL(fileURLWithPath: #require(python)))
    #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
    #expect(output.stdout.contains(" passed, 0 failed"))
    print(output.stdout)
}

@Suite(
    "resift serve, from outside", .blocking, .serialized,
    .enabled(if: serverPython != nil, "Needs Python and PyPI: run `make acceptance-environment`."))
struct AcceptanceTests {
    @Test(
        "answers its clients and withstands the others",
        arguments: [
            // The real clients of PyPI: order and scores as `resift rerank` has them, errors as each reads them.
            "run.py",
            // Slow, broken, huge and half-closed requests: status, life, memory.
            "abuse.py",
        ])
    func program(name: String) throws { try runAcceptance(name, python: serverPython) }
}

@Suite(
    "resift models, from outside", .blocking,
    .enabled(if: hubPython != nil, "Needs Python and PyPI: run `make acceptance-environment`."))
struct HubAcceptanceTests {
    @Test("shares one cache with the huggingface_hub of PyPI, in both directions")
    func cache() throws { try runAcceptance("hub.py", python: hubPython) }
}
