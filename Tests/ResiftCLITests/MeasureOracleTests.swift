import Foundation
import TestSupport
import Testing

/// The Python environment of `make oracle-environment`.
private let oraclePython: String? = {
    let path = Repository.directory + "/.venv-oracle/bin/python"
    return FileManager.default.isExecutableFile(atPath: path) ? path : nil
}()

@Suite(
    "Measures and p-values agree with pytrec_eval, ir_measures and scipy", .blocking,
    .enabled(if: oraclePython != nil, "Needs Python and PyPI: run `make oracle-environment`."))
struct MeasureOracleTests {
    @Test("10,000 random cases")
    func cases() throws {
        let python = try #require(oraclePython)
        let output = try Resift.run(
            [Repository.directory + "/Tools/oracle/compare.py", Resift.program.path], input: [],
            program: URL(fileURLWithPath: python))
        #expect(output.status == 0, "\(output.stdout)\(output.stderr)")
        #expect(output.stdout.contains(" values, 0 differ"))
        print(output.stdout)
    }
}
