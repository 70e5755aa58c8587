import FuzzMutations
import Inference
import Testing

@Suite("Damaged model files")
struct FuzzTests {
    /// 100 cases a seed; `make fuzz` runs 100,000 under the address sanitizer.
    @Test("a damaged file gives an error that explains itself or a finite score", arguments: 0..<20)
    func damage(seed: UInt64) async throws {
        let corpus = try FuzzCorpus()
        let pool = ComputePool(threads: 1)
        defer { pool.shutDown() }
        for number in 0..<100 {
            let test = FuzzCase(seed: seed, number: number, corpus: corpus)
            await #expect(throws: Never.self, "seed \(seed), case \(number), \(test.model.name)/\(test.file)") {
                _ = try await test.run(pool: pool)
            }
        }
    }
}
